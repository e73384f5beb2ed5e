/* counted.h - different words and how often each occurs, in the order in which they first did. */
#ifndef DEMO_COUNTED_H
#define DEMO_COUNTED_H

#include "base/names.h"

/* Owned: counted_free. */
struct counted {
    struct fb_names word;
    int64_t *count; /* [word.count] */
    int64_t capacity;
};

/* Adds `n`, which may be 0, to the count of a word. */
int counted_add(struct counted *c, const char *word, size_t size, int64_t n,
                struct fb_err *err) FB_MUST_CHECK;
/* The number of a word, or -1. */
int64_t counted_find(const struct counted *c, const char *word, size_t size);
void counted_free(struct counted *c);

enum { COUNTED_WORD_BYTES = 64 }; /* longer words are refused: FB_EFORMAT */

#endif
