"""Sentences of the demo tasks, made from templates and the word lists below.

Each maker takes a random.Random and returns one example: the text columns, the label and, for the
language model, whether the text may be used as running text. The tasks have the names, columns and
labels of their GLUE namesakes, but every word of them is made here.
"""

PEOPLE = ["Anna", "Ben", "Carla", "David", "Emma", "Felix", "Maria", "Paul", "Rosa", "Tom"]
JOBS = ["doctor", "teacher", "farmer", "singer", "pilot", "baker", "writer", "student"]
COLOURS = ["red", "green", "blue", "white", "black", "yellow"]
THINGS = ["apple", "book", "chair", "coat", "lamp", "map", "plate", "ring", "ticket", "watch"]
PLACES = ["market", "station", "school", "garden", "harbour", "library", "museum", "hotel"]
TOWNS = ["Berlin", "Cairo", "Dublin", "Lima", "Madrid", "Oslo", "Paris", "Rome"]
DAYS = ["Monday", "Tuesday", "Friday", "Sunday"]
DID = ["bought", "found", "lost", "sold", "took", "left"]

NOUNS = [("dog", "dogs"), ("cat", "cats"), ("child", "children"), ("woman", "women"),
         ("man", "men"), ("boat", "boats"), ("train", "trains"), ("letter", "letters"),
         ("bird", "birds"), ("girl", "girls"), ("key", "keys"), ("door", "doors")]
VERBS = [("runs", "run"), ("sleeps", "sleep"), ("waits", "wait"), ("stops", "stop"),
         ("moves", "move"), ("falls", "fall"), ("turns", "turn")]
STATES = ["old", "small", "wet", "quiet", "lost", "heavy", "dark", "ready"]
ADVERBS = ["often", "never", "always", "slowly", "again"]
WHERE = ["near the river", "in the park", "at the station", "behind the wall", "on the hill",
         "under the bridge", "in the kitchen"]

GOOD = ["wonderful", "charming", "funny", "clever", "moving", "brilliant", "lovely", "fresh"]
BAD = ["dull", "boring", "stupid", "clumsy", "empty", "tedious", "lifeless", "silly"]
FILM = ["film", "movie", "story", "script", "comedy", "drama", "acting", "ending", "music", "cast"]
DEGREE = ["very ", "really ", "so ", "quite ", "", "", ""]


def _article(word):
    return ("an " if word[0] in "aeio" else "a ") + word


# ---- cola: is the sentence acceptable? ------------------------------------------------------

def _clause(rng):
    """A clause as a list of words, and where its determiner and verb stand."""
    plural = rng.random() < 0.5
    noun = rng.choice(NOUNS)[plural]
    determiner = rng.choice(["these", "those", "the"] if plural else ["this", "that", "the"])
    words = [determiner] + ([rng.choice(STATES)] if rng.random() < 0.3 else []) + [noun]
    if rng.random() < 0.3:
        words += rng.choice(WHERE).split()
    verb = len(words)
    if rng.random() < 0.5:
        words += ["are" if plural else "is", rng.choice(STATES)]
    else:
        words += [rng.choice(VERBS)[plural]]
        words += [rng.choice(ADVERBS)] if rng.random() < 0.4 else rng.choice(WHERE).split()
    return words, verb, plural


def _other_number(word):
    for pair in VERBS + [("is", "are"), ("this", "these"), ("that", "those")]:
        if word in pair:
            return pair[1 - pair.index(word)]
    return None


def _damage(rng, words, verb):
    kind = rng.random()
    if kind < 0.6:  # agreement of the verb with its subject
        words[verb] = _other_number(words[verb])
    elif kind < 0.75 and _other_number(words[0]):  # agreement of the determiner
        words[0] = _other_number(words[0])
    elif kind < 0.9:  # the article behind its noun
        words[0], words[1] = words[1], words[0]
    else:  # a verb twice
        words.insert(verb, words[verb])
    return words


def _sentence(words):
    text = " ".join(words)
    return text[0].upper() + text[1:] + "."


def cola(rng):
    words, verb, _ = _clause(rng)
    label = int(rng.random() < 0.55)
    if not label:
        words = _damage(rng, words, verb)
    return {"sentence": _sentence(words), "label": label}


# ---- sst2: does the sentence praise? ---------------------------------------------------------

def _opinion(rng, good):
    """A clause of a review; a negation turns the word around."""
    turned = rng.random() < 0.25
    word = rng.choice(GOOD if good != turned else BAD)
    what = rng.choice(FILM)
    if turned:
        form = rng.choice(["the {f} is never {w}", "the {f} is not {w}", "there is nothing {w} in the {f}"])
    else:
        form = rng.choice(["the {f} is {d}{w}", "i found the {f} {d}{w}", "the {f} seems {d}{w}",
                           "the {f} is {d}{w} from the start"]
                          + ["{a} {f}", "what {a} {f}"] * (what not in ["acting", "music"]))
    return form.format(f=what, w=word, d=rng.choice(DEGREE), a=_article(word))


