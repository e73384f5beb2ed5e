/* save.h - a merged model on disk: one safetensors file, or a folder that transformers opens.
 *
 * A path that ends in ".safetensors" is a file with the state dict alone. Any other path is a
 * folder with model.safetensors, config.json (the model's own, with `architectures` naming the
 * backbone that was merged), the tokenizer files and generation_config.json byte for byte, and
 * README.md, a model card that says what was merged and how. Each file appears whole or not at
 * all. */
#ifndef FB_POOL_SAVE_H
#define FB_POOL_SAVE_H

#include "pool/pool.h"

#include <stdbool.h>

struct fb_save {
    const char *path;
    int model;                        /* whose config.json and tokenizer files are taken */
    enum fb_dtype dtype;              /* of the weights; values are rounded once */
    bool tokenizer;                   /* copy the tokenizer files */
    const struct fb_weights *weights; /* NULL: the weight file has been streamed already */
    const char *method_name;
    const struct fb_node *method; /* configuration nodes for the model card */
    const struct fb_node *modelpool;
};

/* Whether the path means a folder. */
bool fb_save_is_folder(const char *path);
/* Refuses a path whose ending means a format that is not written, or that is of the other kind. The
 * messages begin with `what`: the option or argument it came from. */
int fb_save_check(const char *path, const char *what, struct fb_err *err) FB_MUST_CHECK;
/* The same, and whether the weights could be written: makes the folders and tries. */
int fb_save_probe(const char *path, const char *what, struct fb_err *err) FB_MUST_CHECK;
/* Where the weights go: the path itself or model.safetensors in the folder. Owned. */
char *fb_save_weights_path(const char *path, struct fb_err *err);
/* Writes what `save` asks for. */
int fb_save_model(struct fb_pool *pool, const struct fb_save *save, struct fb_arena *arena,
                  struct fb_err *err) FB_MUST_CHECK;

#endif
