/* yaml_scalar.c - the implicit types of YAML 1.1 as PyYAML and OmegaConf have them.
 *
 * PyYAML's resolver tries its patterns for float, int, bool and null in that order; OmegaConf adds
 * a second pattern for floats, where the exponent needs neither a point before it nor a sign, and
 * drops timestamps. The matchers below are those patterns written out. */
#include "config/yaml_scalar.h"

#include "base/number.h"
#include "config/yaml.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"

static bool digit(char c) {
    return c >= '0' && c <= '9';
}

static const char *after_sign(const char *p) {
    return p + (*p == '-' || *p == '+');
}

static bool is_one_of(const char *text, const char *const *words) {
    for (; *words; words++)
        if (!strcmp(text, *words)) return true;
    return false;
}

/* ---- patterns ------------------------------------------------------------------------------- */

/* [0-9]+(_[0-9]+)* */
static const char *after_grouped_digits(const char *p) {
    p += strspn(p, DIGITS);
    while (p[0] == '_' && digit(p[1]))
        p += 1 + strspn(p + 1, DIGITS);
    return p;
}

/* [eE][-+]?[0-9]+ to the end of the text */
static bool is_exponent(const char *p, bool need_sign) {
    size_t n;

    if (*p != 'e' && *p != 'E') return false;
    p++;
    if (need_sign && *p != '-' && *p != '+') return false;
    p = after_sign(p);
    n = strspn(p, DIGITS);
    return n && !p[n];
}

/* (:[0-5]?[0-9])+, or NULL */
static const char *after_sixtieths(const char *p) {
    if (*p != ':') return NULL;
    while (*p == ':') {
        if (!digit(p[1])) return NULL;
        p += 2;
        if (!digit(*p)) continue;
        if (p[-1] > '5') return NULL;
        p++;
    }
    return p;
}

static bool is_float_without_integer_part(const char *text) {
    static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    const char *p = after_sign(text), *end;

    if (is_one_of(p, infinities)) return true;
    if (p != text) return false;
    if (is_one_of(p, nans)) return true;
    if (!digit(p[1])) return false;
    end = p + 1 + strspn(p + 1, DIGITS "_");
    return !*end || is_exponent(end, true);
}

static bool is_float(const char *text, bool reading) {
    const char *p = after_sign(text), *end, *fraction;
    bool grouped;

    if (*p == '.') return is_float_without_integer_part(text);
    if (!digit(*p)) return false;
    end = p + strspn(p, DIGITS "_");
    grouped = after_grouped_digits(p) == end;
    if (*end == ':') {
        end = after_sixtieths(end);
        return end && *end == '.' && !end[1 + strspn(end + 1, DIGITS "_")];
    }
    if (*end != '.') return reading && grouped && is_exponent(end, false);
    fraction = end + 1 + strspn(end + 1, DIGITS "_");
    return !*fraction || is_exponent(fraction, !(reading && grouped));
}

static bool all_of(const char *p, const char *set) {
    return *p && !p[strspn(p, set)];
}

static bool is_integer(const char *text) {
    const char *p = after_sign(text), *end;

    if (p[0] == '0' && !p[1]) return true;
    if (p[0] == '0' && p[1] == 'b') return all_of(p + 2, "01_");
    if (p[0] == '0' && p[1] == 'x') return all_of(p + 2, DIGITS "abcdefABCDEF_");
    if (p[0] == '0') return all_of(p + 1, "01234567_");
    if (!digit(*p)) return false;
    end = p + strspn(p, DIGITS "_");
    if (*end == ':') end = after_sixtieths(end);
    return end && !*end;
}

/* [0-9]{least,most}, or NULL */
static const char *after_number(const char *p, size_t least, size_t most) {
    size_t n = p ? strspn(p, DIGITS) : 0;

    if (!p || n < least) return NULL;
    return p + (n < most ? n : most);
}

static const char *after_char(const char *p, char c) {
    return p && *p == c ? p + 1 : NULL;
}

