/* golden_ids.h - sequences of token ids from a golden's list of lists. */
#ifndef FB_TESTS_GOLDEN_IDS_H
#define FB_TESTS_GOLDEN_IDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/node.h"
#include "data/batch.h"

/* In the arena. NULL: none. */
static inline struct fb_sequences golden_ids(const struct fb_node *list, struct fb_arena *arena) {
    struct fb_err err = {0};
    int64_t *offset;
    int32_t *id;

    if (!list) return (struct fb_sequences){0};
    offset = fb_arena_calloc(arena, (size_t)list->count + 1, sizeof *offset, &err);
    assert_non_null(offset);
    for (int64_t i = 0; i < list->count; i++)
        offset[i + 1] = offset[i] + list->item[i]->count;
    id = fb_arena_calloc(arena, (size_t)offset[list->count], sizeof *id, &err);
    assert_non_null(id);
    for (int64_t i = 0; i < list->count; i++)
        for (int64_t t = 0; t < list->item[i]->count; t++)
            id[offset[i] + t] = (int32_t)list->item[i]->item[t]->value.integer;
    return (struct fb_sequences){list->count, id, offset};
}

#endif
