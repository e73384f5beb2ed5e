/* arrow_batch.c - Message and RecordBatch of Arrow's Message.fbs; field numbers as there.
 *
 * Compressed buffers begin with their unpacked size in 64 bits, or -1 when this one is plain. */
#include "data/arrow_batch.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

enum { VERSION_4 = 3, VERSION_5 = 4, CODEC_LZ4 = 0, CODEC_ZSTD = 1, PREFIX = 8 };

static const uint32_t continuation = 0xFFFFFFFF;

/* ---- messages -------------------------------------------------------------------------------- */

static int take(struct fb_bytes *b, uint64_t size, const char *what, const unsigned char **out,
                struct fb_err *err) {
    if (size > (uint64_t)(b->end - b->at))
        return fb_fail(err, FB_EFORMAT, "%s of %" PRIu64 " bytes, %td are left", what, size,
                       b->end - b->at);
    *out = b->at;
    b->at += size;
    return FB_OK;
}

static int read_header(struct fb_arrow_message *m, const struct fb_flat_table *message,
                       struct fb_bytes *stream, struct fb_err *err) {
    const unsigned char *p = NULL;
    int64_t kind, size;

    if (fb_flat_int(message, 0, 2, 0, &m->version, err) ||
        fb_flat_int(message, 1, 1, 0, &kind, err) || fb_flat_child(message, 2, &m->header, err) ||
        fb_flat_int(message, 3, 8, 0, &size, err))
        return err->code;
    if (m->version != VERSION_4 && m->version != VERSION_5)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "metadata version %" PRId64 " is not supported (3 and 4 are)", m->version);
    if (kind == 4 || kind == 5) return fb_fail(err, FB_EUNSUPPORTED, "holds a tensor, not a table");
    if (kind < FB_ARROW_SCHEMA || kind > FB_ARROW_RECORDS || !m->header.bytes)
        return fb_fail(err, FB_EFORMAT, "a message of the unknown kind %" PRId64, kind);
    if (size < 0) return fb_fail(err, FB_EFORMAT, "a body of %" PRId64 " bytes", size);
    if (take(stream, (uint64_t)size, "a body", &p, err)) return err->code;
    m->kind = (enum fb_arrow_message_kind)kind;
    m->body = (struct fb_bytes){p, p + size};
    return FB_OK;
}

int fb_arrow_message_read(struct fb_arrow_message *out, struct fb_bytes *stream,
                          struct fb_err *err) {
    struct fb_flat_table message;
    const unsigned char *p = NULL;
    uint32_t size;

    *out = (struct fb_arrow_message){.kind = FB_ARROW_END};
    if (stream->at == stream->end) return FB_OK;
    if (take(stream, 4, "the size of a message", &p, err)) return err->code;
    size = fb_le32(p);
    if (size == continuation) {
        if (take(stream, 4, "the size of a message", &p, err)) return err->code;
        size = fb_le32(p);
    }
    if (!size) return FB_OK;
    if (take(stream, size, "metadata", &p, err) || fb_flat_root(&message, p, size, err))
        return err->code;
    return read_header(out, &message, stream, err);
}

/* ---- batches --------------------------------------------------------------------------------- */

static int read_compression(struct fb_arrow_batch *b, const struct fb_flat_table *records,
                            struct fb_err *err) {
    struct fb_flat_table compression;
    int64_t codec, method;

    if (fb_flat_child(records, 3, &compression, err)) return err->code;
    if (!compression.bytes) return FB_OK;
    if (fb_flat_int(&compression, 0, 1, CODEC_LZ4, &codec, err) ||
        fb_flat_int(&compression, 1, 1, 0, &method, err))
        return err->code;
    if (codec == CODEC_LZ4)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "the compression LZ4_FRAME is not supported (none and ZSTD are)");
    if (codec != CODEC_ZSTD || method)
        return fb_fail(err, FB_EFORMAT, "unknown compression %" PRId64 ", method %" PRId64, codec,
                       method);
    b->compressed = true;
    return FB_OK;
}

int fb_arrow_batch_open(struct fb_arrow_batch *out, const struct fb_flat_table *records,
                        struct fb_bytes body, uint64_t *budget, struct fb_err *err) {
    *out = (struct fb_arrow_batch){.body = body, .budget = budget};
    if (fb_flat_int(records, 0, 8, 0, &out->rows, err) ||
        fb_flat_list(records, 1, 16, &out->nodes, err) ||
        fb_flat_list(records, 2, 16, &out->buffers, err) || read_compression(out, records, err) ||
        fb_flat_list(records, 4, 8, &out->views, err))
        return err->code;
    if (out->rows < 0) return fb_fail(err, FB_EFORMAT, "%" PRId64 " rows", out->rows);
    return FB_OK;
}

