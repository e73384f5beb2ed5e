/* shard.h - the index of a checkpoint that is split over files.
 *
 *     {"metadata": {...}, "weight_map": {"name": "model-00001-of-00002.safetensors", ...}} */
#ifndef FB_CKPT_SHARD_H
#define FB_CKPT_SHARD_H

#include "base/names.h"

struct fb_shards {
    struct fb_names tensors; /* in the order of the index */
    struct fb_names files;   /* names inside the index's folder, in the order of first use */
    int *file_of;            /* [tensors.count] position in `files`; owned */
};

/* Reads and checks *.index.json. File names are plain: no folders, no "..". Every message names the
 * path. `shards` is empty after a failure. Owned: fb_shards_free. */
int fb_shards_read(struct fb_shards *shards, const char *path, struct fb_err *err) FB_MUST_CHECK;
/* The same for text in memory, without the path in the messages. */
int fb_shards_parse(struct fb_shards *shards, const char *text, size_t size,
                    struct fb_err *err) FB_MUST_CHECK;
void fb_shards_free(struct fb_shards *shards);

#endif
