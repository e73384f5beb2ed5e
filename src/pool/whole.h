/* whole.h - one whole model under the names of its file: a checkpoint, or an adapter on its base.
 *
 * A pool knows the keys that are merged; this knows every tensor that is stored: heads, buffers,
 * integers. What an adapter does not change is passed on as it is. The names of base and adapter
 * may differ by the module that the backbone is in ("transformer."). */
#ifndef FB_POOL_WHOLE_H
#define FB_POOL_WHOLE_H

#include "ckpt/lora.h"
#include "pool/pool.h"

struct fb_whole_tensor {
    struct fb_entry entry; /* as stored, with the name that it has in the model */
    int64_t change;        /* what the adapter does to it (key of ckpt/lora.h); -1: nothing */
};

/* A zeroed struct is closed. */
struct fb_whole {
    struct fb_arena arena;
    char *path;    /* file or folder of the weights: of the base, for an adapter; owned */
    char *folder;  /* that folder, or the one the file is in; owned */
    char *adapter; /* folder of the adapter; owned; NULL: there is none */
    struct fb_ckpt *ckpt;
    struct fb_lora *lora;            /* NULL: there is none */
    struct fb_node *config;          /* config.json of the folder; NULL: it has none */
    const struct fb_pool_type *kind; /* the architecture, if it is one of the pools' */
    struct fb_whole_tensor *tensor;  /* [count], sorted by the names of the file, then heads */
    int64_t count, heads;            /* heads: of modules that the base lacks */
    bool unties;                     /* the adapter has its own head for a tied embedding */
};

/* Opens what the user named: a file, a folder, or a model in the hub cache. A folder that holds an
 * adapter (and no whole model, unless `base` is given) is opened on `base`, or, if that is NULL,
 * on the base that adapter_config.json names. FB_EUSAGE: `base` is given and there is no adapter.
 * Owned: fb_whole_close, after a failure as well. */
int fb_whole_open(struct fb_whole *w, const char *name, const char *base, const struct fb_log *log,
                  struct fb_err *err) FB_MUST_CHECK;
void fb_whole_close(struct fb_whole *w);

/* Elements [begin, begin + count) of tensor `i`, computed in f32, of a tensor that the adapter
 * changes. */
void fb_whole_block(const struct fb_whole *w, int64_t i, int64_t begin, int64_t count,
                    float *values);
/* Says that the block will not be read again. */
void fb_whole_forget(const struct fb_whole *w, int64_t i, int64_t begin, int64_t count);

#endif
