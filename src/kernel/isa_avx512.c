/* isa_avx512.c - kernels for AVX-512: tiles of 12 x 32, 24 sums in 32 registers. */
enum { TILE_ROWS = 12 };
#include "kernel/cpu.h"

#if defined(__AVX512F__)
#include "kernel/isa_body.h"

static bool supported(void) {
    return __builtin_cpu_supports("avx512f");
}

const struct fb_isa fb_isa_avx512 = ISA_TABLE("avx512", supported);
#else
const struct fb_isa fb_isa_avx512 = {.name = "avx512"};
#endif
