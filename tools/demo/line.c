#include "line.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void line_add(struct line *l, const char *format, ...) {
    size_t left = sizeof l->text - l->size;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(l->text + l->size, left, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < left);
    l->size = strlen(l->text);
    (void)n;
}

void line_fill(struct line *l, const char *form, const char *letters, const char *const *value) {
    for (const char *open; (open = strchr(form, '{')); form = open + 3) {
        const char *letter = strchr(letters, open[1]);
        assert(letter && open[2] == '}');
        line_add(l, "%.*s%s", (int)(open - form), form, value[letter - letters]);
    }
    line_add(l, "%s", form);
}
