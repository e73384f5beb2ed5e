/* unicode.c - a sorted table of ranges, searched by halves.
 *
 * The table holds everything beyond ASCII. It is that of the `regex` package which the reference
 * splits with, so the result does not depend on the age of an installed library. */
#include "text/unicode.h"

#include "text/unicode_table.h"

#include <stddef.h>

static enum fb_char_class ascii_class(uint32_t point) {
    if ((point | 32) >= 'a' && (point | 32) <= 'z') return FB_CHAR_LETTER;
    if (point >= '0' && point <= '9') return FB_CHAR_NUMBER;
    if (point == ' ' || (point >= '\t' && point <= '\r')) return FB_CHAR_SPACE;
    return FB_CHAR_OTHER;
}

enum fb_char_class fb_char_class(uint32_t point) {
    size_t low = 0, high = sizeof ranges / sizeof *ranges;

    if (point < 0x80) return ascii_class(point);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (point > ranges[middle].last) low = middle + 1;
        else if (point < ranges[middle].first) high = middle;
        else return ranges[middle].is;
    }
    return FB_CHAR_OTHER;
}

bool fb_char_is_blank(uint32_t point) {
    return (point >= 0x1c && point <= 0x1f) || fb_char_class(point) == FB_CHAR_SPACE;
}

int fb_char_decimal(uint32_t point) {
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros && zeros[i] <= point; i++)
        if (point - zeros[i] < 10) return (int)(point - zeros[i]);
    return -1;
}
