/* prefetch.h - asks for the cache line of an address, which need not be ours. Never faults, changes
 * no result. */
#ifndef FB_KERNEL_PREFETCH_H
#define FB_KERNEL_PREFETCH_H

#if defined(__SSE__)
#include <xmmintrin.h>
static inline void fb_prefetch(const void *p) {
    _mm_prefetch(p, _MM_HINT_T0);
}
/* Into the second-level cache: for what is needed later than at once. */
static inline void fb_prefetch_near(const void *p) {
    _mm_prefetch(p, _MM_HINT_T1);
}
#else
static inline void fb_prefetch_near(const void *p) {
    (void)p;
}
static inline void fb_prefetch(const void *p) {
    (void)p;
}
#endif

#endif
