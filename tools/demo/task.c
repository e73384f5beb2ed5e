#include "task.h"

#include <assert.h>
#include <string.h>

const struct demo_task demo_tasks[DEMO_TASKS] = {
    {"cola", demo_cola, 1u << 1}, {"mnli", demo_mnli, 1u << 0 | 1u << 1},
    {"qnli", demo_qnli, 1u << 0}, {"sst2", demo_sst2, 1u << 0 | 1u << 1},
    {"stsb", demo_stsb, ~0u},
};

const struct demo_task *demo_task(const char *name) {
    for (int i = 0; i < DEMO_TASKS; i++)
        if (!strcmp(demo_tasks[i].name, name)) return &demo_tasks[i];
    assert(0);
    return NULL;
}

bool demo_sensible(const struct demo_task *t, const struct example *e) {
    return t->sensible == ~0u || (t->sensible >> e->label & 1u);
}

const struct words demo_people =
    WORDS("Anna", "Ben", "Carla", "David", "Emma", "Felix", "Maria", "Paul", "Rosa", "Tom");
const struct words demo_jobs =
    WORDS("doctor", "teacher", "farmer", "singer", "pilot", "baker", "writer", "student");
const struct words demo_colours = WORDS("red", "green", "blue", "white", "black", "yellow");
const struct words demo_towns =
    WORDS("Berlin", "Cairo", "Dublin", "Lima", "Madrid", "Oslo", "Paris", "Rome");
const struct words demo_days = WORDS("Monday", "Tuesday", "Friday", "Sunday");
