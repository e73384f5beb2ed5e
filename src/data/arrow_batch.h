/* arrow_batch.h - Arrow's messages, and the buffers of a record batch.
 *
 * A message is 0xFFFFFFFF, the size of its metadata in 32 bits, the metadata (a FlatBuffer), and a
 * body whose size the metadata tells. Writers before Arrow 0.15 left the marker out. */
#ifndef FB_DATA_ARROW_BATCH_H
#define FB_DATA_ARROW_BATCH_H

#include "data/flatbuf.h"
#include "data/parquet_bits.h"

enum fb_arrow_message_kind {
    FB_ARROW_END = 0, /* of the stream */
    FB_ARROW_SCHEMA = 1,
    FB_ARROW_DICTIONARY = 2,
    FB_ARROW_RECORDS = 3,
};

struct fb_arrow_message {
    enum fb_arrow_message_kind kind;
    int64_t version;
    struct fb_flat_table header; /* Schema, DictionaryBatch or RecordBatch */
    struct fb_bytes body;        /* borrowed */
};

/* The next message of `stream`, which is moved behind it; FB_ARROW_END at the end of the bytes or
 * at the mark that says so. Other kinds of messages are FB_EUNSUPPORTED. */
int fb_arrow_message_read(struct fb_arrow_message *out, struct fb_bytes *stream,
                          struct fb_err *err) FB_MUST_CHECK;

enum { FB_ARROW_BUFFERS = 3 }; /* of one flat array */

struct fb_arrow_batch {
    int64_t rows;
    struct fb_flat_vector nodes, buffers, views;
    struct fb_bytes body;
    bool compressed;                          /* with zstd */
    int64_t node, buffer, view;               /* the next ones */
    unsigned char *scratch[FB_ARROW_BUFFERS]; /* unpacked buffers of one array, owned */
    uint64_t *budget;                         /* bytes that may still be unpacked; borrowed */
};

int fb_arrow_batch_open(struct fb_arrow_batch *out, const struct fb_flat_table *records,
                        struct fb_bytes body, uint64_t *budget, struct fb_err *err) FB_MUST_CHECK;
void fb_arrow_batch_close(struct fb_arrow_batch *batch);

/* The next array: its rows must be those of the batch. `out[count]` are its buffers, valid until
 * the next call. */
int fb_arrow_batch_array(struct fb_arrow_batch *batch, int count, struct fb_bytes *out,
                         int64_t *nulls, struct fb_err *err) FB_MUST_CHECK;
/* Passes over a column. */
int fb_arrow_batch_skip(struct fb_arrow_batch *batch, int64_t nodes, int64_t buffers, int64_t views,
                        struct fb_err *err) FB_MUST_CHECK;

#endif
