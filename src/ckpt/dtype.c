/* dtype.c - element types and their conversion to and from f32.
 *
 * The 8- and 16-bit floats are widened exactly by moving bits: a normal number keeps its fraction
 * and has its exponent re-biased, a subnormal one is fraction * 2^k. Narrowing follows IEEE 754
 * round-to-nearest-even, subnormal results and overflow included: overflow gives infinity (F8_E4M3
 * has none: NaN), a NaN stays a quiet NaN of the same sign. F8_E4M3 is the "fn" form of
 * Micikevicius et al., arXiv:2209.05433: no infinities, 0x7f and 0xff are the only NaNs.
 *
 * The loops have no branches and no calls, so that the compiler vectorises them; elements are
 * loaded with memcpy because a safetensors payload may begin at any byte. */
#include "ckpt/dtype.h"

#include "base/clones.h"

#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are mapped as little-endian");

static const struct {
    const char *name, *torch, *alias;
    size_t size;
    bool is_float;
} dtypes[FB_DTYPES] = {
    [FB_F64] = {"F64", "float64", "double", 8, true},
    [FB_F32] = {"F32", "float32", "float", 4, true},
    [FB_F16] = {"F16", "float16", "half", 2, true},
    [FB_BF16] = {"BF16", "bfloat16", NULL, 2, true},
    [FB_I64] = {"I64", "int64", "long", 8, false},
    [FB_I32] = {"I32", "int32", "int", 4, false},
    [FB_I16] = {"I16", "int16", "short", 2, false},
    [FB_I8] = {"I8", "int8", NULL, 1, false},
    [FB_U64] = {"U64", "uint64", NULL, 8, false},
    [FB_U32] = {"U32", "uint32", NULL, 4, false},
    [FB_U16] = {"U16", "uint16", NULL, 2, false},
    [FB_U8] = {"U8", "uint8", NULL, 1, false},
    [FB_BOOL8] = {"BOOL", "bool", NULL, 1, false},
    [FB_F8_E4M3] = {"F8_E4M3", "float8_e4m3fn", NULL, 1, true},
    [FB_F8_E5M2] = {"F8_E5M2", "float8_e5m2", NULL, 1, true},
};

size_t fb_dtype_size(enum fb_dtype dtype) {
    return dtypes[dtype].size;
}

const char *fb_dtype_name(enum fb_dtype dtype) {
    return dtypes[dtype].name;
}

const char *fb_dtype_torch_name(enum fb_dtype dtype) {
    return dtypes[dtype].torch;
}

bool fb_dtype_is_float(enum fb_dtype dtype) {
    return dtypes[dtype].is_float;
}

bool fb_dtype_parse(const char *name, enum fb_dtype *out) {
    for (int i = 0; i < FB_DTYPES; i++) {
        if (strcmp(name, dtypes[i].name) && strcmp(name, dtypes[i].torch) &&
            (!dtypes[i].alias || strcmp(name, dtypes[i].alias)))
            continue;
        *out = (enum fb_dtype)i;
        return true;
    }
    return false;
}

