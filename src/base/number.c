#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits and decimal exponent of the shortest "%.{p}e" text that reads back exactly. */
static int shortest(double value, bool single, char digits[20]) {
    char text[FB_REAL_TEXT];
    int n = 0;

    for (int precision = 0; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) break;
    }
    for (const char *p = text; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    return (int)strtol(strchr(text, 'e') + 1, NULL, 10);
}

/* Puts the decimal point into the digits. */
static void place_point(char *out, size_t size, const char *digits, int exponent) {
    static const char zeros[] = "0000000000000000";
    int n = (int)strlen(digits);

    if (exponent < -4 || exponent >= 16)
        snprintf(out, size, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1,
                 exponent < 0 ? '-' : '+', abs(exponent));
    else if (exponent < 0) snprintf(out, size, "0.%.*s%s", -exponent - 1, zeros, digits);
    else if (n <= exponent + 1) snprintf(out, size, "%s%.*s.0", digits, exponent + 1 - n, zeros);
    else snprintf(out, size, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
}

static void format(char out[FB_REAL_TEXT], double value, bool single) {
    const char *sign = signbit(value) && !isnan(value) ? "-" : "";
    char digits[20], text[FB_REAL_TEXT - 1];
    int exponent;

    if (!isfinite(value)) {
        snprintf(out, FB_REAL_TEXT, "%s%s", sign, isnan(value) ? "nan" : "inf");
        return;
    }
    exponent = shortest(fabs(value), single, digits);
    place_point(text, sizeof text, digits, exponent);
    snprintf(out, FB_REAL_TEXT, "%s%s", sign, text);
}

void fb_format_real(char out[FB_REAL_TEXT], double value) {
    format(out, value, false);
}

void fb_format_single(char out[FB_REAL_TEXT], float value) {
    format(out, (double)value, true);
}

bool fb_parse_int(const char *text, int64_t *out) {
    const char *p = text + (*text == '-' || *text == '+');
    char *end;
    long long value;

    if (*p < '0' || *p > '9') return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || *end) return false;
    *out = value;
    return true;
}

bool fb_parse_real(const char *text, double *out) {
    const char *p = text + (*text == '-' || *text == '+');
    char *end;

    if (!(*p >= '0' && *p <= '9') && !(*p == '.' && p[1] >= '0' && p[1] <= '9')) return false;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) return false;
    /* The program never calls setlocale, so the decimal point is '.'. */
    *out = strtod(text, &end);
    return !*end;
}
