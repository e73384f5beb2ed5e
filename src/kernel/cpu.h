/* cpu.h - which instruction set the kernels use on this machine. */
#ifndef FB_KERNEL_CPU_H
#define FB_KERNEL_CPU_H

#include "kernel/isa.h"

extern const struct fb_isa fb_isa_avx512, fb_isa_avx2, fb_isa_plain;

/* The best table this machine can run; the same one at every call. */
const struct fb_isa *fb_cpu_isa(void);
/* The i-th table this machine can run, best first; NULL beyond the last. For tests. */
const struct fb_isa *fb_cpu_isa_at(int i);

#endif
