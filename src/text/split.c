/* split.c - words under GPT-2's pattern, and under others by PCRE2.
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * The scanner exists because it is three times faster than PCRE2's machine code and because its
 * classes are exactly those of the reference (unicode.h), whose tables are newer than PCRE2's.
 * The patterns of a tokenizer.json follow the classes of the installed PCRE2. */
#include "text/split.h"

#include "base/alloc.h"
#include "text/unicode.h"
#include "text/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATTERN_MAX = 16384,      /* bytes of a pattern */
    MATCH_STEPS = 10000000,   /* of one match, so that a hostile pattern ends */
    MATCH_HEAP_KIB = 64 << 10 /* of the interpreter */
};

#define L FB_CHAR_LETTER
#define N FB_CHAR_NUMBER
#define S FB_CHAR_SPACE
static const unsigned char ascii[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, S, S, S, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    S, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, N, N, N, N, N, N, N, N, N, N, 0, 0, 0, 0, 0, 0,
    0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, 0,
    0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, 0};
#undef L
#undef N
#undef S

/* Class of the character at text[0] and its bytes. */
static enum fb_char_class class_at(const char *text, size_t size, size_t *bytes) {
    uint32_t point;

    if ((unsigned char)*text < 0x80) {
        *bytes = 1;
        return (enum fb_char_class)ascii[(unsigned char)*text];
    }
    *bytes = fb_utf8_next(text, size, &point);
    return fb_char_class(point);
}

/* End of the run of characters of one class that goes on at `at`. */
static size_t run_end(const char *text, size_t size, size_t at, enum fb_char_class is) {
    size_t n;

    while (at < size && class_at(text + at, size - at, &n) == is)
        at += n;
    return at;
}

static size_t contraction(const char *text, size_t size) {
    char c = size > 1 ? text[1] : '\0', d = size > 2 ? text[2] : '\0';

    if (c == 's' || c == 't' || c == 'm' || c == 'd') return 2;
    if ((c == 'r' && d == 'e') || (c == 'v' && d == 'e') || (c == 'l' && d == 'l')) return 3;
    return 0;
}

/* \s+(?!\S)|\s+ : all of the run at the end of the text, else all but its last character, which
 * belongs to the next word; a run of one character stays whole. */
static size_t spaces(const char *text, size_t size) {
    size_t end = run_end(text, size, 0, FB_CHAR_SPACE), last = end - 1;

    if (end == size) return end;
    while (last > 0 && ((unsigned char)text[last] & 0xc0) == 0x80)
        last--;
    return last ? last : end;
}

size_t fb_gpt2_word(const char *text, size_t size) {
    size_t at = 0, n;
    enum fb_char_class is;

    if (*text == '\'' && (n = contraction(text, size))) return n;
    if (*text == ' ' && size > 1) at = 1;
    is = class_at(text + at, size - at, &n);
    if (is == FB_CHAR_SPACE) return spaces(text, size);
    return run_end(text, size, at + n, is);
}

struct fb_pattern {
    pcre2_code *code;
};

struct fb_matcher {
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

int fb_pattern_open(struct fb_pattern **out, const char *regex, bool jit, struct fb_err *err) {
    struct fb_pattern *p;
    PCRE2_UCHAR words[256];
    PCRE2_SIZE where = 0;
    int number = 0;

    *out = NULL;
    if (strlen(regex) > PATTERN_MAX)
        return fb_fail(err, FB_EFORMAT, "pattern of %zu bytes, limit %d", strlen(regex),
                       PATTERN_MAX);
    if (!(p = fb_calloc(1, sizeof *p, err))) return err->code;
    p->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                            PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &number, &where, NULL);
    if (!p->code) {
        pcre2_get_error_message(number, words, sizeof words);
        fb_pattern_close(p);
        return fb_fail(err, FB_EFORMAT, "pattern, byte %zu: %s", where, (const char *)words);
    }
    if (jit) (void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
    *out = p;
    return FB_OK;
}

void fb_pattern_close(struct fb_pattern *p) {
    if (!p) return;
    pcre2_code_free(p->code);
    free(p);
}

int fb_matcher_open(struct fb_matcher **out, struct fb_err *err) {
    struct fb_matcher *m = fb_calloc(1, sizeof *m, err);

    *out = NULL;
    if (!m) return err->code;
    m->data = pcre2_match_data_create(1, NULL);
    m->limits = pcre2_match_context_create(NULL);
    if (!m->data || !m->limits) {
        fb_matcher_close(m);
        return fb_fail(err, FB_ENOMEM, "out of memory: pattern matcher refused");
    }
    pcre2_set_match_limit(m->limits, MATCH_STEPS);
    pcre2_set_heap_limit(m->limits, MATCH_HEAP_KIB);
    *out = m;
    return FB_OK;
}

void fb_matcher_close(struct fb_matcher *m) {
    if (!m) return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->limits);
    free(m);
}

int fb_pattern_find(const struct fb_pattern *p, struct fb_matcher *m, const char *text, size_t size,
                    size_t at, size_t *begin, size_t *end, struct fb_err *err) {
    uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY;
    int n = pcre2_match(p->code, (PCRE2_SPTR)text, size, at, options, m->data, m->limits);
    PCRE2_UCHAR words[256];

    /* The machine code has a small stack of its own; the interpreter uses the heap. */
    if (n == PCRE2_ERROR_JIT_STACKLIMIT)
        n = pcre2_match(p->code, (PCRE2_SPTR)text, size, at, options | PCRE2_NO_JIT, m->data,
                        m->limits);
    *begin = *end = size;
    if (n == PCRE2_ERROR_NOMATCH) return FB_OK;
    if (n < 0) {
        pcre2_get_error_message(n, words, sizeof words);
        return fb_fail(err, FB_EFORMAT, "pattern at byte %zu of the text: %s", at,
                       (const char *)words);
    }
    *begin = pcre2_get_ovector_pointer(m->data)[0];
    *end = pcre2_get_ovector_pointer(m->data)[1];
    /* \K inside a lookahead can put the start after the end. */
    if (*begin < at || *end <= *begin)
        return fb_fail(err, FB_EFORMAT, "pattern matches backwards at byte %zu", at);
    return FB_OK;
}
