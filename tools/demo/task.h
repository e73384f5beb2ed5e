/* task.h - the demo's five tasks, whose examples are made from templates and lists of words.
 *
 * They have the names, columns and classes of their GLUE namesakes, but every word of them is made
 * here. A maker draws one example; what it draws may come twice (rows.h drops repeats). */
#ifndef DEMO_TASK_H
#define DEMO_TASK_H

#include "draw.h"
#include "line.h"

struct example {
    struct line text[2]; /* the second is empty where the task has one column */
    int label;           /* class; of stsb ten times the score */
};

typedef void demo_maker(struct example *out, struct draws *d);

demo_maker demo_cola; /* is the sentence acceptable? */
demo_maker demo_mnli; /* does the second sentence follow from the first? */
demo_maker demo_qnli; /* does the sentence answer the question? */
demo_maker demo_sst2; /* does the sentence praise? */
demo_maker demo_stsb; /* how much do the two sentences have in common? */

struct demo_task {
    const char *name;
    demo_maker *make;
    /* Classes, as bits, whose texts a reader would expect to meet: what base models learn from. */
    unsigned sensible;
};

enum { DEMO_TASKS = 5, DEMO_CLASS_TASKS = 4 }; /* the last has scores in place of classes */
extern const struct demo_task demo_tasks[DEMO_TASKS];

/* By name, which is known. */
const struct demo_task *demo_task(const char *name);
/* Whether the example's label is one of the sensible. */
bool demo_sensible(const struct demo_task *t, const struct example *e);

/* The people, places ... that several tasks speak of. */
extern const struct words demo_people, demo_jobs, demo_colours, demo_towns, demo_days;

#endif