void fb_arrow_batch_close(struct fb_arrow_batch *batch) {
    for (int i = 0; i < FB_ARROW_BUFFERS; i++)
        free(batch->scratch[i]);
    *batch = (struct fb_arrow_batch){0};
}

static int unpack(struct fb_arrow_batch *b, int slot, struct fb_bytes *bytes, struct fb_err *err) {
    const unsigned char *p = NULL;
    int64_t size;
    size_t got;

    if (bytes->at == bytes->end) return FB_OK;
    if (take(bytes, PREFIX, "a size", &p, err)) return err->code;
    size = (int64_t)fb_le64(p);
    if (size == -1) return FB_OK;
    if (size < 0 || (uint64_t)size > *b->budget)
        return fb_fail(err, FB_EFORMAT,
                       "a buffer claims %" PRId64 " bytes, %" PRIu64
                       " are left of what the file's size can explain",
                       size, *b->budget);
    *b->budget -= (uint64_t)size;
    free(b->scratch[slot]);
    if (!(b->scratch[slot] = fb_malloc((size_t)size, err))) return err->code;
    got = ZSTD_decompress(b->scratch[slot], (size_t)size, bytes->at,
                          (size_t)(bytes->end - bytes->at));
    if (ZSTD_isError(got))
        return fb_fail(err, FB_EFORMAT, "damaged zstd data: %s", ZSTD_getErrorName(got));
    if (got != (size_t)size)
        return fb_fail(err, FB_EFORMAT, "zstd data of %zu bytes, the buffer claims %" PRId64, got,
                       size);
    *bytes = (struct fb_bytes){b->scratch[slot], b->scratch[slot] + size};
    return FB_OK;
}

/* The next buffer, plain. */
static int read_buffer(struct fb_arrow_batch *b, int slot, struct fb_bytes *out,
                       struct fb_err *err) {
    uint64_t size = (uint64_t)(b->body.end - b->body.at);
    int64_t at = fb_flat_word(&b->buffers, b->buffer, 0);
    int64_t length = fb_flat_word(&b->buffers, b->buffer, 1);

    b->buffer++;
    if (at < 0 || length < 0 || (uint64_t)at > size || (uint64_t)length > size - (uint64_t)at)
        return fb_fail(err, FB_EFORMAT,
                       "a buffer of %" PRId64 " bytes at %" PRId64 " in a body of %" PRIu64, length,
                       at, size);
    *out = (struct fb_bytes){b->body.at + at, b->body.at + at + length};
    return b->compressed ? unpack(b, slot, out, err) : FB_OK;
}

int fb_arrow_batch_array(struct fb_arrow_batch *batch, int count, struct fb_bytes *out,
                         int64_t *nulls, struct fb_err *err) {
    int64_t rows, node = batch->node;

    if (fb_arrow_batch_skip(batch, 1, count, 0, err)) return err->code;
    batch->buffer -= count;
    rows = fb_flat_word(&batch->nodes, node, 0);
    *nulls = fb_flat_word(&batch->nodes, node, 1);
    if (rows != batch->rows)
        return fb_fail(err, FB_EFORMAT, "%" PRId64 " rows in a batch of %" PRId64, rows,
                       batch->rows);
    if (*nulls < 0 || *nulls > rows)
        return fb_fail(err, FB_EFORMAT, "%" PRId64 " nulls in %" PRId64 " rows", *nulls, rows);
    for (int i = 0; i < count; i++)
        if (read_buffer(batch, i, &out[i], err)) return err->code;
    return FB_OK;
}

int fb_arrow_batch_skip(struct fb_arrow_batch *batch, int64_t nodes, int64_t buffers, int64_t views,
                        struct fb_err *err) {
    for (; views > 0; views--) {
        int64_t more;
        if (batch->view >= batch->views.count)
            return fb_fail(err, FB_EFORMAT, "a batch does not count the buffers of its views");
        more = fb_flat_word(&batch->views, batch->view++, 0);
        if (more < 0 || more > batch->buffers.count)
            return fb_fail(err, FB_EFORMAT, "a view of %" PRId64 " buffers, the batch has %" PRId64,
                           more, batch->buffers.count);
        buffers += more;
    }
    if (nodes > batch->nodes.count - batch->node || buffers > batch->buffers.count - batch->buffer)
        return fb_fail(err, FB_EFORMAT,
                       "a batch has %" PRId64 " arrays and %" PRId64
                       " buffers, fewer than its schema",
                       batch->nodes.count, batch->buffers.count);
    batch->node += nodes;
    batch->buffer += buffers;
    return FB_OK;
}
