/* prefetch.h - asks for the cache line of an address, which need not be ours. Never faults, changes
 * no result. Macros, since gcc 12 takes a function that does nothing else for one without effect
 * and drops its calls. */
#ifndef FB_KERNEL_PREFETCH_H
#define FB_KERNEL_PREFETCH_H

#if defined(__SSE__)
#include <xmmintrin.h>
#define FB_PREFETCH(p) _mm_prefetch((const void *)(p), _MM_HINT_T0)
/* Into the second-level cache: for what is needed later than at once. */
#define FB_PREFETCH_NEAR(p) _mm_prefetch((const void *)(p), _MM_HINT_T1)
#else
#define FB_PREFETCH(p)      ((void)(p))
#define FB_PREFETCH_NEAR(p) ((void)(p))
#endif

#endif