static inline float from_bits(uint32_t bits) {
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t to_bits(float f) {
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* A choice by mask: a conditional would keep the loops below from being vectorised. */
static inline uint32_t choose(bool which, uint32_t yes, uint32_t no) {
    uint32_t mask = 0 - (uint32_t)which;

    return (yes & mask) | (no & ~mask);
}

/* ---- one element, widened ------------------------------------------------------------------ */

static inline float widen_f16(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
    uint32_t normal = rest + (112u << 23);
    uint32_t special = rest + (224u << 23); /* infinity and NaN: exponent 31 becomes 255 */
    uint32_t small = to_bits((float)(int32_t)(h & 0x3ff) * 0x1p-24f);
    uint32_t bits = choose(rest < (1u << 23), small, normal);

    return from_bits(sign | choose(rest >= (31u << 23), special, bits));
}

static inline float widen_bf16(uint16_t h) {
    return from_bits((uint32_t)h << 16);
}

static inline float widen_f8_e4m3(uint8_t b) {
    uint32_t sign = (uint32_t)(b & 0x80) << 24, rest = (uint32_t)(b & 0x7f) << 20;
    uint32_t small = to_bits((float)(int32_t)(b & 7) * 0x1p-9f);
    uint32_t bits = choose(rest < (1u << 23), small, rest + (120u << 23));

    return from_bits(sign | choose(rest == (0x7fu << 20), 0x7fc00000, bits));
}

/* E5M2 is the upper byte of an F16. */
static inline float widen_f8_e5m2(uint8_t b) {
    return widen_f16((uint16_t)(b << 8));
}

/* ---- one element, narrowed ----------------------------------------------------------------- */

/* Magnitude bits of |value| in a format of `fraction` fraction bits and exponent bias `bias`, for
 * values that are not too large for it. Adding a number whose last place is that of a subnormal
 * result lets the processor do the rounding of subnormals; for normal ones half a last place is
 * added, less one unit when the last bit kept is even. */
static inline uint32_t round_magnitude(uint32_t magnitude, uint32_t fraction, uint32_t bias) {
    uint32_t drop = 23 - fraction, magic = ((127 - bias) + drop + 1) << 23;
    uint32_t subnormal = to_bits(from_bits(magnitude) + from_bits(magic)) - magic;
    uint32_t odd = (magnitude >> drop) & 1;
    uint32_t normal =
        (magnitude - ((127 - bias) << 23) + ((uint32_t)1 << (drop - 1)) - 1 + odd) >> drop;

    return choose(magnitude < ((128 - bias) << 23), subnormal, normal);
}

static inline uint16_t narrow_f16(float f) {
    uint32_t bits = to_bits(f), magnitude = bits & 0x7fffffff;
    uint32_t finite = round_magnitude(magnitude, 10, 15);
    uint32_t special = choose(magnitude > 0x7f800000, 0x7e00, 0x7c00);

    return (uint16_t)((bits >> 16 & 0x8000) | choose(magnitude >= (143u << 23), special, finite));
}

static inline uint16_t narrow_bf16(float f) {
    uint32_t bits = to_bits(f), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;

    return (uint16_t)choose((bits & 0x7fffffff) > 0x7f800000, bits >> 16 | 0x40, rounded);
}

static inline uint8_t narrow_f8_e4m3(float f) {
    uint32_t bits = to_bits(f), magnitude = bits & 0x7fffffff;
    /* From 480 on, and for NaN; what rounds up to 480 has the bits of the NaN already. */
    uint32_t kept = choose(magnitude >= 0x43f00000, 0x7f, round_magnitude(magnitude, 3, 7));

    return (uint8_t)((bits >> 24 & 0x80) | kept);
}

static inline uint8_t narrow_f8_e5m2(float f) {
    uint32_t bits = to_bits(f), magnitude = bits & 0x7fffffff;
    uint32_t finite = round_magnitude(magnitude, 2, 15);
    uint32_t special = choose(magnitude > 0x7f800000, 0x7e, 0x7c);

    return (uint8_t)((bits >> 24 & 0x80) | choose(magnitude >= (143u << 23), special, finite));
}

/* Nearest integer, even on a tie; clamped to [low, high], where high is the largest f32 that does
 * not exceed the type's maximum; NaN becomes 0. */
static inline float whole(float f, float low, float high) {
    if (f != f) return 0;
    f = rintf(f);
    return f < low ? low : f > high ? high : f;
}

/* ---- arrays -------------------------------------------------------------------------------- */

static inline uint16_t load16(const unsigned char *in, int64_t i) {
    uint16_t v;

    memcpy(&v, in + (size_t)i * sizeof v, sizeof v);
    return v;
}

static inline uint32_t load32(const unsigned char *in, int64_t i) {
    uint32_t v;

    memcpy(&v, in + (size_t)i * sizeof v, sizeof v);
    return v;
}

static inline uint64_t load64(const unsigned char *in, int64_t i) {
    uint64_t v;

    memcpy(&v, in + (size_t)i * sizeof v, sizeof v);
    return v;
}

static inline double load_f64(const unsigned char *in, int64_t i) {
    double v;

    memcpy(&v, in + (size_t)i * sizeof v, sizeof v);
    return v;
}

static inline void store16(unsigned char *out, int64_t i, uint16_t v) {
    memcpy(out + (size_t)i * sizeof v, &v, sizeof v);
}

static inline void store32(unsigned char *out, int64_t i, uint32_t v) {
    memcpy(out + (size_t)i * sizeof v, &v, sizeof v);
}

static inline void store64(unsigned char *out, int64_t i, uint64_t v) {
    memcpy(out + (size_t)i * sizeof v, &v, sizeof v);
}

static inline void store_f64(unsigned char *out, int64_t i, double v) {
    memcpy(out + (size_t)i * sizeof v, &v, sizeof v);
}

static FB_CLONES void widen(float *restrict out, const unsigned char *restrict in,
                            enum fb_dtype dtype, int64_t count) {
    switch (dtype) {
    case FB_F64:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)load_f64(in, i);
        break;
    case FB_F16:
        for (int64_t i = 0; i < count; i++)
            out[i] = widen_f16(load16(in, i));
        break;
    case FB_BF16:
        for (int64_t i = 0; i < count; i++)
            out[i] = widen_bf16(load16(in, i));
        break;
    case FB_I64:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)(int64_t)load64(in, i);
        break;
    case FB_I32:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)(int32_t)load32(in, i);
        break;
    case FB_I16:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)(int16_t)load16(in, i);
        break;
    case FB_I8:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)(int8_t)in[i];
        break;
    case FB_U64:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)load64(in, i);
        break;
    case FB_U32:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)load32(in, i);
        break;
    case FB_U16:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)load16(in, i);
        break;
    case FB_U8:
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)in[i];
        break;
    case FB_BOOL8:
        for (int64_t i = 0; i < count; i++)
            out[i] = in[i] ? 1.0f : 0.0f;
        break;
    case FB_F8_E4M3:
        for (int64_t i = 0; i < count; i++)
            out[i] = widen_f8_e4m3(in[i]);
        break;
    case FB_F8_E5M2:
        for (int64_t i = 0; i < count; i++)
            out[i] = widen_f8_e5m2(in[i]);
        break;
    case FB_F32:
    case FB_DTYPES: break;
    }
}

