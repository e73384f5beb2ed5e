#include "kernel/cpu.h"

#include <stddef.h>

const struct fb_isa *fb_cpu_isa_at(int i) {
    static const struct fb_isa *const known[] = {&fb_isa_avx512, &fb_isa_avx2, &fb_isa_plain};

    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (known[k]->supported && known[k]->supported() && i-- == 0) return known[k];
    return NULL;
}

const struct fb_isa *fb_cpu_isa(void) {
    return fb_cpu_isa_at(0);
}
