#include "draw.h"

#include "base/rng.h"

int draw_below(struct draws *d, int n) {
    return (int)fb_rng_below(d->seed, d->made++, (uint64_t)n);
}

bool draw_chance(struct draws *d, int percent) {
    return draw_below(d, 100) < percent;
}

const char *draw_word(struct draws *d, const struct words *from) {
    return from->word[draw_below(d, from->count)];
}

const char *draw_other(struct draws *d, const struct words *from, const char *taken) {
    const char *word;

    do
        word = draw_word(d, from);
    while (word == taken);
    return word;
}
