#include "text/utf8.h"

#include <string.h>

/* How many bytes follow a first byte, and the range of the first of them (Unicode table 3-7). */
static int lead(unsigned char c, unsigned char *low, unsigned char *high) {
    *low = 0x80;
    *high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) return 1;
    if (c == 0xe0) *low = 0xa0;
    if (c == 0xed) *high = 0x9f;
    if (c >= 0xe0 && c <= 0xef) return 2;
    if (c == 0xf0) *low = 0x90;
    if (c == 0xf4) *high = 0x8f;
    if (c >= 0xf0 && c <= 0xf4) return 3;
    return -1;
}

size_t fb_utf8_next(const char *text, size_t size, uint32_t *point) {
    const unsigned char *p = (const unsigned char *)text;
    unsigned char low, high;
    uint32_t value;
    int more;

    *point = p[0];
    if (p[0] < 0x80) return 1;
    *point = FB_UTF8_INVALID;
    if ((more = lead(p[0], &low, &high)) < 0) return 1;
    value = p[0] & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((size_t)i >= size || p[i] < low || p[i] > high) return (size_t)i;
        value = value << 6 | (p[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *point = value;
    return (size_t)more + 1;
}

size_t fb_utf8_put(char out[4], uint32_t point) {
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char first[5] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (char)(first[n] | point);
    return n;
}

static size_t ascii_prefix(const char *text, size_t size) {
    size_t at = 0;

    for (uint64_t word; size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if (word & 0x8080808080808080u) break;
    }
    while (at < size && (unsigned char)text[at] < 0x80)
        at++;
    return at;
}

/* Bytes before the first broken sequence. */
static size_t valid_prefix(const char *text, size_t size) {
    size_t at = 0;
    uint32_t point;

    while ((at += ascii_prefix(text + at, size - at)) < size) {
        size_t n = fb_utf8_next(text + at, size - at, &point);
        if (point == FB_UTF8_INVALID) break;
        at += n;
    }
    return at;
}

bool fb_utf8_valid(const char *text, size_t size) {
    return valid_prefix(text, size) == size;
}

int fb_utf8_append_replaced(struct fb_str *out, const char *text, size_t size, struct fb_err *err) {
    uint32_t point;

    while (size) {
        size_t n = valid_prefix(text, size);
        if (fb_str_append(out, text, n, err)) return err->code;
        text += n;
        size -= n;
        if (!size) break;
        if (fb_str_puts(out, FB_UTF8_REPLACEMENT, err)) return err->code;
        n = fb_utf8_next(text, size, &point);
        text += n;
        size -= n;
    }
    return FB_OK;
}
