/* interval.h - how far a score measured on n examples can be trusted. */
#ifndef FB_METRIC_INTERVAL_H
#define FB_METRIC_INTERVAL_H

#include <stdint.h>

struct fb_interval {
    double low, high;
};

/* 95 % Wilson score interval of a proportion (E. B. Wilson, 1927): with p = correct / total and
 * z = 1.959964, (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). [0, 1] if total is 0. */
struct fb_interval fb_wilson(int64_t correct, int64_t total);

#endif
