/* pickle_machine.h - the parts of the pickle reader that its two files share; for them alone. */
#ifndef FB_CKPT_PICKLE_MACHINE_H
#define FB_CKPT_PICKLE_MACHINE_H

#include "ckpt/pickle.h"

struct fb_pickle_machine {
    const unsigned char *bytes;
    size_t size, at;
    struct fb_arena *arena;
    struct fb_pickle_value **stack;
    size_t depth, capacity, floor; /* floor: first item above the innermost mark */
    size_t mark[FB_PICKLE_MARKS];  /* floors that outer marks set */
    size_t marks;
    struct fb_pickle_value **memo; /* [memo_size], NULL where nothing was put */
    size_t memo_size;
    struct fb_pickle *out;
    int64_t opcodes; /* read so far, and items copied so far: what bounds the memory */
    bool stopped;
    struct fb_err *err;
};

/* A line without its end; NULL is a failure. */
const char *fb_pickle_line(struct fb_pickle_machine *m, size_t *size);
/* Whether `count` items lie above the innermost mark. */
int fb_pickle_need(struct fb_pickle_machine *m, size_t count) FB_MUST_CHECK;
struct fb_pickle_value *fb_pickle_top(const struct fb_pickle_machine *m);
struct fb_pickle_value *fb_pickle_new(struct fb_pickle_machine *m, enum fb_pickle_kind kind);
/* NULL is a failure that has been recorded. */
int fb_pickle_push(struct fb_pickle_machine *m, struct fb_pickle_value *v) FB_MUST_CHECK;
/* Adds `count` items that are on the stack to a container; they stay there. */
int fb_pickle_extend(struct fb_pickle_machine *m, struct fb_pickle_value *to,
                     struct fb_pickle_value **items, size_t count) FB_MUST_CHECK;
/* The items from stack[begin] on become keys and values of the dict below them. */
int fb_pickle_set_items(struct fb_pickle_machine *m, size_t begin) FB_MUST_CHECK;

/* The opcodes that run code in Python: pickle_calls.c. */
int fb_pickle_global(struct fb_pickle_machine *m) FB_MUST_CHECK;
int fb_pickle_inst(struct fb_pickle_machine *m) FB_MUST_CHECK;
int fb_pickle_reduce(struct fb_pickle_machine *m) FB_MUST_CHECK;
int fb_pickle_newobj(struct fb_pickle_machine *m) FB_MUST_CHECK;
int fb_pickle_build(struct fb_pickle_machine *m) FB_MUST_CHECK;
int fb_pickle_binpersid(struct fb_pickle_machine *m) FB_MUST_CHECK;

#endif