static bool is_zone(const char *p) {
    p += strspn(p, " \t");
    if (*p == 'Z') return !p[1];
    if (*p != '-' && *p != '+') return false;
    p = after_number(p + 1, 1, 2);
    if (p && *p == ':') p = after_number(p + 1, 2, 2);
    return p && !*p;
}

static bool is_timestamp(const char *text) {
    const char *year = after_char(after_number(text, 4, 4), '-');
    const char *p = after_number(after_char(after_number(year, 2, 2), '-'), 2, 2);

    if (p && !*p) return true;
    p = after_number(after_char(after_number(year, 1, 2), '-'), 1, 2);
    if (!p) return false;
    if (*p == 'T' || *p == 't') p++;
    else if (*p == ' ' || *p == '\t') p += strspn(p, " \t");
    else return false;
    p = after_char(after_number(p, 1, 2), ':');
    p = after_number(after_char(after_number(p, 2, 2), ':'), 2, 2);
    if (!p) return false;
    if (*p == '.') p += 1 + strspn(p + 1, DIGITS);
    return !*p || is_zone(p);
}

static enum fb_yaml_tag tag_of(const char *text, bool reading) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"yes",  "Yes",  "YES",   "no",    "No",    "NO", "true",
                                        "True", "TRUE", "false", "False", "FALSE", "on", "On",
                                        "ON",   "off",  "Off",   "OFF",   NULL};

    if (is_float(text, false)) return FB_YAML_REAL;
    if (is_integer(text)) return FB_YAML_INT;
    if (reading && is_float(text, true)) return FB_YAML_REAL;
    if (is_one_of(text, bools)) return FB_YAML_BOOL;
    if (is_one_of(text, nulls)) return FB_YAML_NULL;
    if (!strcmp(text, "<<")) return FB_YAML_MERGE;
    if (!strcmp(text, "=")) return FB_YAML_VALUE;
    if (!reading && is_timestamp(text)) return FB_YAML_TIMESTAMP;
    return FB_YAML_STR;
}

enum fb_yaml_tag fb_yaml_tag_read(const char *text) {
    return tag_of(text, true);
}

enum fb_yaml_tag fb_yaml_tag_written(const char *text) {
    return tag_of(text, false);
}

/* ---- integers ------------------------------------------------------------------------------- */

enum { LIMBS = 478, LIMB_BASE = 1000000000 }; /* 4302 digits; Python stops at 4300 */

struct big {
    uint32_t limb[LIMBS]; /* base 10^9, least first */
    int used;
};

/* b = b * factor + addend; false when it does not fit. */
static bool big_push(struct big *b, uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;

    for (int i = 0; i < b->used; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)(carry % LIMB_BASE);
        carry /= LIMB_BASE;
    }
    if (!carry) return true;
    if (b->used == LIMBS) return false;
    b->limb[b->used++] = (uint32_t)carry;
    return true;
}

static bool big_read(struct big *b, const char *p) {
    uint32_t base = 10;

    if (p[0] == '0' && (p[1] == 'b' || p[1] == 'x')) {
        base = p[1] == 'b' ? 2 : 16;
        p += 2;
    } else if (p[0] == '0') {
        base = 8;
    }
    for (; *p && *p != ':'; p++) {
        static const char figures[] = "0123456789abcdef";
        uint32_t value =
            (uint32_t)(strchr(figures, *p >= 'A' && *p <= 'F' ? *p + 32 : *p) - figures);
        if (!big_push(b, base, value)) return false;
    }
    while (*p == ':') {
        uint32_t part = 0;
        for (p++; digit(*p); p++)
            part = part * 10 + (uint32_t)(*p - '0');
        if (!big_push(b, 60, part)) return false;
    }
    return true;
}

static char *big_text(const struct big *b, bool negative, struct fb_arena *a, struct fb_err *err) {
    size_t size = (size_t)b->used * 9 + 3, n;
    char *text = fb_arena_alloc(a, size, err);

    if (!text) return NULL;
    n = (size_t)snprintf(text, size, "%s%u", negative && b->used ? "-" : "",
                         b->used ? b->limb[b->used - 1] : 0);
    for (int i = b->used - 2; i >= 0; i--)
        n += (size_t)snprintf(text + n, size - n, "%09u", b->limb[i]);
    return text;
}

