/* story.c - mnli and stsb: two sentences about who did what to which thing and where. */
#include "task.h"

#include <string.h>

enum { WHO, DID, COLOUR, THING, PLACE, PARTS };

/* The parts in templates, in the order above; {x} is a word from elsewhere. */
static const char letters[] = "wdctpx";

struct story {
    const char *part[PARTS + 1];
};

static const struct words did = WORDS("bought", "found", "lost", "sold", "took", "left");
static const struct words things =
    WORDS("apple", "book", "chair", "coat", "lamp", "map", "plate", "ring", "ticket", "watch");
static const struct words places =
    WORDS("market", "station", "school", "garden", "harbour", "library", "museum", "hotel");
static const struct words *const lists[PARTS] = {&demo_people, &did, &demo_colours, &things,
                                                 &places};

static const char plain[] = "{w} {d} a {c} {t} at the {p}.";

static void draw_story(struct story *s, struct draws *d) {
    for (int i = 0; i < PARTS; i++)
        s->part[i] = draw_word(d, lists[i]);
}

static void change(struct story *s, int part, struct draws *d) {
    s->part[part] = draw_other(d, lists[part], s->part[part]);
}

static void tell(struct line *l, const char *form, const struct story *s) {
    line_fill(l, form, letters, s->part);
}

/* ---- mnli ----------------------------------------------------------------------------------- */

/* What follows from the story; with the part changed that stands beside it, what contradicts it. */
static const struct {
    const char *form;
    int part;
} claims[] = {{"The {t} was {c}.", COLOUR},
              {"{w} was at the {p}.", PLACE},
              {"Somebody {d} a {c} {t}.", COLOUR}};

static const struct words qualities = WORDS("cheap", "expensive", "broken");
static const struct words moods = WORDS("happy", "tired", "late");
static const struct words nothing = WORDS("");

/* What the story leaves open. */
static const struct {
    const char *form;
    const struct words *words;
} guesses[] = {{"The {t} was {x}.", &qualities},
               {"{w} was {x}.", &moods},
               {"Somebody gave {w} some money.", &nothing}};

enum { ENTAILMENT, NEUTRAL, CONTRADICTION, CLASSES, FORMS = 3 };

void demo_mnli(struct example *out, struct draws *d) {
    struct story s = {0};
    int form;

    draw_story(&s, d);
    tell(&out->text[0], plain, &s);
    out->label = draw_below(d, CLASSES);
    form = draw_below(d, FORMS);
    if (out->label == NEUTRAL) s.part[PARTS] = draw_word(d, guesses[form].words);
    if (out->label == CONTRADICTION) change(&s, claims[form].part, d);
    tell(&out->text[1], out->label == NEUTRAL ? guesses[form].form : claims[form].form, &s);
}

/* ---- stsb ----------------------------------------------------------------------------------- */

/* What a change of each part takes away from 5.0, the score of the same story, in tenths. */
static const int cost[PARTS] = {[WHO] = 10, [DID] = 9, [COLOUR] = 4, [THING] = 12, [PLACE] = 5};

static const struct words orders = WORDS(plain, "At the {p} {w} {d} a {c} {t}.");

void demo_stsb(struct example *out, struct draws *d) {
    struct story s = {0};

    draw_story(&s, d);
    tell(&out->text[0], draw_word(d, &orders), &s);
    out->label = 50;
    for (int i = 0; i < PARTS; i++)
        if (draw_chance(d, 50)) {
            change(&s, i, d);
            out->label -= cost[i];
        }
    tell(&out->text[1], draw_word(d, &orders), &s);
}
