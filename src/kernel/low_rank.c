#include "kernel/low_rank.h"

#include "kernel/cpu.h"

void fb_low_rank_add(const struct fb_low_rank *p, float *out, int64_t ldo, int64_t rows,
                     int64_t cols) {
    fb_cpu_isa()->low_rank_add(p, out, ldo, rows, cols);
}
