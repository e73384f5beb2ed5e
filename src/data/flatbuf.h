/* flatbuf.h - reading FlatBuffers, which Arrow's metadata is written in.
 *
 * A table begins with the distance back to its vtable: 16-bit words that say how long the vtable
 * and the table are and where in the table each field stands (0: absent, it has its default).
 * Tables, vectors and texts are found through 32-bit distances ahead. Nothing is aligned here: all
 * loads go byte by byte. Source: google/flatbuffers, docs/source/Internals.md.
 *
 * Every function checks what it reads against the buffer and fails with FB_EFORMAT. Reading a field
 * never moves anything; it is up to the caller not to follow references without end. */
#ifndef FB_DATA_FLATBUF_H
#define FB_DATA_FLATBUF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fb_flat_table {
    const unsigned char *bytes; /* the whole buffer, borrowed; NULL: an absent table */
    size_t size;                /* of the buffer */
    size_t at, length;          /* the table: checked to lie in the buffer */
    size_t vtable;              /* checked likewise */
    int fields;                 /* entries of the vtable */
};

struct fb_flat_vector {
    const unsigned char *bytes; /* the whole buffer, borrowed */
    size_t size;
    size_t at;      /* first element */
    int64_t count;  /* elements; all lie in the buffer; 0 for an absent vector */
    size_t element; /* bytes of each */
};

int fb_flat_root(struct fb_flat_table *out, const unsigned char *bytes, size_t size,
                 struct fb_err *err) FB_MUST_CHECK;
/* Little-endian integer of 1, 2, 4 or 8 bytes, sign-extended; `absent` when it is not there. */
int fb_flat_int(const struct fb_flat_table *t, int field, size_t width, int64_t absent,
                int64_t *out, struct fb_err *err) FB_MUST_CHECK;
/* An absent table gives out->bytes NULL. */
int fb_flat_child(const struct fb_flat_table *t, int field, struct fb_flat_table *out,
                  struct fb_err *err) FB_MUST_CHECK;
/* Vector of elements of `element` bytes each (texts: 1, tables: 4). */
int fb_flat_list(const struct fb_flat_table *t, int field, size_t element,
                 struct fb_flat_vector *out, struct fb_err *err) FB_MUST_CHECK;
/* Element `i` of a vector of tables. */
int fb_flat_item(const struct fb_flat_vector *v, int64_t i, struct fb_flat_table *out,
                 struct fb_err *err) FB_MUST_CHECK;
/* 64-bit word `word` of element `i`, for vectors of structs and of integers; i < count. */
int64_t fb_flat_word(const struct fb_flat_vector *v, int64_t i, size_t word);

#endif
