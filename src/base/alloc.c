/* madvise and MADV_* are not in POSIX. */
#define _DEFAULT_SOURCE
#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 1 << 21 };

static void *checked(void *p, size_t size, struct fb_err *err) {
    if (!p) fb_fail(err, FB_ENOMEM, "out of memory: %zu bytes refused", size);
    return p;
}

void *fb_malloc(size_t size, struct fb_err *err) {
    return checked(malloc(size ? size : 1), size, err);
}

void *fb_calloc(size_t count, size_t size, struct fb_err *err) {
    if (size && count > SIZE_MAX / size) return checked(NULL, SIZE_MAX, err);
    return checked(calloc(count ? count : 1, size ? size : 1), count * size, err);
}

void *fb_realloc(void *old, size_t count, size_t size, struct fb_err *err) {
    if (size && count > SIZE_MAX / size) return checked(NULL, SIZE_MAX, err);
    return checked(realloc(old, count && size ? count * size : 1), count * size, err);
}

void fb_want_huge_pages(void *block, size_t size) {
#ifdef MADV_HUGEPAGE
    uintptr_t begin = ((uintptr_t)block + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)block + size) & ~(uintptr_t)(HUGE_PAGE - 1);

    if (begin >= end) return;
    /* A kernel without huge pages refuses; nothing depends on it. */
    (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)block;
    (void)size;
#endif
}

void *fb_aligned(void *block) {
    return (char *)block + (FB_ALIGN - (uintptr_t)block % FB_ALIGN) % FB_ALIGN;
}

char *fb_strdup(const char *text, struct fb_err *err) {
    return fb_strndup(text, strlen(text), err);
}

char *fb_strndup(const char *text, size_t length, struct fb_err *err) {
    char *copy = fb_malloc(length + 1, err);

    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *fb_asprintf(struct fb_err *err, const char *format, ...) {
    va_list args;
    char *text;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !(text = fb_malloc((size_t)n + 1, err))) return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}
