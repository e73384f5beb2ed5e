/* golden.h - the strings and digests of tools/golden/text.py, made again in C. */
#ifndef FB_TESTS_TEXT_GOLDEN_H
#define FB_TESTS_TEXT_GOLDEN_H

#include "base/map.h"
#include "base/str.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GOLDEN_BLOCK = 500, GOLDEN_BLOCKS = 24, GOLDEN_POOL_MAX = 512 };

struct golden_random {
    uint64_t state;
};

static inline uint32_t golden_below(struct golden_random *r, uint32_t limit) {
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((r->state >> 33) % limit);
}

/* FNV-1a over little-endian 32-bit integers. */
static inline uint64_t golden_digest(uint64_t digest, int32_t number) {
    for (int i = 0; i < 4; i++)
        digest = (digest ^ ((uint32_t)number >> (8 * i) & 0xff)) * 1099511628211u;
    return digest;
}

#define GOLDEN_DIGEST_START 1469598103934665603u

struct golden_pool {
    char text[GOLDEN_POOL_MAX][32];
    size_t size[GOLDEN_POOL_MAX];
    uint32_t count;
};

/* Lines of hexadecimal digits. */
static inline void golden_read_pool(struct golden_pool *pool) {
    struct fb_err err = {0};
    struct fb_map map;
    const char *p, *end;

    pool->count = 0;
    assert_int_equal(fb_map_open(&map, FB_GOLDEN_DIR "/text/pool.txt", &err), FB_OK);
    p = (const char *)map.data;
    end = p + map.size;
    while (p < end) {
        size_t n = 0;
        for (; *p != '\n'; p += 2) {
            char digits[3] = {p[0], p[1], '\0'};
            pool->text[pool->count][n++] = (char)strtoul(digits, NULL, 16);
        }
        p++;
        pool->size[pool->count++] = n;
        assert_true(pool->count < GOLDEN_POOL_MAX && n < 32);
    }
    fb_map_close(&map);
}

static inline size_t golden_utf8(char out[4], uint32_t c) {
    if (c >= 0xd800 && c < 0xe000) {
        memcpy(out, "\xed\xa0\x80", 3);
        return 3;
    }
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

static inline void golden_text(struct golden_random *r, const struct golden_pool *pool,
                               struct fb_str *out) {
    struct fb_err err = {0};
    char c[4];

    out->size = 0;
    for (uint32_t n = golden_below(r, 16); n; n--) {
        if (golden_below(r, 4)) {
            uint32_t i = golden_below(r, pool->count);
            assert_int_equal(fb_str_append(out, pool->text[i], pool->size[i], &err), FB_OK);
        } else {
            size_t bytes = golden_utf8(c, golden_below(r, 0x110000));
            assert_int_equal(fb_str_append(out, c, bytes, &err), FB_OK);
        }
    }
}

/* The digest that a line "<kind> <seed> <hex>" of a golden file records. */
static inline uint64_t golden_expected(const char *file, const char *kind, uint64_t seed) {
    char path[512], found[32];
    uint64_t number, digest, result = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/text/%s", FB_GOLDEN_DIR, file);
    assert_non_null(f = fopen(path, "r"));
    while (fscanf(f, "%31s %" SCNu64 " %" SCNx64, found, &number, &digest) == 3)
        if (!strcmp(found, kind) && number == seed) result = digest;
    fclose(f);
    assert_true(result != 0);
    return result;
}

#endif
