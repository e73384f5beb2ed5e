#include "text/charsmap.h"

#include "base/alloc.h"
#include "text/grapheme.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { CLUSTER_MAX = 6 }; /* clusters below this many bytes are looked up whole */

static uint32_t read_u32(const unsigned char *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- the double array ---- */

static uint32_t offset_of(uint32_t unit) {
    return (unit >> 10) << ((unit & 0x200) >> 6);
}

/* The replacement of the shortest entry that text[0, size) begins with, or NULL. */
static const char *find(const struct fb_charsmap *m, const char *text, size_t size) {
    uint32_t at = m->units ? offset_of(m->unit[0]) : 0, unit, value;

    for (size_t i = 0; i < size && text[i]; i++) {
        at ^= (unsigned char)text[i];
        if (at >= m->units) return NULL;
        unit = m->unit[at];
        if ((unit & 0x800000ff) != (unsigned char)text[i]) return NULL;
        at ^= offset_of(unit);
        if (!(unit >> 8 & 1)) continue;
        if (at >= m->units) return NULL;
        value = m->unit[at] & 0x7fffffff;
        return value < m->size ? m->text + value : NULL;
    }
    return NULL;
}

/* ---- reading ---- */

int fb_charsmap_read(struct fb_charsmap *m, const void *blob, size_t size, struct fb_err *err) {
    const unsigned char *bytes = blob;
    size_t array;

    *m = (struct fb_charsmap){0};
    memset(m->plain, 1, sizeof m->plain);
    if (!size) return FB_OK;
    array = size >= 4 ? read_u32(bytes) : 0;
    if (size < 4 || array > size - 4 || array % 4 || !array)
        return fb_fail(err, FB_EFORMAT, "character map: an array of %zu bytes in %zu", array, size);
    m->units = array / 4;
    m->size = size - 4 - array;
    m->unit = fb_malloc(array, err);
    m->text = m->unit ? fb_malloc(m->size + 1, err) : NULL;
    if (!m->text) {
        fb_charsmap_free(m);
        return err->code;
    }
    for (size_t i = 0; i < m->units; i++)
        m->unit[i] = read_u32(bytes + 4 + 4 * i);
    memcpy(m->text, bytes + 4 + array, m->size);
    m->text[m->size] = '\0';
    for (int c = 0; c < 128; c++) {
        const char byte = (char)c;
        m->plain[c] = c >= ' ' && c != 127 && !find(m, &byte, 1);
    }
    return FB_OK;
}

void fb_charsmap_free(struct fb_charsmap *m) {
    free(m->unit);
    free(m->text);
    *m = (struct fb_charsmap){0};
}

/* ---- applying ---- */

static int put_cluster(const struct fb_charsmap *m, struct fb_str *out, const char *text,
                       size_t size, struct fb_err *err) {
    const char *to = size < CLUSTER_MAX ? find(m, text, size) : NULL;
    uint32_t point;

    if (to) return fb_str_puts(out, to, err);
    for (size_t at = 0, n; at < size; at += n) {
        n = fb_utf8_next(text + at, size - at, &point);
        to = find(m, text + at, n);
        if (to ? fb_str_puts(out, to, err) : fb_str_append(out, text + at, n, err))
            return err->code;
    }
    return FB_OK;
}

int fb_charsmap_apply(const struct fb_charsmap *m, struct fb_str *out, const char *text,
                      size_t size, struct fb_err *err) {
    if (!m->units) return fb_str_append(out, text, size, err);
    for (size_t at = 0, n; at < size; at += n) {
        /* A plain character is a cluster of its own when another ASCII character follows. */
        for (n = 0; at + n < size && (unsigned char)text[at + n] < 128; n++)
            if (!m->plain[(unsigned char)text[at + n]]) break;
        if (n && at + n < size && (unsigned char)text[at + n] >= 128) n--;
        if (n) {
            if (fb_str_append(out, text + at, n, err)) return err->code;
            continue;
        }
        n = fb_grapheme_next(text + at, size - at);
        if (put_cluster(m, out, text + at, n, err)) return err->code;
    }
    return FB_OK;
}
