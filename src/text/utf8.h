/* utf8.h - UTF-8 and what stands in for bytes that are not.
 *
 * Valid means what Python's decoder takes: no surrogates, nothing above U+10FFFF, shortest forms
 * only. A broken sequence counts as one unit up to the first byte that cannot continue it (the
 * Unicode standard's "maximal subpart"), as with Python's errors="replace". */
#ifndef FB_TEXT_UTF8_H
#define FB_TEXT_UTF8_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FB_UTF8_INVALID     0xffffffffu
#define FB_UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of the first character of text[0, size), size > 0; `*point` is FB_UTF8_INVALID for a
 * broken sequence. */
size_t fb_utf8_next(const char *text, size_t size, uint32_t *point);
/* Writes a character that is not a surrogate and below 0x110000; returns its bytes. */
size_t fb_utf8_put(char out[4], uint32_t point);
bool fb_utf8_valid(const char *text, size_t size);
/* Appends the bytes with each broken sequence replaced by U+FFFD. */
int fb_utf8_append_replaced(struct fb_str *out, const char *text, size_t size,
                            struct fb_err *err) FB_MUST_CHECK;

#endif
