/* globals.c - see globals.h. */
#include "ckpt/globals.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

static const struct fb_global allowed[] = {
    {"collections.OrderedDict", FB_GLOBAL_ORDERED_DICT, FB_U8},
    {"torch._utils._rebuild_tensor_v2", FB_GLOBAL_REBUILD_TENSOR_V2, FB_U8},
    {"torch._utils._rebuild_tensor_v3", FB_GLOBAL_REBUILD_TENSOR_V3, FB_U8},
    {"torch._utils._rebuild_tensor", FB_GLOBAL_REBUILD_TENSOR, FB_U8},
    {"torch._utils._rebuild_parameter", FB_GLOBAL_REBUILD_PARAMETER, FB_U8},
    {"torch._utils._rebuild_parameter_with_state", FB_GLOBAL_REBUILD_PARAMETER, FB_U8},
    {"torch._tensor._rebuild_from_type_v2", FB_GLOBAL_REBUILD_FROM_TYPE, FB_U8},
    {"torch.nn.parameter.Parameter", FB_GLOBAL_PARAMETER, FB_U8},
    {"torch.Tensor", FB_GLOBAL_TENSOR, FB_U8},
    {"torch.Size", FB_GLOBAL_SIZE, FB_U8},

    {"torch.DoubleStorage", FB_GLOBAL_STORAGE, FB_F64},
    {"torch.FloatStorage", FB_GLOBAL_STORAGE, FB_F32},
    {"torch.HalfStorage", FB_GLOBAL_STORAGE, FB_F16},
    {"torch.BFloat16Storage", FB_GLOBAL_STORAGE, FB_BF16},
    {"torch.LongStorage", FB_GLOBAL_STORAGE, FB_I64},
    {"torch.IntStorage", FB_GLOBAL_STORAGE, FB_I32},
    {"torch.ShortStorage", FB_GLOBAL_STORAGE, FB_I16},
    {"torch.CharStorage", FB_GLOBAL_STORAGE, FB_I8},
    {"torch.ByteStorage", FB_GLOBAL_STORAGE, FB_U8},
    {"torch.BoolStorage", FB_GLOBAL_STORAGE, FB_BOOL8},
    {"torch.UntypedStorage", FB_GLOBAL_STORAGE, FB_U8},
    {"torch.storage.UntypedStorage", FB_GLOBAL_STORAGE, FB_U8},

    {"torch.float64", FB_GLOBAL_DTYPE, FB_F64},
    {"torch.float32", FB_GLOBAL_DTYPE, FB_F32},
    {"torch.float16", FB_GLOBAL_DTYPE, FB_F16},
    {"torch.bfloat16", FB_GLOBAL_DTYPE, FB_BF16},
    {"torch.int64", FB_GLOBAL_DTYPE, FB_I64},
    {"torch.int32", FB_GLOBAL_DTYPE, FB_I32},
    {"torch.int16", FB_GLOBAL_DTYPE, FB_I16},
    {"torch.int8", FB_GLOBAL_DTYPE, FB_I8},
    {"torch.uint64", FB_GLOBAL_DTYPE, FB_U64},
    {"torch.uint32", FB_GLOBAL_DTYPE, FB_U32},
    {"torch.uint16", FB_GLOBAL_DTYPE, FB_U16},
    {"torch.uint8", FB_GLOBAL_DTYPE, FB_U8},
    {"torch.bool", FB_GLOBAL_DTYPE, FB_BOOL8},
    {"torch.float8_e4m3fn", FB_GLOBAL_DTYPE, FB_F8_E4M3},
    {"torch.float8_e5m2", FB_GLOBAL_DTYPE, FB_F8_E5M2},

    {"torch.device", FB_GLOBAL_OTHER, FB_U8},
    {"torch.serialization._get_layout", FB_GLOBAL_OTHER, FB_U8},
    {"torch.storage.TypedStorage", FB_GLOBAL_OTHER, FB_U8},
    {"collections.Counter", FB_GLOBAL_OTHER, FB_U8},
    {"_codecs.encode", FB_GLOBAL_OTHER, FB_U8},       /* bytes in protocol 2 */
    {"builtins.bytearray", FB_GLOBAL_OTHER, FB_U8},   /* Python 3 */
    {"__builtin__.bytearray", FB_GLOBAL_OTHER, FB_U8} /* the same in protocol 2 */
};

