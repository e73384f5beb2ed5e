/* parquet_values.h - the value encodings of parquet, decoded into a growing column.
 *
 * Values of a page follow each other without the nulls; they are decoded densely at the end of the
 * sink, and fb_sink_spread makes room for the nulls afterwards. A dictionary is a sink too. */
#ifndef FB_DATA_PARQUET_VALUES_H
#define FB_DATA_PARQUET_VALUES_H

#include "data/parquet_bits.h"
#include "data/parquet_meta.h"

struct fb_sink {
    const struct fb_parquet_leaf *leaf; /* borrowed */
    struct fb_column column;            /* owned; `name` is not touched */
    int64_t count, capacity;            /* rows */
    size_t text_capacity;
    bool nulls;       /* some row is null */
    uint64_t *budget; /* bytes that may still be allocated; shared, borrowed */
};

/* An empty sink for the leaf's type. */
struct fb_sink fb_sink_empty(const struct fb_parquet_leaf *leaf, uint64_t *budget);
void fb_sink_free(struct fb_sink *sink);
/* Room for `n` more rows; FB_EFORMAT when the budget is used up. */
int fb_sink_reserve(struct fb_sink *sink, int64_t n, struct fb_err *err) FB_MUST_CHECK;

/* Appends `n` values; fb_sink_reserve has made room for them. `dictionary` may be NULL. */
int fb_values_read(struct fb_sink *sink, int64_t encoding, struct fb_bytes bytes,
                   const struct fb_sink *dictionary, int64_t n, struct fb_err *err) FB_MUST_CHECK;
/* The last `present` values become the rows among the next `rows` whose column.valid, already set
 * behind the end of the sink, is not 0. */
void fb_sink_spread(struct fb_sink *sink, int64_t present, int64_t rows);

#endif
