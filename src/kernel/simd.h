/* simd.h - one vector type under three instruction sets.
 *
 * The kernels of isa_body.h are written once in these names; the flags a file is compiled with
 * decide what they mean. V_MUL_ADD rounds once where the machine can (AVX2, AVX-512) and twice in
 * plain C, so different machines may differ in the last bit; one machine never does. */
#ifndef FB_KERNEL_SIMD_H
#define FB_KERNEL_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
enum { V_LANES = 16 };
typedef __m512 vec;
static inline vec v_load(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline void v_store(float *p, vec a) {
    _mm512_storeu_ps(p, a);
}
/* Past the caches; p is a multiple of the vector's size. */
static inline void v_store_far(float *p, vec a) {
    _mm512_stream_ps(p, a);
}
static inline vec v_set(float x) {
    return _mm512_set1_ps(x);
}
static inline vec v_add(vec a, vec b) {
    return _mm512_add_ps(a, b);
}
static inline vec v_sub(vec a, vec b) {
    return _mm512_sub_ps(a, b);
}
static inline vec v_mul(vec a, vec b) {
    return _mm512_mul_ps(a, b);
}
static inline vec v_div(vec a, vec b) {
    return _mm512_div_ps(a, b);
}
static inline vec v_max(vec a, vec b) {
    return _mm512_max_ps(a, b);
}
static inline vec v_min(vec a, vec b) {
    return _mm512_min_ps(a, b);
}
static inline vec v_mul_add(vec a, vec b, vec c) {
    return _mm512_fmadd_ps(a, b, c);
}
/* a * b + c with one rounding on every machine. */
static inline vec v_fused(vec a, vec b, vec c) {
    return v_mul_add(a, b, c);
}
/* x * 2^n for whole n in [-126, 127]. */
static inline vec v_scale(vec x, vec n) {
    __m512i e = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_mul_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(e, 23)));
}
static inline vec v_round(vec a) {
    return _mm512_roundscale_ps(a, 8);
}
#elif defined(__AVX2__)
#include <immintrin.h>
enum { V_LANES = 8 };
typedef __m256 vec;
static inline vec v_load(const float *p) {
    return _mm256_loadu_ps(p);
}
static inline void v_store(float *p, vec a) {
    _mm256_storeu_ps(p, a);
}
static inline void v_store_far(float *p, vec a) {
    _mm256_stream_ps(p, a);
}
static inline vec v_set(float x) {
    return _mm256_set1_ps(x);
}
static inline vec v_add(vec a, vec b) {
    return _mm256_add_ps(a, b);
}
static inline vec v_sub(vec a, vec b) {
    return _mm256_sub_ps(a, b);
}
static inline vec v_mul(vec a, vec b) {
    return _mm256_mul_ps(a, b);
}
static inline vec v_div(vec a, vec b) {
    return _mm256_div_ps(a, b);
}
static inline vec v_max(vec a, vec b) {
    return _mm256_max_ps(a, b);
}
static inline vec v_min(vec a, vec b) {
    return _mm256_min_ps(a, b);
}
static inline vec v_mul_add(vec a, vec b, vec c) {
    return _mm256_fmadd_ps(a, b, c);
}
static inline vec v_fused(vec a, vec b, vec c) {
    return v_mul_add(a, b, c);
}
static inline vec v_scale(vec x, vec n) {
    __m256i e = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(e, 23)));
}
static inline vec v_round(vec a) {
    return _mm256_round_ps(a, 8);
}
#else
enum { V_LANES = 1 };
typedef float vec;
static inline vec v_load(const float *p) {
    return *p;
}
static inline void v_store(float *p, vec a) {
    *p = a;
}
static inline void v_store_far(float *p, vec a) {
    *p = a;
}
static inline vec v_set(float x) {
    return x;
}
static inline vec v_add(vec a, vec b) {
    return a + b;
}
static inline vec v_sub(vec a, vec b) {
    return a - b;
}
static inline vec v_mul(vec a, vec b) {
    return a * b;
}
static inline vec v_div(vec a, vec b) {
    return a / b;
}
static inline vec v_max(vec a, vec b) {
    return a > b ? a : b;
}
static inline vec v_min(vec a, vec b) {
    return a < b ? a : b;
}
static inline vec v_mul_add(vec a, vec b, vec c) {
    return a * b + c;
}
static inline vec v_fused(vec a, vec b, vec c) {
    return fmaf(a, b, c);
}
static inline vec v_scale(vec x, vec n) {
    uint32_t bits = (uint32_t)((n == n ? (int32_t)n : 0) + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return x * power;
}
/* To the nearest integer, ties to even, for |a| < 2^22. */
static inline vec v_round(vec a) {
    return (a + 0x1.8p23f) - 0x1.8p23f;
}
#endif

/* A function whose shape is given by constants at each call: a copy that takes them as variables
 * would keep its vectors in memory. */
#if defined(__GNUC__)
#define V_INLINE static inline __attribute__((always_inline))
#else
#define V_INLINE static inline
#endif

/* Before a loop over the rows of a tile: without it gcc unrolls too late to see that an array of
 * vectors fits the registers. */
#if defined(__clang__)
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 16")
#endif

/* Lanes are folded in a fixed order: the sum depends on nothing but the values. */
static inline float v_sum(vec a) {
    float lane[V_LANES];

    v_store(lane, a);
    for (int half = V_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

static inline float v_largest(vec a) {
    float lane[V_LANES], most;

    v_store(lane, a);
    most = lane[0];
    for (int i = 1; i < V_LANES; i++)
        if (lane[i] > most) most = lane[i];
    return most;
}

#endif
