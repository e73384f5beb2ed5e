/* python_float.h - what Python's float(text) makes of a string.
 *
 * White space of any script may stand around the number, digits of any script in it, single
 * underscores between digits; "inf", "infinity" and "nan" in any case, with a sign. */
#ifndef FB_TEXT_PYTHON_FLOAT_H
#define FB_TEXT_PYTHON_FLOAT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* `*valid` is false, and `*out` 0, where float() raises ValueError; bytes that are not UTF-8 and
 * zero bytes are among that. FB_ENOMEM. */
int fb_python_float(double *out, bool *valid, const char *text, size_t size,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
