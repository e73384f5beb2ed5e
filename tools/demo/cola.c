/* cola.c - is the sentence acceptable? Clauses whose verb and determiner agree with the noun, and
 * the same with one damage. */
#include "task.h"

#include <ctype.h>
#include <string.h>

/* Singular and plural. */
typedef const char *const number_pair[2];

static number_pair nouns[] = {{"dog", "dogs"},     {"cat", "cats"},       {"child", "children"},
                              {"woman", "women"},  {"man", "men"},        {"boat", "boats"},
                              {"train", "trains"}, {"letter", "letters"}, {"bird", "birds"},
                              {"girl", "girls"},   {"key", "keys"},       {"door", "doors"}};
static number_pair verbs[] = {{"runs", "run"},   {"sleeps", "sleep"}, {"waits", "wait"},
                              {"stops", "stop"}, {"moves", "move"},   {"falls", "fall"},
                              {"turns", "turn"}};
static number_pair small_words[] = {{"is", "are"}, {"this", "these"}, {"that", "those"}};
enum { NOUNS = 12, VERBS = 7, SMALL_WORDS = 3 };

static const struct words determiners[2] = {WORDS("this", "that", "the"),
                                            WORDS("these", "those", "the")};
static const struct words states =
    WORDS("old", "small", "wet", "quiet", "lost", "heavy", "dark", "ready");
static const struct words adverbs = WORDS("often", "never", "always", "slowly", "again");
static const struct words where =
    WORDS("near the river", "in the park", "at the station", "behind the wall", "on the hill",
          "under the bridge", "in the kitchen");

enum { CLAUSE_WORDS = 8 };

struct clause {
    const char *word[CLAUSE_WORDS];
    int count, verb; /* words; the number of the verb. The determiner is the first. */
};

static void add(struct clause *c, const char *word) {
    c->word[c->count++] = word;
}

static void make_clause(struct clause *c, struct draws *d) {
    int plural = draw_chance(d, 50);
    const char *noun = nouns[draw_below(d, NOUNS)][plural];

    *c = (struct clause){0};
    add(c, draw_word(d, &determiners[plural]));
    if (draw_chance(d, 30)) add(c, draw_word(d, &states));
    add(c, noun);
    if (draw_chance(d, 30)) add(c, draw_word(d, &where));
    c->verb = c->count;
    if (draw_chance(d, 50)) {
        add(c, small_words[0][plural]);
        add(c, draw_word(d, &states));
    } else {
        add(c, verbs[draw_below(d, VERBS)][plural]);
        add(c, draw_word(d, draw_chance(d, 40) ? &adverbs : &where));
    }
}

static const char *other_in(number_pair *pairs, int n, const char *word) {
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++)
            if (!strcmp(pairs[i][k], word)) return pairs[i][1 - k];
    return NULL;
}

/* The word in the other number; NULL for "the". */
static const char *other_number(const char *word) {
    const char *found = other_in(verbs, VERBS, word);

    return found ? found : other_in(small_words, SMALL_WORDS, word);
}

static void damage(struct clause *c, struct draws *d) {
    int kind = draw_below(d, 100);
    const char *first = c->word[0];

    if (kind < 60) { /* agreement of the verb with its subject */
        c->word[c->verb] = other_number(c->word[c->verb]);
    } else if (kind < 75 && other_number(first)) { /* agreement of the determiner */
        c->word[0] = other_number(first);
    } else if (kind < 90) { /* the article behind its noun */
        c->word[0] = c->word[1];
        c->word[1] = first;
    } else { /* a verb twice */
        memmove(c->word + c->verb + 1, c->word + c->verb,
                (size_t)(c->count - c->verb) * sizeof *c->word);
        c->count++;
    }
}

void demo_cola(struct example *out, struct draws *d) {
    struct clause c;

    make_clause(&c, d);
    out->label = draw_chance(d, 55);
    if (!out->label) damage(&c, d);
    for (int i = 0; i < c.count; i++)
        line_add(&out->text[0], "%s%s", i ? " " : "", c.word[i]);
    line_add(&out->text[0], ".");
    out->text[0].text[0] = (char)toupper((unsigned char)out->text[0].text[0]);
}
