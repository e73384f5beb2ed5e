/* isa_avx2.c - kernels for AVX2 with FMA: tiles of 6 x 16, twelve sums in sixteen registers. */
enum { TILE_ROWS = 6 };
#include "kernel/cpu.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "kernel/isa_body.h"

static bool supported(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const struct fb_isa fb_isa_avx2 = ISA_TABLE("avx2", supported);
#else
const struct fb_isa fb_isa_avx2 = {.name = "avx2"};
#endif
