#include "text/grapheme.h"

#include "text/utf8.h"

enum grapheme_class { OTHER, CONTROL, JOINER, EXTEND, PREPEND, PICTURE };

static const struct {
    uint32_t first, last;
    enum grapheme_class class;
} ranges[] = {
#include "text/grapheme_table.h"
};

static enum grapheme_class class_of(uint32_t point) {
    size_t low = 0, high = sizeof ranges / sizeof *ranges;

    if (point < 0x80) return point < 0x20 || point == 0x7f ? CONTROL : OTHER;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (point < ranges[middle].first) high = middle;
        else if (point > ranges[middle].last) low = middle + 1;
        else return ranges[middle].class;
    }
    return OTHER;
}

size_t fb_grapheme_next(const char *text, size_t size) {
    uint32_t point;
    size_t at = fb_utf8_next(text, size, &point);
    enum grapheme_class last = class_of(point), next;
    bool picture = last == PICTURE; /* a pictograph, then only extending characters */

    if (point == '\r' && at < size && text[at] == '\n') return 2;
    if (last == CONTROL) return at;
    for (size_t n; at < size; at += n, last = next) {
        n = fb_utf8_next(text + at, size - at, &point);
        next = class_of(point);
        if (next == CONTROL) return at;
        if (next != EXTEND && next != JOINER && last != PREPEND &&
            !(picture && last == JOINER && next == PICTURE))
            return at;
        if (next == PICTURE) picture = true;
        else if (next != EXTEND && next != JOINER) picture = false;
    }
    return at;
}
