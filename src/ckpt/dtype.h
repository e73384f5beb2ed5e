/* dtype.h - element types of tensors on disk, by their safetensors names. */
#ifndef FB_CKPT_DTYPE_H
#define FB_CKPT_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fb_dtype {
    FB_F64,
    FB_F32,
    FB_F16,
    FB_BF16,
    FB_I64,
    FB_I32,
    FB_I16,
    FB_I8,
    FB_U64,
    FB_U32,
    FB_U16,
    FB_U8,
    FB_BOOL8,
    FB_F8_E4M3,
    FB_F8_E5M2,
    FB_DTYPES
};

size_t fb_dtype_size(enum fb_dtype dtype);            /* bytes of an element */
const char *fb_dtype_name(enum fb_dtype dtype);       /* "F32" */
const char *fb_dtype_torch_name(enum fb_dtype dtype); /* "float32" */
/* Accepts safetensors names and torch's ("float32", "bfloat16"); false if unknown. */
bool fb_dtype_parse(const char *name, enum fb_dtype *out);
bool fb_dtype_is_float(enum fb_dtype dtype);

/* `count` elements, to or from f32. `bytes` may be unaligned. Widening is exact except from F64 and
 * the wide integers; narrowing rounds once, to nearest even; integers are clamped and take NaN for
 * 0, floats overflow to infinity (F8_E4M3: NaN). BOOL: not zero. */
void fb_dtype_to_f32(float *out, const void *bytes, enum fb_dtype dtype, int64_t count);
void fb_dtype_from_f32(void *bytes, const float *in, enum fb_dtype dtype, int64_t count);
/* F64 to f32 on the way to F16 or BF16: rounded to odd, so that the rounding to the narrow type is
 * the only one that counts. */
void fb_dtype_f64_to_odd(float *out, const void *bytes, int64_t count);

#endif
