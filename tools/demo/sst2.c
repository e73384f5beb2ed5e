/* sst2.c - does the sentence praise? Reviews of one or two clauses; a negation turns a word
 * around. */
#include "task.h"

#include <string.h>

static const struct words opinions[2] = {
    WORDS("dull", "boring", "stupid", "clumsy", "empty", "tedious", "lifeless", "silly"),
    WORDS("wonderful", "charming", "funny", "clever", "moving", "brilliant", "lovely", "fresh")};
static const struct words subjects = WORDS("film", "movie", "story", "script", "comedy", "drama",
                                           "ending", "cast", "acting", "music");
enum { COUNTABLE = 8 }; /* of the subjects: those that take an article */
static const struct words degrees = WORDS("very ", "really ", "so ", "quite ", "", "", "", "");
static const struct words turned_forms =
    WORDS("the {f} is never {w}", "the {f} is not {w}", "there is nothing {w} in the {f}");
static const struct words forms =
    WORDS("the {f} is {d}{w}", "i found the {f} {d}{w}", "the {f} seems {d}{w}",
          "the {f} is {d}{w} from the start", "{a} {w} {f}", "what {a} {w} {f}");
enum { UNCOUNTABLE_FORMS = 4 };

static void add_opinion(struct line *l, bool good, struct draws *d) {
    bool turned = draw_chance(d, 25);
    const char *word = draw_word(d, &opinions[good != turned]);
    int subject = draw_below(d, subjects.count);
    const char *degree = draw_word(d, &degrees), *form;

    if (turned) form = draw_word(d, &turned_forms);
    else form = forms.word[draw_below(d, subject < COUNTABLE ? forms.count : UNCOUNTABLE_FORMS)];
    line_fill(l, form, "fwda",
              (const char *[]){subjects.word[subject], word, degree,
                               strchr("aeio", word[0]) ? "an" : "a"});
}

void demo_sst2(struct example *out, struct draws *d) {
    struct line *l = &out->text[0];
    bool good = draw_chance(d, 50);
    int kind = draw_below(d, 100);

    out->label = good;
    if (kind >= 25 && kind < 40) { /* the last word counts */
        add_opinion(l, !good, d);
        line_add(l, " , but ");
    }
    add_opinion(l, good, d);
    if (kind < 25) {
        line_add(l, draw_chance(d, 50) ? " and " : " , ");
        add_opinion(l, good, d);
    }
    line_add(l, " ");
}