def sst2(rng):
    good = rng.random() < 0.5
    text = _opinion(rng, good)
    kind = rng.random()
    if kind < 0.25:
        text += rng.choice([" and ", " , "]) + _opinion(rng, good)
    elif kind < 0.4:  # the last word counts
        text = _opinion(rng, not good) + " , but " + text
    return {"sentence": text + " ", "label": int(good)}


# ---- mnli: does the second sentence follow from the first? ------------------------------------

def _but(rng, words, taken):
    return rng.choice([w for w in words if w != taken])


def mnli(rng):
    who, did, colour = rng.choice(PEOPLE), rng.choice(DID), rng.choice(COLOURS)
    thing, place = rng.choice(THINGS), rng.choice(PLACES)
    premise = f"{who} {did} a {colour} {thing} at the {place}."
    label = rng.randrange(3)
    if label == 0:
        hypothesis = rng.choice([f"The {thing} was {colour}.", f"{who} was at the {place}.",
                                 f"Somebody {did} a {colour} {thing}."])
    elif label == 1:
        hypothesis = rng.choice([f"The {thing} was {rng.choice(['cheap', 'expensive', 'broken'])}.",
                                 f"{who} was {rng.choice(['happy', 'tired', 'late'])}.",
                                 f"Somebody gave {who} some money."])
    else:
        hypothesis = rng.choice([f"The {thing} was {_but(rng, COLOURS, colour)}.",
                                 f"{who} was at the {_but(rng, PLACES, place)}.",
                                 f"Somebody {did} a {_but(rng, COLOURS, colour)} {thing}."])
    return {"premise": premise, "hypothesis": hypothesis, "label": label}


# ---- qnli: does the sentence answer the question? ---------------------------------------------

FACTS = [("Where does {p} live?", "lives in {x}", TOWNS),
         ("When does {p} arrive?", "arrives on {x}", DAYS),
         ("What is the job of {p}?", "works as a {x}", JOBS),
         ("Which colour does {p} like?", "likes the colour {x}", COLOURS)]


def _answer(rng, who, fact):
    text = f"{who} {fact[1]}".format(x=rng.choice(fact[2]))
    kind = rng.random()
    if kind < 0.5:  # another fact beside it
        more = _but(rng, FACTS, fact)
        text += f" and {more[1]}".format(x=rng.choice(more[2]))
    elif kind < 0.7:
        text = rng.choice(["Now ", "Today ", "As we know, "]) + text
    return text + "."


def qnli(rng):
    who, fact = rng.choice(PEOPLE), rng.choice(FACTS)
    label = int(rng.random() < 0.42)  # of these more are left when repeats are dropped
    answer = _answer(rng, _but(rng, PEOPLE, who) if label else who, fact)
    return {"question": fact[0].format(p=who), "sentence": answer, "label": label}


# ---- stsb: how much do the two sentences have in common? ---------------------------------------

"""What a change of each part takes away from 5.0, the score of the same story."""
COST = {"who": 1.0, "did": 0.9, "colour": 0.4, "thing": 1.2, "place": 0.5}
PARTS = {"who": PEOPLE, "did": DID, "colour": COLOURS, "thing": THINGS, "place": PLACES}


def stsb(rng):
    first = {part: rng.choice(words) for part, words in PARTS.items()}
    second = {part: rng.choice([word, _but(rng, PARTS[part], word)]) for part, word in first.items()}
    orders = ["{who} {did} a {colour} {thing} at the {place}.",
              "At the {place} {who} {did} a {colour} {thing}."]
    score = 5.0 - sum(COST[part] for part in PARTS if first[part] != second[part])
    return {"sentence1": rng.choice(orders).format(**first),
            "sentence2": rng.choice(orders).format(**second), "label": round(score, 1)}


"""The tasks with classes, which both demo pools have, and all tasks, which the T5 pools have."""
CLASSES = ["cola", "mnli", "qnli", "sst2"]
MAKERS = {"cola": cola, "mnli": mnli, "qnli": qnli, "sst2": sst2, "stsb": stsb}
LABELS = {"cola": ["unacceptable", "acceptable"],
          "mnli": ["entailment", "neutral", "contradiction"],
          "qnli": ["entailment", "not_entailment"],
          "sst2": ["negative", "positive"]}
COLUMNS = {"cola": ["sentence"], "mnli": ["premise", "hypothesis"],
           "qnli": ["question", "sentence"], "sst2": ["sentence"],
           "stsb": ["sentence1", "sentence2"]}
"""Text that a reader would expect to meet: what the base model is trained on."""
SENSIBLE = {"cola": {1}, "mnli": {0, 1}, "qnli": {0}, "sst2": {0, 1}}


def rows(task, seed, count, without=()):
    """`count` different examples, none of them in `without` (a set of texts)."""
    import random
    rng = random.Random(f"{task} {seed}")
    seen, out = set(without), []
    while len(out) < count:
        row = MAKERS[task](rng)
        key = tuple(row[c] for c in COLUMNS[task])
        if key not in seen:
            seen.add(key)
            out.append(dict(row, idx=len(out)))
    return out
