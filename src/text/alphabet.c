#include "text/alphabet.h"

#include "text/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool is_itself(uint32_t byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173 && byte <= 255);
}

/* The bytes that are not themselves: 0-32 are 0x100..., then 127-160, then 173. */
uint32_t fb_alphabet_char(unsigned char byte) {
    if (is_itself(byte)) return byte;
    if (byte <= 32) return 0x100u + byte;
    if (byte <= 160) return 0x100u + 33 + (uint32_t)(byte - 127);
    return 0x100u + 67;
}

int fb_alphabet_byte(uint32_t point) {
    if (point < 0x100) return is_itself(point) ? (int)point : -1;
    if (point <= 0x100 + 32) return (int)point - 0x100;
    if (point <= 0x100 + 66) return (int)point - 0x100 - 33 + 127;
    return point == 0x100 + 67 ? 173 : -1;
}

int fb_alphabet_append(struct fb_str *out, const char *bytes, size_t size, struct fb_err *err) {
    char c[4];

    for (size_t i = 0; i < size; i++) {
        size_t n = fb_utf8_put(c, fb_alphabet_char((unsigned char)bytes[i]));
        if (fb_str_append(out, c, n, err)) return err->code;
    }
    return FB_OK;
}

static bool is_written_in_it(const char *piece, size_t size) {
    uint32_t point;

    for (size_t at = 0; at < size;) {
        at += fb_utf8_next(piece + at, size - at, &point);
        if (fb_alphabet_byte(point) < 0) return false;
    }
    return true;
}

int fb_alphabet_append_bytes(struct fb_str *out, const char *piece, struct fb_err *err) {
    size_t size = strlen(piece);
    uint32_t point;

    if (!is_written_in_it(piece, size)) return fb_str_append(out, piece, size, err);
    for (size_t at = 0; at < size;) {
        at += fb_utf8_next(piece + at, size - at, &point);
        if (fb_str_putc(out, (char)fb_alphabet_byte(point), err)) return err->code;
    }
    return FB_OK;
}
