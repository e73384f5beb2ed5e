#include "config/override_token.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CARET_MOST = 160 }; /* longest line that is repeated with a caret */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t spaces(const char *p) {
    return strspn(p, " \t");
}

/* DIGIT ('_'? DIGIT)* */
static size_t digits(const char *p) {
    size_t n = 0;

    while (is_digit(p[n]) || (n && p[n] == '_' && is_digit(p[n + 1])))
        n++;
    return n;
}

size_t fb_token_id(const char *p) {
    size_t n = 0;

    if (!is_letter(*p)) return 0;
    while (is_letter(p[n]) || is_digit(p[n]) || p[n] == '-')
        n++;
    return n;
}

size_t fb_token_unsigned(const char *p) {
    return *p == '0' ? 1 : digits(p);
}

static size_t real_size(const char *p) {
    size_t sign = *p == '+' || *p == '-', whole, mantissa, size = 0, n;

    p += sign;
    if (!strncasecmp(p, "inf", 3) || !strncasecmp(p, "nan", 3)) return sign + 3;
    whole = mantissa = fb_token_unsigned(p);
    if (p[whole] == '.') {
        n = digits(p + whole + 1);
        if (whole || n) size = mantissa = whole + 1 + n;
    }
    if (mantissa && (p[mantissa] == 'e' || p[mantissa] == 'E')) {
        size_t exponent = mantissa + 1;
        exponent += p[exponent] == '+' || p[exponent] == '-';
        if ((n = digits(p + exponent))) size = exponent + n;
    }
    return size ? sign + size : 0;
}

static size_t int_size(const char *p) {
    size_t sign = *p == '+' || *p == '-';
    size_t n = fb_token_unsigned(p + sign);

    return n ? sign + n : 0;
}

static size_t escape_size(const char *p) {
    size_t n = 0;

    while (p[n] == '\\' && p[n + 1] && strchr("\\()[]{}:=, \t", p[n + 1]))
        n += 2;
    return n;
}

/* Bytes from a quote to the first equal one that an even number of backslashes precedes. */
static size_t quoted_size(const char *p) {
    size_t backslashes = 0;

    for (size_t n = 1; p[n]; n++) {
        if (p[n] == *p && backslashes % 2 == 0) return n + 1;
        backslashes = p[n] == '\\' ? backslashes + 1 : 0;
    }
    return 0;
}

static size_t interpolation_size(const char *p) {
    size_t n;

    if (p[0] != '$' || p[1] != '{') return 0;
    n = strcspn(p + 2, "}");
    return n && p[2 + n] ? n + 3 : 0;
}

static struct fb_token longer(struct fb_token a, enum fb_token_kind kind, size_t size) {
    if (size > a.size) {
        a.kind = kind;
        a.size = size;
    }
    return a;
}

static enum fb_token_kind punctuation(char c) {
    switch (c) {
    case '(': return FB_TOKEN_POPEN;
    case ')': return FB_TOKEN_PCLOSE;
    case ',': return FB_TOKEN_COMMA;
    case ']': return FB_TOKEN_LIST_CLOSE;
    case '}': return FB_TOKEN_MAP_CLOSE;
    case ':': return FB_TOKEN_COLON;
    case '=': return FB_TOKEN_EQUAL;
    case '[': return FB_TOKEN_LIST_OPEN;
    case '{': return FB_TOKEN_MAP_OPEN;
    default: return FB_TOKEN_END;
    }
}

/* Punctuation swallows the space around it: before it unless it opens a container, after it unless
 * it closes one. */
static bool read_punctuation(struct fb_token *out, const char *p) {
    size_t before = spaces(p);
    enum fb_token_kind kind = punctuation(p[before]);
    bool opens = kind == FB_TOKEN_LIST_OPEN || kind == FB_TOKEN_MAP_OPEN;
    bool closes =
        kind == FB_TOKEN_PCLOSE || kind == FB_TOKEN_LIST_CLOSE || kind == FB_TOKEN_MAP_CLOSE;

    if (kind == FB_TOKEN_END || (opens && before)) return false;
    out->kind = kind;
    out->size = before + 1 + (closes ? 0 : spaces(p + before + 1));
    return true;
}

static struct fb_token read_word(struct fb_token t, const char *p) {
    size_t id = fb_token_id(p);

    t = longer(t, FB_TOKEN_REAL, real_size(p));
    t = longer(t, FB_TOKEN_INT, int_size(p));
    if (id == 4 && !strncasecmp(p, "true", 4)) t = longer(t, FB_TOKEN_BOOL, 4);
    if (id == 5 && !strncasecmp(p, "false", 5)) t = longer(t, FB_TOKEN_BOOL, 5);
    if (id == 4 && !strncasecmp(p, "null", 4)) t = longer(t, FB_TOKEN_NULL, 4);
    if (*p && strchr("/-\\+.$%*@?|", *p)) t = longer(t, FB_TOKEN_CHAR, 1);
    t = longer(t, FB_TOKEN_ID, id);
    t = longer(t, FB_TOKEN_ESCAPE, escape_size(p));
    t = longer(t, FB_TOKEN_SPACE, spaces(p));
    return longer(t, FB_TOKEN_INTERPOLATION, interpolation_size(p));
}

int fb_token_read(struct fb_token *out, const char *line, size_t at, struct fb_err *err) {
    const char *p = line + at;

    *out = (struct fb_token){FB_TOKEN_END, at, 0};
    if (!*p || read_punctuation(out, p)) return FB_OK;
    if (*p == '\'' || *p == '"') {
        out->kind = FB_TOKEN_QUOTED;
        if ((out->size = quoted_size(p))) return FB_OK;
        return fb_override_fail(err, line, at,
                                "the quote %c is not closed; write \\%c for a quote inside quotes",
                                *p, *p);
    }
    *out = read_word(*out, p);
    if (out->size) return FB_OK;
    if ((unsigned char)*p >= 0x80)
        return fb_override_fail(err, line, at,
                                "only ASCII may stand outside quotes; quote the value");
    if ((unsigned char)*p < 0x20)
        return fb_override_fail(err, line, at, "control character 0x%02x outside quotes",
                                (unsigned)*p);
    return fb_override_fail(err, line, at, "'%c' may only stand in a quoted value", *p);
}

static bool is_plain(const char *line) {
    for (const char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f) return false;
    return strlen(line) <= CARET_MOST;
}

int fb_override_fail(struct fb_err *err, const char *line, size_t at, const char *format, ...) {
    char words[512];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    if (is_plain(line))
        return fb_fail(err, FB_ECONFIG, "override '%s': %s (column %zu)\n    %s\n    %*s", line,
                       words, at + 1, line, (int)at + 1, "^");
    return fb_fail(err, FB_ECONFIG, "override '%.*s': %s (byte %zu)", CARET_MOST, line, words,
                   at + 1);
}
