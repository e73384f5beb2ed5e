/* prefetch.h - what caches are told. fb_prefetch asks for the cache line of an address, which need
 * not be ours: it never faults and changes no result. */
#ifndef FB_KERNEL_PREFETCH_H
#define FB_KERNEL_PREFETCH_H

/* gcc takes an inline function that does nothing but this for one without effect and drops its
 * calls, unless they are inlined before it looks. */
#if defined(__GNUC__)
#define FB_PREFETCH static inline __attribute__((always_inline)) void
#else
#define FB_PREFETCH static inline void
#endif

#if defined(__SSE__)
#include <xmmintrin.h>
FB_PREFETCH fb_prefetch(const void *p) {
    _mm_prefetch(p, _MM_HINT_T0);
}
/* Into the second-level cache: for what is needed later than at once. */
FB_PREFETCH fb_prefetch_near(const void *p) {
    _mm_prefetch(p, _MM_HINT_T1);
}
/* After stores that went past the caches (FB_INTO_FAR), before other threads read what they wrote.
 */
static inline void fb_far_done(void) {
    _mm_sfence();
}
#else
FB_PREFETCH fb_prefetch_near(const void *p) {
    (void)p;
}
FB_PREFETCH fb_prefetch(const void *p) {
    (void)p;
}
static inline void fb_far_done(void) {}
#endif

#endif
