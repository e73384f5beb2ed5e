/* pickle.h - a pickle as a graph of plain values; nothing in it is ever executed.
 *
 * The opcodes are those that torch.load(weights_only=True) of torch 2.5.1 accepts, the globals
 * those of globals.h; every other one is refused by its name. A call is not made but kept as a
 * value: the function's row and its arguments (rebuild.h knows what calls that make tensors mean).
 * Protocols 0 to 3.
 *
 * Memory is at most some 100 bytes per opcode and opcodes are limited, so that no small file takes
 * much; nothing recurses, so that nesting may be deep. */
#ifndef FB_CKPT_PICKLE_H
#define FB_CKPT_PICKLE_H

#include "base/arena.h"
#include "ckpt/globals.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FB_PICKLE_KEY = 1000,        /* longest storage key in bytes */
    FB_PICKLE_BYTES = 1 << 28,   /* most bytes that are read */
    FB_PICKLE_OPCODES = 1 << 22, /* about 100,000 tensors */
    FB_PICKLE_MARKS = 1000,      /* most marks that are open at a time */
};

enum fb_pickle_kind {
    FB_PICKLE_NONE,
    FB_PICKLE_BOOL,   /* integer */
    FB_PICKLE_INT,    /* integer */
    FB_PICKLE_LONG,   /* text: two's complement, little-endian, of more than 8 bytes */
    FB_PICKLE_REAL,   /* value not kept */
    FB_PICKLE_STRING, /* text */
    FB_PICKLE_TUPLE,  /* item */
    FB_PICKLE_LIST,   /* item */
    FB_PICKLE_DICT,   /* item: key, value, key, value...; equal keys may repeat; integer: how many
                         of the values are calls that give a tensor */
    FB_PICKLE_SET,    /* always empty */
    FB_PICKLE_GLOBAL, /* global */
    FB_PICKLE_STORAGE,
    FB_PICKLE_CALL /* global, item[0]: the tuple of arguments */
};

/* A persistent id: ('storage', type, key, location, elements). */
struct fb_pickle_storage {
    struct fb_pickle_storage *next; /* the one before in the pickle, or NULL */
    const struct fb_global *type;
    const char *key; /* terminated; borrowed from the arena */
    int64_t numel;
    const unsigned char *data; /* numel elements of type->dtype; set by the container */
};

struct fb_pickle_value {
    enum fb_pickle_kind kind;
    bool unhashable; /* cannot be a key */
    bool ordered;    /* a dict that is an OrderedDict */
    int64_t integer;
    const struct fb_global *global;
    struct fb_pickle_storage *storage;
    const char *text; /* [count] bytes, not terminated; borrowed from the pickle */
    struct fb_pickle_value **item;
    size_t count, capacity; /* of `item`; of `text` */
};

struct fb_pickle {
    const struct fb_pickle_value *root;
    struct fb_pickle_storage *storages; /* all of them, the last first */
    size_t used;                        /* bytes up to and with STOP */
};

/* Reads one pickle from the front of `bytes`. Values are borrowed from `arena` and `bytes`.
 * FB_EFORMAT for what is broken, FB_EUNSUPPORTED with the name for what is refused; messages begin
 * with the byte at which the opcode stands. */
int fb_pickle_read(struct fb_pickle *out, struct fb_arena *arena, const void *bytes, size_t size,
                   struct fb_err *err) FB_MUST_CHECK;

/* Whether a value is the string `text`. */
bool fb_pickle_is(const struct fb_pickle_value *value, const char *text);
/* Value under a string key of a dict, the last one of several; NULL. */
const struct fb_pickle_value *fb_pickle_get(const struct fb_pickle_value *dict, const char *key);

#endif
