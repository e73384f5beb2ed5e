/* ckpt.h - a checkpoint: names -> typed bytes, whatever the file format.
 *
 * fb_ckpt_open takes a file (.safetensors; .bin, .pt, .pth and .ckpt of torch.save), an index
 * (*.index.json) or a folder in Hugging Face layout. Files are mapped; nothing is converted until
 * it is asked for, and every count and offset has been checked against the bytes that are there. */
#ifndef FB_CKPT_CKPT_H
#define FB_CKPT_CKPT_H

#include "base/err.h"
#include "ckpt/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FB_DIMS = 8 }; /* most dimensions of a tensor that is accepted */

struct fb_entry {
    const char *name; /* borrowed from the checkpoint */
    enum fb_dtype dtype;
    int ndim;
    int64_t shape[FB_DIMS];
    int64_t numel;    /* product of the shape; 1 for 0-d */
    const void *data; /* contiguous little-endian bytes, any alignment; borrowed */
    size_t size;      /* numel * fb_dtype_size(dtype) */
};

struct fb_ckpt; /* opaque, owned: fb_ckpt_close */

int fb_ckpt_open(struct fb_ckpt **out, const char *path, struct fb_err *err) FB_MUST_CHECK;
/* Whether a folder holds the weights of a whole model (an adapter's folder may hold both). */
bool fb_ckpt_has_model(const char *folder);
void fb_ckpt_close(struct fb_ckpt *ckpt);

int64_t fb_ckpt_count(const struct fb_ckpt *ckpt);
/* Entries sorted by name, bytewise. Borrowed until the checkpoint is closed. */
const struct fb_entry *fb_ckpt_at(const struct fb_ckpt *ckpt, int64_t i);
const struct fb_entry *fb_ckpt_find(const struct fb_ckpt *ckpt, const char *name);
/* File or folder it came from. */
const char *fb_ckpt_path(const struct fb_ckpt *ckpt);
/* Weight file(s) it is made of, for hashes. */
int fb_ckpt_files(const struct fb_ckpt *ckpt);
const char *fb_ckpt_file(const struct fb_ckpt *ckpt, int i);
/* Drops the pages of elements [begin, begin + count) of an entry from resident memory. Nothing
 * happens to the tensors of torch files that had to be copied (rebuild.h). */
void fb_ckpt_forget(const struct fb_ckpt *ckpt, const struct fb_entry *entry, int64_t begin,
                    int64_t count);

#endif
