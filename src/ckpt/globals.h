/* globals.h - the Python names that a torch file may mention, and what each stands for here.
 *
 * A pickle is a program whose GLOBAL opcode names functions and classes. This table is all that is
 * ever looked up, and a row is data: no name leads to code that the file chooses. The names are
 * those that torch.load(weights_only=True) of torch 2.5.1 allows and that state dicts use. */
#ifndef FB_CKPT_GLOBALS_H
#define FB_CKPT_GLOBALS_H

#include "base/err.h"
#include "ckpt/dtype.h"

#include <stddef.h>

enum fb_global_kind {
    FB_GLOBAL_ORDERED_DICT,
    FB_GLOBAL_TENSOR,            /* the class: a type, never called */
    FB_GLOBAL_PARAMETER,         /* (data, requires_grad) */
    FB_GLOBAL_REBUILD_PARAMETER, /* (data, requires_grad, hooks[, state]) */
    FB_GLOBAL_REBUILD_TENSOR,    /* (storage, offset, size, stride) */
    FB_GLOBAL_REBUILD_TENSOR_V2, /* the same, requires_grad, hooks[, metadata] */
    FB_GLOBAL_REBUILD_TENSOR_V3, /* the same, requires_grad, hooks, dtype[, metadata] */
    FB_GLOBAL_REBUILD_FROM_TYPE, /* (function, type, arguments, state) */
    FB_GLOBAL_SIZE,              /* torch.Size */
    FB_GLOBAL_STORAGE,           /* a type of storages */
    FB_GLOBAL_DTYPE,             /* a type of elements */
    FB_GLOBAL_OTHER              /* a value beside the tensors; its calls mean nothing here */
};

struct fb_global {
    const char *name; /* "torch.FloatStorage" */
    enum fb_global_kind kind;
    enum fb_dtype dtype; /* of a STORAGE or DTYPE; untyped storages: U8 */
};

/* Whether a call of it gives a tensor. */
bool fb_global_makes_tensor(const struct fb_global *global);
/* Row of "module.name". FB_EUNSUPPORTED names what is not in the table; bytes that are no part of a
 * Python name are shown as \xNN. */
int fb_global_find(const struct fb_global **out, const char *module, size_t module_size,
                   const char *name, size_t name_size, struct fb_err *err) FB_MUST_CHECK;

enum { FB_SHOWN_TEXT = 401 };
/* The first 100 bytes of file content for a message: printable ASCII as it is, the rest as \xNN. */
const char *fb_shown(char out[FB_SHOWN_TEXT], const void *bytes, size_t size);

#endif
