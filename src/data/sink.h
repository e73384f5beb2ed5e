/* sink.h - a column that grows while the values of a binary table are decoded into it.
 *
 * The kind of the column is known from the start; what may be allocated for it is charged to a
 * budget that all columns of a file share. */
#ifndef FB_DATA_SINK_H
#define FB_DATA_SINK_H

#include "data/dataset.h"

struct fb_sink {
    const struct fb_parquet_leaf *leaf; /* parquet: how the values are stored; borrowed */
    struct fb_column column;            /* owned; `name` is not touched */
    int64_t count, capacity;            /* rows */
    size_t text_capacity;
    bool optional;    /* column.valid exists */
    bool nulls;       /* some row is null */
    uint64_t *budget; /* bytes that may still be allocated; shared, borrowed */
};

void fb_sink_free(struct fb_sink *sink);
/* Room for `n` more rows; FB_EFORMAT when the budget is used up. */
int fb_sink_reserve(struct fb_sink *sink, int64_t n, struct fb_err *err) FB_MUST_CHECK;
/* Room for `n` more bytes of text; room for a row has been made before. */
int fb_sink_reserve_text(struct fb_sink *sink, size_t n, struct fb_err *err) FB_MUST_CHECK;
/* Appends a text; room for the row and the bytes has been made. */
void fb_sink_push_text(struct fb_sink *sink, const unsigned char *bytes, size_t size);
/* The last `present` values become the rows among the next `rows` whose column.valid, already set
 * behind the end of the sink, is not 0. */
void fb_sink_spread(struct fb_sink *sink, int64_t present, int64_t rows);
/* Gives back the memory that `rows` rows do not need. */
int fb_sink_trim(struct fb_sink *sink, int64_t rows, struct fb_err *err) FB_MUST_CHECK;

#endif