/* What torch allows and this program cannot represent. A `name` that ends in '*' is a prefix. */
static const struct {
    const char *name, *what;
} refused[] = {
    {"torch.Complex*", "complex numbers are"},
    {"torch.complex*", "complex numbers are"},
    {"torch.Q*", "quantized tensors are"},
    {"torch.q*", "quantized tensors are"},
    {"torch.per_*", "quantized tensors are"},
    {"torch._utils._rebuild_qtensor", "quantized tensors are"},
    {"torch._utils._rebuild_sparse_tensor", "sparse tensors are"},
    {"torch._utils._rebuild_nested_tensor", "nested tensors are"},
    {"torch._utils._rebuild_meta_tensor_no_storage", "a tensor without data (meta device) is"},
    {"torch._utils._rebuild_wrapper_subclass", "subclasses of tensors are"},
    {"torch._utils._rebuild_device_tensor_from_numpy", "a tensor stored as a NumPy array is"},
    {"torch.float8_*", "this 8-bit floating-point type is"},
    {"torch.bits*", "elements without a type are"},
};

const char *fb_shown(char out[FB_SHOWN_TEXT], const void *bytes, size_t size) {
    const unsigned char *in = bytes;
    size_t at = 0;

    if (size > 100) size = 100;
    for (size_t i = 0; i < size; i++) {
        if (in[i] >= 0x20 && in[i] < 0x7f) out[at++] = (char)in[i];
        else at += (size_t)snprintf(out + at, FB_SHOWN_TEXT - at, "\\x%02x", in[i]);
    }
    out[at] = 0;
    return out;
}

bool fb_global_makes_tensor(const struct fb_global *global) {
    return global->kind >= FB_GLOBAL_PARAMETER && global->kind <= FB_GLOBAL_REBUILD_FROM_TYPE;
}

static bool matches(const char *pattern, const char *name) {
    size_t size = strlen(pattern);

    if (pattern[size - 1] == '*') return !strncmp(pattern, name, size - 1);
    return !strcmp(pattern, name);
}

/* "torch.cuda.FloatStorage" is read as "torch.FloatStorage": where it was does not matter. */
static const char *skip_cuda(const char *full, char shorter[2 * FB_SHOWN_TEXT]) {
    static const char cuda[] = "torch.cuda.";

    if (!fb_starts_with(full, cuda) || !fb_ends_with(full, "Storage")) return full;
    snprintf(shorter, 2 * FB_SHOWN_TEXT, "torch.%s", full + strlen(cuda));
    return shorter;
}

int fb_global_find(const struct fb_global **out, const char *module, size_t module_size,
                   const char *name, size_t name_size, struct fb_err *err) {
    char a[FB_SHOWN_TEXT], b[FB_SHOWN_TEXT], full[2 * FB_SHOWN_TEXT], shorter[2 * FB_SHOWN_TEXT];
    const char *wanted;

    *out = NULL;
    snprintf(full, sizeof full, "%s.%s", fb_shown(a, module, module_size),
             fb_shown(b, name, name_size));
    wanted = skip_cuda(full, shorter);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        /* What was cut for display is no match. */
        if (module_size > 100 || name_size > 100 || strcmp(allowed[i].name, wanted)) continue;
        *out = &allowed[i];
        return FB_OK;
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (matches(refused[i].name, wanted))
            return fb_fail(err, FB_EUNSUPPORTED, "global '%s': %s not read", full, refused[i].what);
    return fb_fail(err, FB_EUNSUPPORTED,
                   "global '%s' is not allowed: a state dict has no need of it (nothing was "
                   "executed)",
                   full);
}
