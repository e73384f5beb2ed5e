/* decimal.h - decimal sums as Python's Decimal makes them, with which Hydra counts a range of
 * numbers: every double is taken exactly and each sum is rounded to 28 significant digits, half to
 * even. So range(0,1.1,0.1) ends with 1.1, as eleven times the double 0.1 is less than the double
 * 1.1. Only what a range needs: no products, no infinities. */
#ifndef FB_CONFIG_DECIMAL_H
#define FB_CONFIG_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* Enough for the sum of two finite doubles, and for the smallest of them. */
enum { FB_DECIMAL_WHOLE = 310, FB_DECIMAL_FRACTION = 1074 };

struct fb_decimal {
    bool negative;
    int first, end; /* the digits [first, end) hold all that are not 0; empty for zero */
    /* Digits before the point, then behind it, most significant first. */
    signed char digit[FB_DECIMAL_WHOLE + FB_DECIMAL_FRACTION];
};

/* `value` must be finite. */
struct fb_decimal fb_decimal_of_real(double value);
struct fb_decimal fb_decimal_of_int(int64_t value);
/* a + b, rounded; `a` must be less than the greatest double in magnitude, as `b` is. */
struct fb_decimal fb_decimal_sum(const struct fb_decimal *a, const struct fb_decimal *b);
/* Negative, 0 or positive as a is less than, equal to or greater than b. */
int fb_decimal_compare(const struct fb_decimal *a, const struct fb_decimal *b);
/* The nearest double; infinite beyond the greatest. */
double fb_decimal_real(const struct fb_decimal *x);

#endif
