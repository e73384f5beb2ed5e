/* arrow_schema.h - the columns that an Arrow schema declares. */
#ifndef FB_DATA_ARROW_SCHEMA_H
#define FB_DATA_ARROW_SCHEMA_H

#include "base/arena.h"
#include "data/dataset.h"
#include "data/flatbuf.h"

/* How the values of one array lie in its buffers. */
enum fb_arrow_layout {
    FB_ARROW_NULL,  /* no buffers at all */
    FB_ARROW_BITS,  /* booleans */
    FB_ARROW_FIXED, /* `width` bytes each */
    FB_ARROW_TEXT,  /* offsets of `width` bytes, then the bytes */
};

struct fb_arrow_type {
    enum fb_arrow_layout layout;
    enum fb_column_kind kind;
    size_t width;
    bool is_unsigned;
};

/* A column. `nodes`, `buffers` and `views` are what it takes of a record batch, its children
 * included; `views` arrays have a number of buffers that the batch itself tells. */
struct fb_arrow_field {
    const char *name;
    struct fb_arrow_type type;  /* of the values */
    struct fb_arrow_type index; /* of the indices when is_dictionary */
    bool is_dictionary;
    int64_t dictionary;  /* identifier */
    const char *refused; /* why it is not read ("is a list"), or NULL */
    int64_t nodes, buffers, views;
};

struct fb_arrow_schema {
    int fields;
    struct fb_arrow_field *field;
};

/* `version` is the MetadataVersion of the message. FB_EFORMAT; FB_EUNSUPPORTED for big-endian
 * data. Names are borrowed from the arena. */
int fb_arrow_schema_read(struct fb_arrow_schema *out, const struct fb_flat_table *schema,
                         int64_t version, struct fb_arena *arena, struct fb_err *err) FB_MUST_CHECK;

#endif
