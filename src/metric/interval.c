#include "metric/interval.h"

#include <math.h>

struct fb_interval fb_wilson(int64_t correct, int64_t total) {
    const double z = 1.959963984540054; /* 97.5 % quantile of the normal distribution */
    double n = (double)total, p, middle, half, scale;

    if (!total) return (struct fb_interval){0, 1};
    p = (double)correct / n;
    scale = 1 + z * z / n;
    middle = (p + z * z / (2 * n)) / scale;
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale;
    return (struct fb_interval){fmax(0, middle - half), fmin(1, middle + half)};
}
