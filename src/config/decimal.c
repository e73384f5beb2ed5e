#include "config/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = FB_DECIMAL_WHOLE + FB_DECIMAL_FRACTION, SIGNIFICANT = 28 };

static struct fb_decimal read(const char *text) {
    struct fb_decimal x = {.negative = *text == '-'};
    size_t whole;

    text += x.negative;
    whole = strcspn(text, ".");
    for (size_t i = 0; i < whole; i++)
        x.digit[FB_DECIMAL_WHOLE - whole + i] = (signed char)(text[i] - '0');
    for (size_t i = 0; text[whole] && text[whole + 1 + i]; i++)
        x.digit[FB_DECIMAL_WHOLE + i] = (signed char)(text[whole + 1 + i] - '0');
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

/* Index of the first digit that is not 0; DIGITS for zero. */
static int leading(const struct fb_decimal *x) {
    int i = 0;

    while (i < DIGITS && !x->digit[i])
        i++;
    return i;
}

static void carry(struct fb_decimal *x, int at) {
    for (; at > 0 && x->digit[at] > 9; at--) {
        x->digit[at] = (signed char)(x->digit[at] - 10);
        x->digit[at - 1]++;
    }
}

static void round_half_even(struct fb_decimal *x) {
    int cut = leading(x) + SIGNIFICANT;
    bool up;

    if (cut >= DIGITS) return;
    up = x->digit[cut] > 5 || (x->digit[cut] == 5 && x->digit[cut - 1] % 2);
    for (int i = cut + 1; i < DIGITS && x->digit[cut] == 5 && !up; i++)
        up = x->digit[i] > 0;
    memset(x->digit + cut, 0, (size_t)(DIGITS - cut));
    if (!up) return;
    x->digit[cut - 1]++;
    carry(x, cut - 1);
}

struct fb_decimal fb_decimal_sum(const struct fb_decimal *a, const struct fb_decimal *b) {
    bool less = memcmp(a->digit, b->digit, DIGITS) < 0, same = a->negative == b->negative;
    const struct fb_decimal *large = less ? b : a, *small = less ? a : b;
    struct fb_decimal sum = *large;

    for (int i = DIGITS, over = 0; i-- > 0;) {
        int digit = large->digit[i] + (same ? small->digit[i] : -small->digit[i]) + over;
        over = digit > 9 ? 1 : digit < 0 ? -1 : 0;
        sum.digit[i] = (signed char)(digit - 10 * over);
    }
    round_half_even(&sum);
    if (leading(&sum) == DIGITS) sum.negative = false;
    return sum;
}

int fb_decimal_compare(const struct fb_decimal *a, const struct fb_decimal *b) {
    int order = memcmp(a->digit, b->digit, DIGITS);

    if (a->negative == b->negative) return a->negative ? -order : order;
    if (leading(a) == DIGITS && leading(b) == DIGITS) return 0;
    return a->negative ? -1 : 1;
}

double fb_decimal_real(const struct fb_decimal *x) {
    char text[DIGITS + 16];
    int first = leading(x), last = DIGITS, n = 1;

    if (first == DIGITS) return x->negative ? -0.0 : 0.0;
    while (!x->digit[last - 1])
        last--;
    text[0] = x->negative ? '-' : '+';
    for (int i = first; i < last; i++)
        text[n++] = (char)('0' + x->digit[i]);
    snprintf(text + n, sizeof text - (size_t)n, "e%d", FB_DECIMAL_WHOLE - last);
    return strtod(text, NULL);
}
