/* isa_plain.c - kernels in plain C, for any machine: tiles of 4 x 2. */
enum { TILE_ROWS = 4 };
#include "kernel/cpu.h"
#include "kernel/isa_body.h"

static bool supported(void) {
    return true;
}

const struct fb_isa fb_isa_plain = ISA_TABLE("plain", supported);
