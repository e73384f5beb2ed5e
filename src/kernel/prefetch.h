/* prefetch.h - asks for the cache line of an address, which need not be ours. Never faults, changes
 * no result. */
#ifndef FB_KERNEL_PREFETCH_H
#define FB_KERNEL_PREFETCH_H

#if defined(__SSE__)
#include <xmmintrin.h>
static inline void fb_prefetch(const void *p) {
    _mm_prefetch(p, _MM_HINT_T0);
}
#else
static inline void fb_prefetch(const void *p) {
    (void)p;
}
#endif

#endif
