/* clones.h - wider vectors where the machine has them. */
#ifndef FB_METHOD_CLONES_H
#define FB_METHOD_CLONES_H

/* For the loops of a method: a second version with wider vectors, chosen when the program starts.
 * AVX2 has no fused multiply-add, so both give the same bits. Sanitizers do not survive the
 * choice. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&      \
    defined(__GNUC__) && !defined(__clang__)
#define FB_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define FB_CLONES
#endif

#endif