static char *without_underscores(const char *text, struct fb_arena *a, struct fb_err *err) {
    char *copy = fb_arena_strdup(a, text, err), *to = copy;

    if (!copy) return NULL;
    for (; *text; text++)
        if (*text != '_') *to++ = *text;
    *to = '\0';
    return copy;
}

static int set_integer(struct fb_node *node, const char *text, struct fb_arena *a,
                       struct fb_err *err) {
    struct big big = {.used = 0};
    const char *plain, *p;
    bool negative = *text == '-';

    node->kind = FB_INT;
    p = after_sign(text);
    if (*p != '0' && fb_parse_int(text, &node->value.integer)) return FB_OK;
    if (!(plain = without_underscores(text, a, err))) return err->code;
    p = after_sign(plain);
    if (*p == '0' && (p[1] == 'b' || p[1] == 'x') && !p[2])
        return fb_fail(err, FB_EFORMAT, "integer '%s' has no digits", text);
    if (!big_read(&big, p))
        return fb_fail(err, FB_EFORMAT, "integer of more than %d digits", LIMBS * 9);
    if (!(plain = big_text(&big, negative, a, err))) return err->code;
    if (fb_parse_int(plain, &node->value.integer)) return FB_OK;
    node->value.integer = negative ? INT64_MIN : INT64_MAX;
    node->text = plain;
    return FB_OK;
}

/* ---- floats --------------------------------------------------------------------------------- */

/* "1:30.5" = 90.5, summed from the right as PyYAML does. `text` has no sign and is written to. */
static bool read_sixtieths(char *text, double *out) {
    double base = 1, value = 0, part;
    char *colon;

    do {
        colon = strrchr(text, ':');
        if (!fb_parse_real(colon ? colon + 1 : text, &part)) return false;
        value += part * base;
        base *= 60;
        if (colon) *colon = '\0';
    } while (colon);
    *out = value;
    return true;
}

static int set_real(struct fb_node *node, const char *text, struct fb_arena *a,
                    struct fb_err *err) {
    char *plain = without_underscores(text, a, err), *p;
    bool read;
    double value;

    if (!plain) return err->code;
    p = plain + (*plain == '-' || *plain == '+');
    if (p[0] == '.' && (p[1] == 'i' || p[1] == 'I')) {
        value = INFINITY;
        read = true;
    } else if (p[0] == '.' && (p[1] == 'n' || p[1] == 'N')) {
        value = NAN;
        read = true;
    } else {
        read = strchr(p, ':') ? read_sixtieths(p, &value) : fb_parse_real(p, &value);
    }
    if (!read) return fb_fail(err, FB_EFORMAT, "'%s' is not a number", text);
    node->kind = FB_REAL;
    node->value.real = *plain == '-' ? -value : value;
    return FB_OK;
}

/* ---- what Python's float() accepts ----------------------------------------------------------- */

/* Code points of the zero of each decimal digit series of Unicode 14; nine more follow each. */
static const uint32_t zeros[] = {
    0x660,   0x6f0,   0x7c0,   0x966,   0x9e6,   0xa66,   0xae6,   0xb66,   0xbe6,   0xc66,
    0xce6,   0xd66,   0xde6,   0xe50,   0xed0,   0xf20,   0x1040,  0x1090,  0x17e0,  0x1810,
    0x1946,  0x19d0,  0x1a80,  0x1a90,  0x1b50,  0x1bb0,  0x1c40,  0x1c50,  0xa620,  0xa8d0,
    0xa900,  0xa9d0,  0xa9f0,  0xaa50,  0xabf0,  0xff10,  0x104a0, 0x10d30, 0x11066, 0x110f0,
    0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950,
    0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec,
    0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
};

