/* qnli.c - does the sentence answer the question? It does if it tells the fact that is asked for,
 * of the person that is asked about; a person in the wrong sentence is another one. */
#include "task.h"

static const struct fact {
    const char *question, *answer;
    const struct words *values;
} facts[] = {{"Where does {p} live?", "lives in {x}", &demo_towns},
             {"When does {p} arrive?", "arrives on {x}", &demo_days},
             {"What is the job of {p}?", "works as a {x}", &demo_jobs},
             {"Which colour does {p} like?", "likes the colour {x}", &demo_colours}};
enum { FACTS = sizeof facts / sizeof *facts };

static const struct words beginnings = WORDS("Now ", "Today ", "As we know, ");

static void tell(struct line *l, const struct fact *f, struct draws *d) {
    line_fill(l, f->answer, "x", (const char *[]){draw_word(d, f->values)});
}

/* A fact other than `taken`. */
static int other_fact(int taken, struct draws *d) {
    return (taken + 1 + draw_below(d, FACTS - 1)) % FACTS;
}

static void answer(struct line *l, const char *who, int fact, struct draws *d) {
    int kind = draw_below(d, 100);

    line_add(l, "%s%s ", kind >= 50 && kind < 70 ? draw_word(d, &beginnings) : "", who);
    tell(l, &facts[fact], d);
    if (kind < 50) { /* another fact beside it */
        line_add(l, " and ");
        tell(l, &facts[other_fact(fact, d)], d);
    }
    line_add(l, ".");
}

void demo_qnli(struct example *out, struct draws *d) {
    const char *who = draw_word(d, &demo_people);
    int fact = draw_below(d, FACTS);

    out->label = draw_chance(d, 42); /* of these more are left when repeats are dropped */
    line_fill(&out->text[0], facts[fact].question, "p", (const char *[]){who});
    answer(&out->text[1], out->label ? draw_other(d, &demo_people, who) : who, fact, d);
}
