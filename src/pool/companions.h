/* companions.h - what stands beside the weights in a model's folder, as transformers opens it:
 * config.json, the tokenizer files, and README.md, a model card. Each file appears whole or not at
 * all. */
#ifndef FB_POOL_COMPANIONS_H
#define FB_POOL_COMPANIONS_H

#include "base/str.h"
#include "ckpt/dtype.h"
#include "config/node.h"

#include <stdbool.h>

/* Replaces `architectures` in a configuration by one class. */
int fb_companions_set_architecture(struct fb_node *config, const char *architecture,
                                   struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;
/* Writes config.json with `torch_dtype` set, which the node takes on too. */
int fb_companions_write_config(const char *folder, struct fb_node *config, enum fb_dtype dtype,
                               struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;

/* Whether a folder holds a file of a tokenizer. */
bool fb_companions_has_tokenizer(const char *folder);
/* Copies the tokenizer files byte for byte. */
int fb_companions_copy_tokenizer(const char *from, const char *to,
                                 struct fb_err *err) FB_MUST_CHECK;
/* Copies generation_config.json, if there is one. */
int fb_companions_copy_generation(const char *from, const char *to,
                                  struct fb_err *err) FB_MUST_CHECK;

/* A model card. Everything is borrowed. */
struct fb_card {
    const char *const *name, *const *path; /* [models] what it was made of; name[i] NULL: none */
    int models;
    bool merged;                              /* adds the tag "merge" */
    const char *what;                         /* a sentence or more */
    const struct fb_node *method, *modelpool; /* shown as YAML; NULL: not */
};
int fb_companions_write_card(const char *folder, const struct fb_card *card, struct fb_arena *a,
                             struct fb_err *err) FB_MUST_CHECK;

#endif
