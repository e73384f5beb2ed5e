/* digest.h - SHA-256 of bytes that come in pieces.
 *
 *     struct fb_digest d = {0};
 *     fb_digest_begin(&d, err)
 *     fb_digest_add(&d, bytes, size, err)        any number of times
 *     fb_digest_end(&d, text, err)               64 lower-case digits
 *     fb_digest_free(&d)                         always; NULL contents are fine */
#ifndef FB_BASE_DIGEST_H
#define FB_BASE_DIGEST_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { FB_SHA256_TEXT = 65, FB_SHA256_BYTES = 32 }; /* digits and the end; bytes */

struct fb_digest {
    void *state; /* owned; NULL: not begun */
};

int fb_digest_begin(struct fb_digest *d, struct fb_err *err) FB_MUST_CHECK;
int fb_digest_add(struct fb_digest *d, const void *bytes, size_t size,
                  struct fb_err *err) FB_MUST_CHECK;
/* A text with its end, and a number as 8 little-endian bytes: what follows cannot be taken for a
 * part of them. */
int fb_digest_add_text(struct fb_digest *d, const char *text, struct fb_err *err) FB_MUST_CHECK;
int fb_digest_add_int(struct fb_digest *d, int64_t value, struct fb_err *err) FB_MUST_CHECK;
int fb_digest_end(struct fb_digest *d, char text[FB_SHA256_TEXT], struct fb_err *err) FB_MUST_CHECK;
void fb_digest_free(struct fb_digest *d);

#endif
