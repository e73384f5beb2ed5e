/* parquet_values.h - the value encodings of parquet, decoded into a growing column.
 *
 * Values of a page follow each other without the nulls; they are decoded densely at the end of the
 * sink, and fb_sink_spread makes room for the nulls afterwards. A dictionary is a sink too. */
#ifndef FB_DATA_PARQUET_VALUES_H
#define FB_DATA_PARQUET_VALUES_H

#include "data/parquet_bits.h"
#include "data/parquet_meta.h"
#include "data/sink.h"

/* An empty sink for the leaf's type. */
struct fb_sink fb_sink_empty(const struct fb_parquet_leaf *leaf, uint64_t *budget);

/* Appends `n` values; fb_sink_reserve has made room for them. `dictionary` may be NULL. */
int fb_values_read(struct fb_sink *sink, int64_t encoding, struct fb_bytes bytes,
                   const struct fb_sink *dictionary, int64_t n, struct fb_err *err) FB_MUST_CHECK;

#endif
