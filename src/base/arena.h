/* arena.h - many allocations, one lifetime.
 *
 * Blocks live until fb_arena_reset or fb_arena_free and are never freed one by one; everything
 * handed out is borrowed until then. Two arenas exist in a run: one for configuration, names and
 * reports, and one for the activations of a batch, which is reset between batches and keeps its
 * memory. A zeroed struct is an empty arena. */
#ifndef FB_BASE_ARENA_H
#define FB_BASE_ARENA_H

#include "base/err.h"

#include <stddef.h>

struct fb_arena {
    struct fb_arena_chunk *first, *current;
    size_t used; /* bytes handed out since the last reset, alignment included */
    size_t peak; /* largest `used` so far */
};

/* `size` uninitialised bytes at an address that is a multiple of 64; NULL and FB_ENOMEM. */
void *fb_arena_alloc(struct fb_arena *arena, size_t size, struct fb_err *err);
/* count * size zeroed bytes, checked for overflow. */
void *fb_arena_calloc(struct fb_arena *arena, size_t count, size_t size, struct fb_err *err);
char *fb_arena_strdup(struct fb_arena *arena, const char *text, struct fb_err *err);
char *fb_arena_strndup(struct fb_arena *arena, const char *text, size_t length, struct fb_err *err);
char *fb_arena_printf(struct fb_arena *arena, struct fb_err *err, const char *format, ...)
    FB_PRINTF(3, 4);

/* Forgets all blocks but keeps the memory for the next ones. */
void fb_arena_reset(struct fb_arena *arena);
/* Gives the memory back; the arena is empty and usable afterwards. */
void fb_arena_free(struct fb_arena *arena);

#endif
