/* draw.h - random choices, one after another.
 *
 * A sequence of draws is its seed and how many were made; what it gives is that of base/rng.h, the
 * same on every machine. */
#ifndef DEMO_DRAW_H
#define DEMO_DRAW_H

#include <stdbool.h>
#include <stdint.h>

struct draws {
    uint64_t seed, made;
};

/* Words to choose from. */
struct words {
    const char *const *word; /* [count] */
    int count;
};

#define WORDS(...)                                                                                 \
    {                                                                                              \
        (const char *const[]){__VA_ARGS__},                                                        \
            (int)(sizeof(const char *[]){__VA_ARGS__} / sizeof(char *))                            \
    }

/* 0 .. n - 1 */
int draw_below(struct draws *d, int n);
/* True in `percent` of 100 cases. */
bool draw_chance(struct draws *d, int percent);
const char *draw_word(struct draws *d, const struct words *from);
/* A word other than `taken`, which is one of them. */
const char *draw_other(struct draws *d, const struct words *from, const char *taken);

#endif
