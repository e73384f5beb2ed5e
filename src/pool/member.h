/* member.h - one model of a pool: where it is, and its tensors under their canonical keys.
 *
 * Private to pool/. A member is resolved, opened and bound on first use; it stays open until the
 * pool is closed. */
#ifndef FB_POOL_MEMBER_H
#define FB_POOL_MEMBER_H

#include "ckpt/lora.h"
#include "pool/pool.h"

/* A tensor of the state dict: canonical name and where it is stored. */
struct fb_bound {
    const char *name; /* borrowed from the checkpoint */
    const struct fb_entry *entry;
};

struct fb_member {
    const char *name;     /* borrowed from the pool's arena */
    const char *path;     /* as configured */
    const char *revision; /* NULL: the default one */
    bool special;
    char *local;            /* owned: file or folder that the hub found, NULL until then */
    char *folder;           /* owned: `local`, or the folder it is in */
    struct fb_ckpt *ckpt;   /* of a whole model */
    const char *base_path;  /* base of an adapter as configured; NULL: the pool's _pretrained_ */
    struct fb_lora *lora;   /* owned; NULL for a whole model */
    struct fb_member *base; /* of an adapter: borrowed from the pool, or its own */
    bool owns_base;
    struct fb_node *config; /* NULL until asked for */
    struct fb_bound *bound; /* [keys] in state-dict order; NULL until asked for */
    int64_t keys;
};

struct fb_pool {
    const struct fb_pool_type *type;
    const struct fb_node *node;
    const struct fb_log *log;
    struct fb_arena arena; /* names, paths, configurations */
    struct fb_member *member;
    int members;
    int *expert; /* [experts] */
    int experts;
    struct fb_pool_key *key; /* of the last alignment */
    int64_t keys;
};

/* A model that is an adapter has the folder of its base, and its configuration unless there is one
 * beside the adapter.
 *
 * Each does nothing when it has been done. Errors carry "model 'sst2'". */
int fb_member_resolve(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) FB_MUST_CHECK;
int fb_member_open(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) FB_MUST_CHECK;
/* Opens and builds the table of canonical keys. */
int fb_member_bind(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) FB_MUST_CHECK;
/* Its config.json, NULL if there is none: loose files have no configuration. Borrowed. */
int fb_member_config(struct fb_pool *pool, struct fb_member *m, const struct fb_node **config,
                     struct fb_err *err) FB_MUST_CHECK;
/* The tensor of a canonical key of a bound member, or NULL. */
const struct fb_entry *fb_member_find(const struct fb_pool *pool, const struct fb_member *m,
                                      const char *name);
void fb_member_close(struct fb_member *m);

#endif