static FB_CLONES void narrow(unsigned char *restrict out, const float *restrict in,
                             enum fb_dtype dtype, int64_t count) {
    switch (dtype) {
    case FB_F64:
        for (int64_t i = 0; i < count; i++)
            store_f64(out, i, in[i]);
        break;
    case FB_F16:
        for (int64_t i = 0; i < count; i++)
            store16(out, i, narrow_f16(in[i]));
        break;
    case FB_BF16:
        for (int64_t i = 0; i < count; i++)
            store16(out, i, narrow_bf16(in[i]));
        break;
    case FB_I64:
        for (int64_t i = 0; i < count; i++)
            store64(out, i, (uint64_t)(int64_t)whole(in[i], -0x1p63f, 0x1.fffffep62f));
        break;
    case FB_I32:
        for (int64_t i = 0; i < count; i++)
            store32(out, i, (uint32_t)(int32_t)whole(in[i], -0x1p31f, 0x1.fffffep30f));
        break;
    case FB_I16:
        for (int64_t i = 0; i < count; i++)
            store16(out, i, (uint16_t)(int16_t)whole(in[i], INT16_MIN, INT16_MAX));
        break;
    case FB_I8:
        for (int64_t i = 0; i < count; i++)
            out[i] = (unsigned char)(int8_t)whole(in[i], INT8_MIN, INT8_MAX);
        break;
    case FB_U64:
        for (int64_t i = 0; i < count; i++)
            store64(out, i, (uint64_t)whole(in[i], 0, 0x1.fffffep63f));
        break;
    case FB_U32:
        for (int64_t i = 0; i < count; i++)
            store32(out, i, (uint32_t)whole(in[i], 0, 0x1.fffffep31f));
        break;
    case FB_U16:
        for (int64_t i = 0; i < count; i++)
            store16(out, i, (uint16_t)whole(in[i], 0, UINT16_MAX));
        break;
    case FB_U8:
        for (int64_t i = 0; i < count; i++)
            out[i] = (unsigned char)whole(in[i], 0, UINT8_MAX);
        break;
    case FB_BOOL8:
        for (int64_t i = 0; i < count; i++)
            out[i] = in[i] != 0;
        break;
    case FB_F8_E4M3:
        for (int64_t i = 0; i < count; i++)
            out[i] = narrow_f8_e4m3(in[i]);
        break;
    case FB_F8_E5M2:
        for (int64_t i = 0; i < count; i++)
            out[i] = narrow_f8_e5m2(in[i]);
        break;
    case FB_F32:
    case FB_DTYPES: break;
    }
}

void fb_dtype_to_f32(float *out, const void *bytes, enum fb_dtype dtype, int64_t count) {
    if (count <= 0) return;
    if (dtype == FB_F32) memcpy(out, bytes, (size_t)count * sizeof *out);
    else widen(out, bytes, dtype, count);
}

void fb_dtype_from_f32(void *bytes, const float *in, enum fb_dtype dtype, int64_t count) {
    if (count <= 0) return;
    if (dtype == FB_F32) memcpy(bytes, in, (size_t)count * sizeof *in);
    else narrow(bytes, in, dtype, count);
}

/* Boldo and Melquiond 2008 (IEEE Trans. Computers 57): a value rounded to odd with two more bits
 * than the final format, or more, rounds to what the exact value rounds to. Odd: truncated, and
 * the last bit set if anything was cut off. */
void fb_dtype_f64_to_odd(float *out, const void *bytes, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        double exact = load_f64(bytes, i);
        float near = (float)exact;
        uint32_t bits = to_bits(near);
        if (exact == exact && (double)near != exact) {
            bits -= fabs((double)near) > fabs(exact);
            bits |= 1;
        }
        out[i] = from_bits(bits);
    }
}
