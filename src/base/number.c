#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits and decimal exponent of the shortest "%.{p}e" text that reads back exactly. */
static int shortest(double value, char digits[20]) {
    char text[FB_REAL_TEXT];
    int exponent = 0, n = 0;

    for (int precision = 0; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) == value) break;
    }
    for (const char *p = text; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    return exponent;
}

void fb_format_real(char out[FB_REAL_TEXT], double value) {
    char digits[20], *p = out;
    int exponent, n;

    if (isnan(value)) {
        strcpy(out, "nan");
        return;
    }
    if (signbit(value)) *p++ = '-';
    value = fabs(value);
    if (isinf(value)) {
        strcpy(p, "inf");
        return;
    }
    exponent = shortest(value, digits);
    n = (int)strlen(digits);
    if (exponent < -4 || exponent >= 16) {
        *p++ = digits[0];
        if (n > 1) p += sprintf(p, ".%s", digits + 1);
        sprintf(p, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        sprintf(p, "0.%0*d%s", -exponent - 1, 0, digits);
        if (exponent == -1) sprintf(p, "0.%s", digits);
    } else if (n <= exponent + 1) {
        p += sprintf(p, "%s", digits);
        for (int i = n; i <= exponent; i++)
            *p++ = '0';
        strcpy(p, ".0");
    } else {
        sprintf(p, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    }
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
