/* conversion.h - any checkpoint or adapter as one safetensors file, or as a folder that
 * transformers opens.
 *
 * Tensors keep their names; floats are rounded once to the type that is asked for, integers stay
 * as they are. The file is streamed: no tensor is held whole. */
#ifndef FB_POOL_CONVERSION_H
#define FB_POOL_CONVERSION_H

#include "base/log.h"
#include "config/node.h"

#include <stdbool.h>
#include <stdint.h>

struct fb_conversion {
    const char *in;    /* as fb_whole_open takes it */
    const char *base;  /* NULL: what the adapter names */
    const char *out;   /* as pool/save.h takes it */
    const char *dtype; /* a float type of ckpt/dtype.h, or "keep" */
    bool force;        /* what stands at `out` is replaced */
};

/* What was written. */
struct fb_converted {
    int64_t tensors, elements, bytes, changed, heads;
};

/* FB_EIO if something is at `out` and `force` is not set; otherwise the old file stays until the
 * new one is complete. Nothing is written before everything has been read and fitted. */
int fb_convert(const struct fb_conversion *c, struct fb_converted *done, const struct fb_log *log,
               struct fb_arena *arena, struct fb_err *err) FB_MUST_CHECK;

#endif
