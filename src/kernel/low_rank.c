#include "kernel/low_rank.h"

#include "kernel/cpu.h"

void fb_low_rank_add(const struct fb_low_rank *p, const float *base, float *out, int64_t ld,
                     int64_t rows, int64_t cols) {
    fb_cpu_isa()->low_rank_add(p, base, out, ld, rows, cols);
}
