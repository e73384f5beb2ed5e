#include "counted.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

int counted_add(struct counted *c, const char *word, size_t size, int64_t n, struct fb_err *err) {
    char text[COUNTED_WORD_BYTES];
    int64_t at, *grown;

    if (size >= sizeof text)
        return fb_fail(err, FB_EFORMAT, "word '%.*s...' of %zu bytes, limit %zu", 20, word, size,
                       sizeof text - 1);
    memcpy(text, word, size);
    text[size] = '\0';
    if ((at = fb_names_add(&c->word, text, NULL, err)) < 0) return (int)at;
    if (at >= c->capacity) {
        grown = fb_realloc(c->count, (size_t)c->capacity + 1024, sizeof *grown, err);
        if (!grown) return err->code;
        memset(grown + c->capacity, 0, 1024 * sizeof *grown);
        c->count = grown;
        c->capacity += 1024;
    }
    c->count[at] += n;
    return FB_OK;
}

int64_t counted_find(const struct counted *c, const char *word, size_t size) {
    char text[COUNTED_WORD_BYTES];

    if (size >= sizeof text) return -1;
    memcpy(text, word, size);
    text[size] = '\0';
    return fb_names_find(&c->word, text);
}

void counted_free(struct counted *c) {
    fb_names_free(&c->word);
    free(c->count);
    *c = (struct counted){0};
}
