#include "base/arena.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, SMALL_ALIGN = 16, FIRST_CHUNK = 1 << 16, LARGEST_STEP = 1 << 26 };

struct fb_arena_chunk {
    struct fb_arena_chunk *next;
    size_t size, used;
    unsigned char *data; /* aligned to 64, inside the same allocation */
};

static struct fb_arena_chunk *chunk_new(size_t size, struct fb_err *err) {
    struct fb_arena_chunk *chunk;

    if (size > SIZE_MAX - sizeof *chunk - ALIGN) {
        fb_fail(err, FB_ENOMEM, "out of memory: %zu bytes refused", size);
        return NULL;
    }
    if (!(chunk = fb_malloc(sizeof *chunk + ALIGN + size, err))) return NULL;
    fb_want_huge_pages(chunk, sizeof *chunk + ALIGN + size);
    chunk->next = NULL;
    chunk->size = size;
    chunk->used = 0;
    chunk->data = (unsigned char *)(chunk + 1);
    chunk->data += (ALIGN - (uintptr_t)chunk->data % ALIGN) % ALIGN;
    return chunk;
}

static void *take(struct fb_arena *arena, size_t size, size_t align, struct fb_err *err) {
    struct fb_arena_chunk *chunk = arena->current, *fresh;
    size_t want = FIRST_CHUNK;

    /* After a reset the chunks behind `current` are empty: use the first that is large enough. */
    for (; chunk; chunk = chunk->next) {
        size_t at = (chunk->used + align - 1) / align * align;
        if (at > chunk->size || size > chunk->size - at) continue;
        arena->used += at - chunk->used + size;
        if (arena->used > arena->peak) arena->peak = arena->used;
        chunk->used = at + size;
        arena->current = chunk;
        return chunk->data + at;
    }
    /* Chunks double, but a small block after a huge one must not ask for twice the huge one. */
    if (arena->current)
        want = arena->current->size < LARGEST_STEP / 2 ? arena->current->size * 2 : LARGEST_STEP;
    if (want < size) want = size;
    if (!(fresh = chunk_new(want, err))) return NULL;
    if (arena->current) {
        fresh->next = arena->current->next;
        arena->current->next = fresh;
    } else {
        arena->first = fresh;
    }
    arena->current = fresh;
    fresh->used = size;
    arena->used += size;
    if (arena->used > arena->peak) arena->peak = arena->used;
    return fresh->data;
}

void *fb_arena_alloc(struct fb_arena *arena, size_t size, struct fb_err *err) {
    return take(arena, size ? size : 1, ALIGN, err);
}

void *fb_arena_calloc(struct fb_arena *arena, size_t count, size_t size, struct fb_err *err) {
    void *p;

    if (size && count > SIZE_MAX / size) {
        fb_fail(err, FB_ENOMEM, "out of memory: %zu times %zu bytes refused", count, size);
        return NULL;
    }
    if (!(p = take(arena, count && size ? count * size : 1, SMALL_ALIGN, err))) return NULL;
    memset(p, 0, count * size);
    return p;
}

char *fb_arena_strndup(struct fb_arena *arena, const char *text, size_t length,
                       struct fb_err *err) {
    char *copy = take(arena, length + 1, 1, err);

    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *fb_arena_strdup(struct fb_arena *arena, const char *text, struct fb_err *err) {
    return fb_arena_strndup(arena, text, strlen(text), err);
}

char *fb_arena_printf(struct fb_arena *arena, struct fb_err *err, const char *format, ...) {
    va_list args;
    char *text;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !(text = take(arena, (size_t)n + 1, 1, err))) return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

void fb_arena_reset(struct fb_arena *arena) {
    for (struct fb_arena_chunk *chunk = arena->first; chunk; chunk = chunk->next)
        chunk->used = 0;
    arena->current = arena->first;
    arena->used = 0;
}

void fb_arena_free(struct fb_arena *arena) {
    struct fb_arena_chunk *chunk = arena->first, *next;

    for (; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *arena = (struct fb_arena){0};
}
