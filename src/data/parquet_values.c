/* parquet_values.c - PLAIN, dictionary, RLE booleans, the three DELTA encodings and
 * BYTE_STREAM_SPLIT. Source: apache/parquet-format, Encodings.md. */
#include "data/parquet_values.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256 };

/* Encoding of parquet.thrift. */
enum {
    PLAIN = 0,
    PLAIN_DICTIONARY = 2,
    RLE = 3,
    DELTA_BINARY_PACKED = 5,
    DELTA_LENGTH_BYTE_ARRAY = 6,
    DELTA_BYTE_ARRAY = 7,
    RLE_DICTIONARY = 8,
    BYTE_STREAM_SPLIT = 9,
    ENCODINGS = 10,
};

static const char *const encoding_names[ENCODINGS] = {
    "PLAIN",          "GROUP_VAR_INT",       "PLAIN_DICTIONARY",        "RLE",
    "BIT_PACKED",     "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY",
    "RLE_DICTIONARY", "BYTE_STREAM_SPLIT",
};

static const char *const type_names[] = {"BOOLEAN", "INT32",  "INT64",      "INT96",
                                         "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};

/* ---- the sink -------------------------------------------------------------------------------- */

static enum fb_column_kind kind_of(enum fb_parquet_type type) {
    switch (type) {
    case FB_PARQUET_BOOLEAN: return FB_COLUMN_BOOL;
    case FB_PARQUET_INT32:
    case FB_PARQUET_INT64:
    case FB_PARQUET_INT96: return FB_COLUMN_INT;
    case FB_PARQUET_FLOAT:
    case FB_PARQUET_DOUBLE: return FB_COLUMN_REAL;
    case FB_PARQUET_BYTE_ARRAY:
    case FB_PARQUET_FIXED: break;
    }
    return FB_COLUMN_TEXT;
}

struct fb_sink fb_sink_empty(const struct fb_parquet_leaf *leaf, uint64_t *budget) {
    return (struct fb_sink){
        .leaf = leaf,
        .optional = leaf->optional,
        .column = {.kind = kind_of(leaf->type), .single = leaf->type == FB_PARQUET_FLOAT},
        .budget = budget,
    };
}

/* ---- fixed-width values ---------------------------------------------------------------------- */

/* Bytes of a value in PLAIN and BYTE_STREAM_SPLIT; 0 for types of no whole, fixed size. */
static size_t value_size(const struct fb_parquet_leaf *leaf) {
    switch (leaf->type) {
    case FB_PARQUET_INT32:
    case FB_PARQUET_FLOAT: return 4;
    case FB_PARQUET_INT64:
    case FB_PARQUET_DOUBLE: return 8;
    case FB_PARQUET_FIXED: return (size_t)leaf->width;
    case FB_PARQUET_BOOLEAN:
    case FB_PARQUET_INT96:
    case FB_PARQUET_BYTE_ARRAY: break;
    }
    return 0;
}

static int push_integer(struct fb_sink *sink, int64_t value, struct fb_err *err) {
    if (sink->leaf->is_unsigned) {
        if (sink->leaf->type == FB_PARQUET_INT32) value = (uint32_t)value;
        else if (value < 0)
            return fb_fail(err, FB_EUNSUPPORTED, "the value %" PRIu64 " does not fit in 63 bits",
                           (uint64_t)value);
    }
    sink->column.integer[sink->count++] = value;
    return FB_OK;
}

/* One value of value_size() bytes; room has been made. */
static int push_fixed(struct fb_sink *sink, const unsigned char *p, struct fb_err *err) {
    uint32_t low = sink->leaf->type == FB_PARQUET_FIXED ? 0 : fb_le32(p);
    uint64_t bits;
    float single;

    switch (sink->leaf->type) {
    case FB_PARQUET_INT32: return push_integer(sink, (int32_t)low, err);
    case FB_PARQUET_INT64: return push_integer(sink, (int64_t)fb_le64(p), err);
    case FB_PARQUET_FLOAT:
        memcpy(&single, &low, sizeof single);
        sink->column.real[sink->count++] = (double)single;
        return FB_OK;
    case FB_PARQUET_DOUBLE:
        bits = fb_le64(p);
        memcpy(&sink->column.real[sink->count++], &bits, sizeof bits);
        return FB_OK;
    default: fb_sink_push_text(sink, p, (size_t)sink->leaf->width); return FB_OK;
    }
}

static int take_fixed(struct fb_sink *sink, struct fb_bytes *bytes, int64_t n,
                      const unsigned char **out, struct fb_err *err) {
    size_t size = value_size(sink->leaf), left = (size_t)(bytes->end - bytes->at);

    if ((uint64_t)n > left / size)
        return fb_fail(err, FB_EFORMAT,
                       "%" PRId64 " values of %zu bytes in a page with %zu bytes left", n, size,
                       left);
    if (sink->leaf->type == FB_PARQUET_FIXED && fb_sink_reserve_text(sink, size * (size_t)n, err))
        return err->code;
    return fb_bytes_take(bytes, size * (size_t)n, out, err);
}

static int plain_fixed(struct fb_sink *sink, struct fb_bytes bytes, int64_t n, struct fb_err *err) {
    size_t size = value_size(sink->leaf);
    const unsigned char *p;

    if (take_fixed(sink, &bytes, n, &p, err)) return err->code;
    for (int64_t i = 0; i < n; i++, p += size)
        if (push_fixed(sink, p, err)) return err->code;
    return FB_OK;
}

/* Byte j of value i stands at j * n + i. */
static int byte_stream_split(struct fb_sink *sink, struct fb_bytes bytes, int64_t n,
                             struct fb_err *err) {
    size_t size = value_size(sink->leaf);
    const unsigned char *p;
    unsigned char *value;
    int rc = FB_OK;

    if (take_fixed(sink, &bytes, n, &p, err)) return err->code;
    if (!(value = fb_malloc(size, err))) return err->code;
    for (int64_t i = 0; i < n && !rc; i++) {
        for (size_t j = 0; j < size; j++)
            value[j] = p[j * (size_t)n + (size_t)i];
        rc = push_fixed(sink, value, err);
    }
    free(value);
    return rc;
}

/* ---- PLAIN ----------------------------------------------------------------------------------- */

static int plain_booleans(struct fb_sink *sink, struct fb_bytes bytes, int64_t n,
                          struct fb_err *err) {
    const unsigned char *p;

    if (fb_bytes_take(&bytes, ((uint64_t)n + 7) / 8, &p, err)) return err->code;
    for (int64_t i = 0; i < n; i++)
        sink->column.integer[sink->count++] = p[i / 8] >> i % 8 & 1;
    return FB_OK;
}

static int plain_texts(struct fb_sink *sink, struct fb_bytes bytes, int64_t n, struct fb_err *err) {
    const unsigned char *p;

    /* No more text than the page has bytes. */
    if (fb_sink_reserve_text(sink, (size_t)(bytes.end - bytes.at), err)) return err->code;
    for (int64_t i = 0; i < n; i++) {
        uint32_t size;
        if (fb_bytes_take(&bytes, 4, &p, err)) return err->code;
        size = fb_le32(p);
        if (fb_bytes_take(&bytes, size, &p, err)) return err->code;
        fb_sink_push_text(sink, p, size);
    }
    return FB_OK;
}

static int plain(struct fb_sink *sink, struct fb_bytes bytes, int64_t n, struct fb_err *err) {
    if (sink->leaf->type == FB_PARQUET_BOOLEAN) return plain_booleans(sink, bytes, n, err);
    if (sink->leaf->type == FB_PARQUET_BYTE_ARRAY) return plain_texts(sink, bytes, n, err);
    return plain_fixed(sink, bytes, n, err);
}

/* ---- dictionaries and runs ------------------------------------------------------------------- */

static int push_entries(struct fb_sink *sink, const struct fb_sink *dictionary,
                        const uint32_t *index, int64_t n, struct fb_err *err) {
    const struct fb_column *d = &dictionary->column;
    uint64_t size = 0;

    for (int64_t i = 0; i < n; i++) {
        if (index[i] >= (uint64_t)dictionary->count)
            return fb_fail(err, FB_EFORMAT, "dictionary index %" PRIu32 ", %" PRId64 " entries",
                           index[i], dictionary->count);
        if (d->kind == FB_COLUMN_TEXT) size += d->offset[index[i] + 1] - d->offset[index[i]];
    }
    switch (d->kind) {
    case FB_COLUMN_TEXT:
        if (fb_sink_reserve_text(sink, size, err)) return err->code;
        for (int64_t i = 0; i < n; i++)
            fb_sink_push_text(sink, (const unsigned char *)d->bytes + d->offset[index[i]],
                              d->offset[index[i] + 1] - d->offset[index[i]]);
        break;
    case FB_COLUMN_REAL:
        for (int64_t i = 0; i < n; i++)
            sink->column.real[sink->count++] = d->real[index[i]];
        break;
    case FB_COLUMN_INT:
    case FB_COLUMN_BOOL:
        for (int64_t i = 0; i < n; i++)
            sink->column.integer[sink->count++] = d->integer[index[i]];
        break;
    }
    return FB_OK;
}

static int from_dictionary(struct fb_sink *sink, struct fb_bytes bytes,
                           const struct fb_sink *dictionary, int64_t n, struct fb_err *err) {
    uint32_t index[BATCH];
    const unsigned char *width;
    struct fb_runs runs;

    if (!n) return FB_OK;
    if (!dictionary) return fb_fail(err, FB_EFORMAT, "dictionary indices without a dictionary");
    if (fb_bytes_take(&bytes, 1, &width, err)) return err->code;
    if (fb_runs_start(&runs, bytes, *width, err)) return err->code;
    for (int64_t done = 0; done < n; done += BATCH) {
        int64_t take = n - done < BATCH ? n - done : BATCH;
        if (fb_runs_read(&runs, index, take, err)) return err->code;
        if (push_entries(sink, dictionary, index, take, err)) return err->code;
    }
    return FB_OK;
}

static int run_booleans(struct fb_sink *sink, struct fb_bytes bytes, int64_t n,
                        struct fb_err *err) {
    uint32_t value[BATCH];
    const unsigned char *size;
    struct fb_runs runs;

    if (fb_bytes_take(&bytes, 4, &size, err)) return err->code;
    if (fb_runs_start(&runs, bytes, 1, err)) return err->code;
    for (int64_t done = 0; done < n; done += BATCH) {
        int64_t take = n - done < BATCH ? n - done : BATCH;
        if (fb_runs_read(&runs, value, take, err)) return err->code;
        for (int64_t i = 0; i < take; i++)
            sink->column.integer[sink->count++] = value[i] & 1;
    }
    return FB_OK;
}

/* ---- deltas ---------------------------------------------------------------------------------- */

static int delta_integers(struct fb_sink *sink, struct fb_bytes bytes, int64_t n,
                          struct fb_err *err) {
    int64_t *value = sink->column.integer + sink->count;
    unsigned bits = sink->leaf->type == FB_PARQUET_INT32 ? 32 : 64;

    if (fb_deltas_read(&bytes, value, n, bits, err)) return err->code;
    for (int64_t i = 0; i < n; i++)
        if (push_integer(sink, value[i], err)) return err->code;
    return FB_OK;
}

/* Lengths of `n` texts, owned. */
static int64_t *delta_lengths(struct fb_bytes *bytes, int64_t n, struct fb_err *err) {
    int64_t *length = fb_malloc((size_t)n * sizeof *length, err);

    if (!length) return NULL;
    if (fb_deltas_read(bytes, length, n, 32, err)) goto fail;
    for (int64_t i = 0; i < n; i++)
        if (length[i] < 0) {
            fb_fail(err, FB_EFORMAT, "a text of %" PRId64 " bytes", length[i]);
            goto fail;
        }
    return length;
fail:
    free(length);
    return NULL;
}

static int delta_length_texts(struct fb_sink *sink, struct fb_bytes bytes, int64_t n,
                              struct fb_err *err) {
    int64_t *length = delta_lengths(&bytes, n, err);
    const unsigned char *p;
    int rc = length ? FB_OK : err->code;

    for (int64_t i = 0; i < n && !rc; i++) {
        rc = fb_bytes_take(&bytes, (uint64_t)length[i], &p, err);
        if (!rc) rc = fb_sink_reserve_text(sink, (size_t)length[i], err);
        if (!rc) fb_sink_push_text(sink, p, (size_t)length[i]);
    }
    free(length);
    return rc;
}

/* The text is `shared` bytes of the one before and `size` bytes of its own. */
static int push_delta(struct fb_sink *sink, size_t shared, const unsigned char *own, size_t size,
                      bool first, struct fb_err *err) {
    struct fb_column *c = &sink->column;
    uint64_t *offset = &c->offset[sink->count];
    uint64_t before = first ? 0 : offset[0] - offset[-1];

    if (shared > before)
        return fb_fail(err, FB_EFORMAT, "%zu bytes of a text of %" PRIu64 " bytes are shared",
                       shared, before);
    if (fb_sink_reserve_text(sink, shared + size, err)) return err->code;
    if (shared) memcpy(c->bytes + offset[0], c->bytes + offset[-1], shared);
    if (size) memcpy(c->bytes + offset[0] + shared, own, size);
    offset[1] = offset[0] + shared + size;
    sink->count++;
    return FB_OK;
}

static int delta_texts(struct fb_sink *sink, struct fb_bytes bytes, int64_t n, struct fb_err *err) {
    int64_t *shared = delta_lengths(&bytes, n, err);
    int64_t *length = shared ? delta_lengths(&bytes, n, err) : NULL;
    const unsigned char *p;
    int rc = length ? FB_OK : err->code;

    for (int64_t i = 0; i < n && !rc; i++) {
        rc = fb_bytes_take(&bytes, (uint64_t)length[i], &p, err);
        if (!rc) rc = push_delta(sink, (size_t)shared[i], p, (size_t)length[i], i == 0, err);
        if (!rc && sink->leaf->type == FB_PARQUET_FIXED &&
            shared[i] + length[i] != sink->leaf->width)
            rc = fb_fail(err, FB_EFORMAT, "a value of %" PRId64 " bytes, all have %" PRId64,
                         shared[i] + length[i], sink->leaf->width);
    }
    free(shared);
    free(length);
    return rc;
}

/* ---- the choice ------------------------------------------------------------------------------ */

int fb_values_read(struct fb_sink *sink, int64_t encoding, struct fb_bytes bytes,
                   const struct fb_sink *dictionary, int64_t n, struct fb_err *err) {
    enum fb_parquet_type type = sink->leaf->type;
    bool integer = type == FB_PARQUET_INT32 || type == FB_PARQUET_INT64;

    switch (encoding) {
    case PLAIN: return plain(sink, bytes, n, err);
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY: return from_dictionary(sink, bytes, dictionary, n, err);
    case RLE:
        if (type == FB_PARQUET_BOOLEAN) return run_booleans(sink, bytes, n, err);
        break;
    case DELTA_BINARY_PACKED:
        if (integer) return delta_integers(sink, bytes, n, err);
        break;
    case DELTA_LENGTH_BYTE_ARRAY:
        if (type == FB_PARQUET_BYTE_ARRAY) return delta_length_texts(sink, bytes, n, err);
        break;
    case DELTA_BYTE_ARRAY:
        if (sink->column.kind == FB_COLUMN_TEXT) return delta_texts(sink, bytes, n, err);
        break;
    case BYTE_STREAM_SPLIT:
        if (value_size(sink->leaf)) return byte_stream_split(sink, bytes, n, err);
        break;
    default: break;
    }
    if (encoding < 0 || encoding >= ENCODINGS)
        return fb_fail(err, FB_EFORMAT, "unknown encoding %" PRId64, encoding);
    return fb_fail(err, FB_EUNSUPPORTED, "the encoding %s is not supported for values of type %s",
                   encoding_names[encoding], type_names[type]);
}
