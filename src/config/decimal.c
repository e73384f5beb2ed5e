#include "config/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = FB_DECIMAL_WHOLE + FB_DECIMAL_FRACTION, SIGNIFICANT = 28 };

/* Makes [first, end) as short as it can be. */
static void trim(struct fb_decimal *x) {
    while (x->first < x->end && !x->digit[x->first])
        x->first++;
    while (x->first < x->end && !x->digit[x->end - 1])
        x->end--;
}

static struct fb_decimal read(const char *text) {
    struct fb_decimal x = {.negative = *text == '-', .end = DIGITS};
    size_t whole;

    text += x.negative;
    whole = strcspn(text, ".");
    for (size_t i = 0; i < whole; i++)
        x.digit[FB_DECIMAL_WHOLE - whole + i] = (signed char)(text[i] - '0');
    for (size_t i = 0; text[whole] && text[whole + 1 + i]; i++)
        x.digit[FB_DECIMAL_WHOLE + i] = (signed char)(text[whole + 1 + i] - '0');
    trim(&x);
    return x;
}

struct fb_decimal fb_decimal_of_real(double value) {
    char text[DIGITS + 3];

    snprintf(text, sizeof text, "%.*f", FB_DECIMAL_FRACTION, value);
    return read(text);
}

struct fb_decimal fb_decimal_of_int(int64_t value) {
    char text[24];

    snprintf(text, sizeof text, "%jd", (intmax_t)value);
    return read(text);
}

static bool is_zero(const struct fb_decimal *x) {
    return x->first == x->end;
}

/* One more in the last place before `at`. */
static void count_up(struct fb_decimal *x, int at) {
    while (at > 0 && ++x->digit[--at] > 9)
        x->digit[at] = 0;
    if (at < x->first) x->first = at;
}

static void round_half_even(struct fb_decimal *x) {
    int cut = x->first + SIGNIFICANT;
    bool up;

    if (cut >= x->end) return;
    up = x->digit[cut] > 5 || (x->digit[cut] == 5 && (x->digit[cut - 1] % 2 || cut + 1 < x->end));
    memset(x->digit + cut, 0, (size_t)(x->end - cut));
    x->end = cut;
    if (up) count_up(x, cut);
    trim(x);
}

struct fb_decimal fb_decimal_sum(const struct fb_decimal *a, const struct fb_decimal *b) {
    bool less = memcmp(a->digit, b->digit, DIGITS) < 0, same = a->negative == b->negative;
    const struct fb_decimal *large = less ? b : a, *small = less ? a : b;
    struct fb_decimal sum = *large;

    if (!is_zero(small) && small->end > sum.end) sum.end = small->end;
    sum.first -= sum.first > 0; /* for a carry */
    for (int i = sum.end, over = 0; i-- > sum.first;) {
        int digit = large->digit[i] + (same ? small->digit[i] : -small->digit[i]) + over;
        over = digit > 9 ? 1 : digit < 0 ? -1 : 0;
        sum.digit[i] = (signed char)(digit - 10 * over);
    }
    trim(&sum);
    round_half_even(&sum);
    if (is_zero(&sum)) sum.negative = false;
    return sum;
}

int fb_decimal_compare(const struct fb_decimal *a, const struct fb_decimal *b) {
    int order = memcmp(a->digit, b->digit, DIGITS);

    if (a->negative == b->negative) return a->negative ? -order : order;
    if (is_zero(a) && is_zero(b)) return 0;
    return a->negative ? -1 : 1;
}

double fb_decimal_real(const struct fb_decimal *x) {
    char text[DIGITS + 16];
    int n = 1;

    if (is_zero(x)) return x->negative ? -0.0 : 0.0;
    text[0] = x->negative ? '-' : '+';
    for (int i = x->first; i < x->end; i++)
        text[n++] = (char)('0' + x->digit[i]);
    snprintf(text + n, sizeof text - (size_t)n, "e%d", FB_DECIMAL_WHOLE - x->end);
    return strtod(text, NULL);
}
