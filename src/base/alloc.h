/* alloc.h - memory that reports its failure.
 *
 * Every function returns NULL after fb_fail(FB_ENOMEM). Results are owned: free() them. A size of
 * zero gives a valid pointer. Products are checked for overflow. */
#ifndef FB_BASE_ALLOC_H
#define FB_BASE_ALLOC_H

#include "base/err.h"

#include <stddef.h>

void *fb_malloc(size_t size, struct fb_err *err);
void *fb_calloc(size_t count, size_t size, struct fb_err *err);
/* On failure the old block stays valid and owned. */
void *fb_realloc(void *old, size_t count, size_t size, struct fb_err *err);
/* Asks the kernel for huge pages under a block that is read or written whole many times (packed
 * weights, activations): fewer address translations. A wish, which changes no content; what does
 * not fill a whole 2 MiB page is left alone. */
void fb_want_huge_pages(void *block, size_t size);
/* The first cache line that begins in a block: FB_ALIGN bytes more than needed must have been asked
 * for, and the block itself is what is freed. */
enum { FB_ALIGN = 64 };
void *fb_aligned(void *block);
char *fb_strdup(const char *text, struct fb_err *err);
char *fb_strndup(const char *text, size_t length, struct fb_err *err);
/* "printf" into an owned string. */
char *fb_asprintf(struct fb_err *err, const char *format, ...) FB_PRINTF(2, 3);

#endif
