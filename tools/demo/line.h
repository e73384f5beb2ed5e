/* line.h - one sentence while it is put together. */
#ifndef DEMO_LINE_H
#define DEMO_LINE_H

#include "base/err.h"

#include <stddef.h>

enum { LINE_MAX_BYTES = 160 }; /* no template gives more; asserted */

struct line {
    char text[LINE_MAX_BYTES];
    size_t size;
};

void line_add(struct line *l, const char *format, ...) FB_PRINTF(2, 3);
/* Adds a template: {x} stands for value[i] where x is letters[i]. */
void line_fill(struct line *l, const char *form, const char *letters, const char *const *value);

#endif
