/* unicode.h - the classes of characters that splitting text into words depends on. */
#ifndef FB_TEXT_UNICODE_H
#define FB_TEXT_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

enum fb_char_class {
    FB_CHAR_OTHER,
    FB_CHAR_LETTER, /* \p{L} */
    FB_CHAR_NUMBER, /* \p{N} */
    FB_CHAR_SPACE,  /* \s of a Unicode pattern in Python's `regex` */
};

/* Any number may be asked for: beyond U+10FFFF everything is FB_CHAR_OTHER. */
enum fb_char_class fb_char_class(uint32_t point);

/* What Python's str.strip() takes for white space: \s and the separators U+001C to U+001F. */
bool fb_char_is_blank(uint32_t point);

/* The value of a decimal digit of any script (\p{Nd}), or -1. */
int fb_char_decimal(uint32_t point);

#endif