/* The ASCII character float() takes a code point for: a digit, a space, or '?' for neither. */
static char as_ascii(uint32_t c) {
    if (c < 0x80) return (char)c;
    if (c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
        c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000)
        return ' ';
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        if (c >= zeros[i] && c < zeros[i] + 10) return (char)('0' + (c - zeros[i]));
    return '?';
}

/* Moves past one UTF-8 character and gives its ASCII reading. */
static char next_ascii(const char **text) {
    const unsigned char *p = (const unsigned char *)*text;
    int more = *p < 0xc0 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
    uint32_t c = more ? *p & (0x3fu >> more) : *p;

    for (p++; more && (*p & 0xc0) == 0x80; more--)
        c = c << 6 | (*p++ & 0x3f);
    *text = (const char *)p;
    return more ? '?' : as_ascii(c);
}

/* [0-9]+(_[0-9]+)* of the text at `*text`, in any series of digits. */
static bool skip_python_digits(const char **text) {
    bool any = false;

    for (;;) {
        const char *p = *text;
        char c = next_ascii(&p);
        if (any && c == '_') c = next_ascii(&p);
        if (!digit(c)) return any;
        *text = p;
        any = true;
    }
}

static bool only_spaces(const char *p) {
    while (*p)
        if (!strchr(" \t\n\v\f\r", next_ascii(&p))) return false;
    return true;
}

static bool skip_word(const char **text, const char *lower) {
    size_t n = strlen(lower);

    for (size_t i = 0; i < n; i++)
        if (((*text)[i] | 0x20) != lower[i]) return false;
    *text += n;
    return true;
}

static bool is_python_float(const char *p) {
    const char *next = p;
    bool whole, fraction = false;

    while (*p && strchr(" \t\n\v\f\r", next_ascii(&next)))
        p = next;
    p = after_sign(p);
    if (skip_word(&p, "infinity") || skip_word(&p, "inf") || skip_word(&p, "nan"))
        return only_spaces(p);
    whole = skip_python_digits(&p);
    if (*p == '.') {
        p++;
        fraction = skip_python_digits(&p);
    }
    if (!whole && !fraction) return false;
    if (*p == 'e' || *p == 'E') {
        p = after_sign(p + 1);
        if (!skip_python_digits(&p)) return false;
    }
    return only_spaces(p);
}

bool fb_yaml_must_quote(const char *text) {
    static const char *const letters[] = {"y", "Y", "n", "N", NULL};

    /* Whatever int() accepts, float() accepts too. */
    return is_one_of(text, letters) || tag_of(text, true) == FB_YAML_BOOL || is_python_float(text);
}

/* ---- construction --------------------------------------------------------------------------- */

static int set_bool(struct fb_node *node, const char *text, struct fb_err *err) {
    if (tag_of(text, true) != FB_YAML_BOOL)
        return fb_fail(err, FB_EFORMAT, "'%s' is not a boolean", text);
    node->kind = FB_BOOL;
    /* yes, true, on; no, false, off */
    node->value.flag = strchr("yYtT", *text) || text[1] == 'n' || text[1] == 'N';
    return FB_OK;
}

int fb_yaml_construct(struct fb_node *node, enum fb_yaml_tag tag, const char *text,
                      struct fb_arena *a, struct fb_err *err) {
    switch (tag) {
    case FB_YAML_NULL: node->kind = FB_NULL; return FB_OK;
    case FB_YAML_BOOL: return set_bool(node, text, err);
    case FB_YAML_INT:
        if (!is_integer(text)) return fb_fail(err, FB_EFORMAT, "'%s' is not an integer", text);
        return set_integer(node, text, a, err);
    case FB_YAML_REAL: return set_real(node, text, a, err);
    default: break;
    }
    node->kind = FB_TEXT;
    node->text = text;
    return FB_OK;
}

struct fb_node *fb_yaml_scalar(struct fb_arena *a, const char *text, struct fb_place place,
                               struct fb_err *err) {
    struct fb_node *node = fb_node_text(a, text, place, err);

    if (!node) return NULL;
    text = node->text;
    node->text = NULL;
    return fb_yaml_construct(node, fb_yaml_tag_read(text), text, a, err) ? NULL : node;
}
