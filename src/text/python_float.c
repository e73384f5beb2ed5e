/* python_float.c - float(text) of CPython 3.11 (Objects/floatobject.c, PyFloat_FromString): other
 * scripts' white space and digits become ASCII, ASCII white space is stripped from both ends,
 * underscores between digits go, and the rest must be a decimal number, an infinity or a NaN. */
#include "text/python_float.h"

#include "base/number.h"
#include "base/str.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* A character as ASCII; 0 for one that no number has. */
static char ascii(uint32_t point) {
    int digit;

    if (point < 0x80) return (char)point;
    if (fb_char_class(point) == FB_CHAR_SPACE) return ' ';
    digit = fb_char_decimal(point);
    return digit < 0 ? '\0' : (char)('0' + digit);
}

/* U+001C to U+001F are white space to Python's strings, but not here. */
static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Takes out underscores that stand between two digits; false if there is another one. */
static bool join_digits(char *text) {
    char *to = text, before = '\0';

    for (const char *p = text; *p; p++) {
        if (*p != '_') *to++ = *p;
        else if (!is_digit(before) || !is_digit(p[1])) return false;
        before = *p;
    }
    *to = '\0';
    return true;
}

static bool read_special(double *out, const char *text) {
    const char *p = text + (*text == '-' || *text == '+');
    double sign = *text == '-' ? -1 : 1;

    if (!strcasecmp(p, "inf") || !strcasecmp(p, "infinity")) *out = sign * (double)INFINITY;
    else if (!strcasecmp(p, "nan")) *out = copysign((double)NAN, sign);
    else return false;
    return true;
}

int fb_python_float(double *out, bool *valid, const char *text, size_t size, struct fb_err *err) {
    struct fb_str plain = {0};
    char *begin, *end;

    *out = 0;
    *valid = false;
    for (size_t i = 0; i < size;) {
        uint32_t point;
        size_t n = fb_utf8_next(text + i, size - i, &point);
        char c = ascii(point);
        if (!c) goto done;
        if (fb_str_putc(&plain, c, err)) goto fail;
        i += n;
    }
    if (!plain.size) goto done;
    begin = plain.data;
    end = begin + plain.size;
    while (begin < end && is_space(*begin))
        begin++;
    while (end > begin && is_space(end[-1]))
        end--;
    *end = '\0';
    *valid = join_digits(begin) && (fb_parse_real(begin, out) || read_special(out, begin));
    if (!*valid) *out = 0;
done:
    fb_str_free(&plain);
    return FB_OK;
fail:
    fb_str_free(&plain);
    return err->code;
}
