/* Any bytes are either refused or give values and storages that can be walked. */
#include "ckpt/pickle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned char sink; /* keeps the reads */

static void touch(const struct fb_pickle_value *v) {
    if (v->kind == FB_PICKLE_STRING || v->kind == FB_PICKLE_LONG) {
        for (size_t i = 0; i < v->count; i++)
            sink = (unsigned char)v->text[i];
        return;
    }
    for (size_t i = 0; i < v->count; i++)
        if (!v->item[i]) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_arena arena = {0};
    struct fb_err err = {0};
    struct fb_pickle p;

    if (fb_pickle_read(&p, &arena, data, size, &err)) {
        if (!err.code || !err.msg[0]) abort();
    } else {
        if (p.used > size) abort();
        touch(p.root);
        for (size_t i = 0; p.root->kind == FB_PICKLE_DICT && i < p.root->count; i++)
            touch(p.root->item[i]);
        for (const struct fb_pickle_storage *s = p.storages; s; s = s->next)
            if (s->numel < 0 || !s->key[0]) sink = 1;
    }
    fb_arena_free(&arena);
    return 0;
}
