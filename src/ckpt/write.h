/* write.h - a safetensors file written in any order, by any number of threads.
 *
 * The layout is known before the first byte: names, dtypes and shapes fix every offset, so a merge
 * can put each block where it belongs and never holds the model. */
#ifndef FB_CKPT_WRITE_H
#define FB_CKPT_WRITE_H

#include "base/err.h"
#include "ckpt/ckpt.h"

struct fb_ckpt_writer; /* opaque, owned: ended by commit or abandon */

/* Lays out `count` entries in the given order (name, dtype, ndim, shape, numel are read; data is
 * not); the header carries {"format": "pt"} and the extra metadata pairs (may be NULL, 0). */
int fb_ckpt_create(struct fb_ckpt_writer **out, const char *path, const struct fb_entry *entries,
                   int64_t count, const char *const (*metadata)[2], int pairs,
                   struct fb_err *err) FB_MUST_CHECK;
/* Elements [begin, begin + count) of entry i, given as f32 and rounded once to the entry's dtype
 * with `scratch` of count * 4 bytes (may be NULL for F32). Disjoint ranges may be written
 * concurrently. */
int fb_ckpt_write_f32(struct fb_ckpt_writer *w, int64_t i, int64_t begin, int64_t count,
                      const float *values, void *scratch, struct fb_err *err) FB_MUST_CHECK;
/* The same with bytes of the entry's own dtype. */
int fb_ckpt_write_bytes(struct fb_ckpt_writer *w, int64_t i, int64_t begin, int64_t count,
                        const void *bytes, struct fb_err *err) FB_MUST_CHECK;
/* Syncs and renames into place; the writer is consumed. */
int fb_ckpt_commit(struct fb_ckpt_writer *w, struct fb_err *err) FB_MUST_CHECK;
void fb_ckpt_abandon(struct fb_ckpt_writer *w);

#endif
