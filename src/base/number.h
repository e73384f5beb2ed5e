/* number.h - numbers as text, the way Python writes and reads them. */
#ifndef FB_BASE_NUMBER_H
#define FB_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

enum { FB_REAL_TEXT = 40 }; /* bytes that any formatted double fits in */

/* Python's repr(float): the shortest digits that read back as the same double, with ".0" where
 * they look like an integer, exponent form below 1e-4 and from 1e16; "nan", "inf", "-inf". */
void fb_format_real(char out[FB_REAL_TEXT], double value);

/* The same for an f32: the fewest digits that read back as the same float. */
void fb_format_single(char out[FB_REAL_TEXT], float value);

/* Whole decimal integer with optional sign; false if it is not one or does not fit. */
bool fb_parse_int(const char *text, int64_t *out);
/* Whole decimal real, read exactly and regardless of the locale; no hex, no surrounding space. */
bool fb_parse_real(const char *text, double *out);

#endif
