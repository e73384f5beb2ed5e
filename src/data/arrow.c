/* arrow.c - from Arrow record batches to columns.
 *
 *     stream   schema, (dictionary batch | record batch)*, end mark or end of the bytes
 *     file     "ARROW1" 0 0, a stream, footer, size of the footer in 32 bits, "ARROW1"
 *
 * Source: apache/arrow, docs/source/format/Columnar.rst, Message.fbs, Schema.fbs. The footer, an
 * index of the messages, is passed over: they are read in the order in which they stand, so a
 * dictionary must come before the rows that use it, as all writers put it. Not read: nested
 * columns, views, run-end encoding, decimals, 16-bit floats, intervals; LZ4; big-endian data. */
#include "data/arrow.h"

#include "base/alloc.h"
#include "data/arrow_batch.h"
#include "data/arrow_schema.h"
#include "data/sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 6, LEAD = 8, TRAILER = 10 };

/* What the file may unpack to; dictionaries and zstd shrink a thousandfold, not more. */
static const uint64_t budget_floor = (uint64_t)256 << 20, budget_ratio = 1024;

struct column_reader {
    const struct fb_arrow_field *field;
    struct fb_sink sink, dictionary;
    bool has_dictionary;
};

struct reader {
    struct fb_arrow_schema schema;
    struct column_reader *column; /* [schema.fields] */
    struct fb_arena arena;
    int64_t rows, limit;       /* limit INT64_MAX: none */
    uint64_t memory, unpacked; /* bytes that may still be allocated, and decompressed */
};

static struct fb_sink empty_sink(const struct fb_arrow_type *type, uint64_t *budget) {
    return (struct fb_sink){
        .column = {.kind = type->kind, .single = type->kind == FB_COLUMN_REAL && type->width == 4},
        .optional = true,
        .budget = budget,
    };
}

/* ---- one array ------------------------------------------------------------------------------- */

static int too_short(const char *what, int64_t rows, struct fb_bytes b, struct fb_err *err) {
    return fb_fail(err, FB_EFORMAT, "%s of %" PRId64 " rows in %td bytes", what, rows,
                   b.end - b.at);
}

static bool bit(struct fb_bytes b, int64_t i) {
    return b.at[i / 8] >> (i % 8) & 1;
}

/* Whether each of the next `take` rows is there; all `rows` are counted. */
static int read_valid(struct fb_sink *sink, struct fb_bytes bits, int64_t nulls, int64_t rows,
                      int64_t take, struct fb_err *err) {
    uint8_t *valid = sink->column.valid + sink->count;
    int64_t ones = 0;

    memset(valid, 1, (size_t)take);
    if (!nulls) return FB_OK;
    if (rows > (bits.end - bits.at) * 8) return too_short("validity", rows, bits, err);
    for (int64_t i = 0; i < rows; i++) {
        bool there = bit(bits, i);
        ones += there;
        if (i < take) valid[i] = there;
    }
    if (nulls != rows - ones)
        return fb_fail(err, FB_EFORMAT, "%" PRId64 " nulls are claimed, %" PRId64 " are there",
                       nulls, rows - ones);
    sink->nulls = true;
    return FB_OK;
}

static int read_offset(struct fb_bytes b, size_t width, int64_t i, int64_t *out,
                       struct fb_err *err) {
    *out = width == 4 ? (int32_t)fb_le32(b.at + 4 * i) : (int64_t)fb_le64(b.at + 8 * i);
    return *out < 0 ? fb_fail(err, FB_EFORMAT, "the offset %" PRId64 " of a text", *out) : FB_OK;
}

static int read_texts(struct fb_sink *sink, size_t width, const struct fb_bytes *buffer,
                      int64_t rows, int64_t take, struct fb_err *err) {
    struct fb_bytes offsets = buffer[1], bytes = buffer[2];
    int64_t begin, end, size = bytes.end - bytes.at;

    if (!rows) return FB_OK;
    if (rows >= (offsets.end - offsets.at) / (int64_t)width)
        return too_short("offsets", rows, offsets, err);
    if (read_offset(offsets, width, 0, &begin, err)) return err->code;
    for (int64_t i = 0; i < take; i++, begin = end) {
        bool there = sink->column.valid[sink->count];
        if (read_offset(offsets, width, i + 1, &end, err)) return err->code;
        if (end < begin || end > size)
            return fb_fail(err, FB_EFORMAT,
                           "a text from byte %" PRId64 " to %" PRId64 " of %" PRId64, begin, end,
                           size);
        if (there && fb_sink_reserve_text(sink, (size_t)(end - begin), err)) return err->code;
        fb_sink_push_text(sink, bytes.at + begin, there ? (size_t)(end - begin) : 0);
    }
    return FB_OK;
}

static int64_t load_int(const unsigned char *p, const struct fb_arrow_type *type) {
    uint64_t value = 0;
    unsigned shift = 64 - 8 * (unsigned)type->width;

    for (size_t i = 0; i < type->width; i++)
        value |= (uint64_t)p[i] << (8 * i);
    if (type->is_unsigned || !shift) return (int64_t)value;
    return (int64_t)(value << shift) >> shift;
}

static double load_real(const unsigned char *p, size_t width) {
    uint64_t bits = width == 8 ? fb_le64(p) : 0;
    uint32_t low = fb_le32(p);
    double wide;
    float narrow;

    memcpy(&wide, &bits, sizeof wide);
    memcpy(&narrow, &low, sizeof narrow);
    return width == 8 ? wide : (double)narrow;
}

/* What lies in the place of a null is not looked at. */
static int push_fixed(struct fb_sink *sink, const struct fb_arrow_type *type,
                      const unsigned char *p, struct fb_err *err) {
    bool there = sink->column.valid[sink->count];

    if (type->kind == FB_COLUMN_TEXT) {
        if (there && fb_sink_reserve_text(sink, type->width, err)) return err->code;
        fb_sink_push_text(sink, p, there ? type->width : 0);
        return FB_OK;
    }
    if (type->kind == FB_COLUMN_REAL) {
        sink->column.real[sink->count++] = there ? load_real(p, type->width) : 0;
        return FB_OK;
    }
    sink->column.integer[sink->count] = there ? load_int(p, type) : 0;
    if (type->is_unsigned && sink->column.integer[sink->count] < 0)
        return fb_fail(err, FB_EUNSUPPORTED, "the value %" PRIu64 " does not fit in 63 bits",
                       (uint64_t)sink->column.integer[sink->count]);
    sink->count++;
    return FB_OK;
}

static int read_fixed(struct fb_sink *sink, const struct fb_arrow_type *type, struct fb_bytes b,
                      int64_t rows, int64_t take, struct fb_err *err) {
    if ((uint64_t)rows > (uint64_t)(b.end - b.at) / type->width)
        return too_short("values", rows, b, err);
    for (int64_t i = 0; i < take; i++)
        if (push_fixed(sink, type, b.at + (size_t)i * type->width, err)) return err->code;
    return FB_OK;
}

static int read_bits(struct fb_sink *sink, struct fb_bytes b, int64_t rows, int64_t take,
                     struct fb_err *err) {
    if (rows > (b.end - b.at) * 8) return too_short("booleans", rows, b, err);
    for (int64_t i = 0; i < take; i++, sink->count++)
        sink->column.integer[sink->count] = sink->column.valid[sink->count] && bit(b, i);
    return FB_OK;
}

/* An array of no values at all: `take` nulls. */
static int read_nothing(struct fb_sink *sink, int64_t take) {
    memset(sink->column.valid + sink->count, 0, (size_t)take);
    sink->nulls = sink->nulls || take;
    for (int64_t i = 0; i < take; i++)
        fb_sink_push_text(sink, NULL, 0);
    return FB_OK;
}

/* Appends the first `take` rows of the batch's next array. */
static int read_array(struct fb_sink *sink, const struct fb_arrow_type *type,
                      struct fb_arrow_batch *batch, int64_t take, struct fb_err *err) {
    static const int buffers[] = {
        [FB_ARROW_NULL] = 0, [FB_ARROW_BITS] = 2, [FB_ARROW_FIXED] = 2, [FB_ARROW_TEXT] = 3};
    struct fb_bytes b[FB_ARROW_BUFFERS] = {0};
    int64_t nulls, rows = batch->rows;

    if (fb_arrow_batch_array(batch, buffers[type->layout], b, &nulls, err) ||
        fb_sink_reserve(sink, take, err))
        return err->code;
    if (type->layout == FB_ARROW_NULL) return read_nothing(sink, take);
    if (read_valid(sink, b[0], nulls, rows, take, err)) return err->code;
    switch (type->layout) {
    case FB_ARROW_BITS: return read_bits(sink, b[1], rows, take, err);
    case FB_ARROW_TEXT: return read_texts(sink, type->width, b, rows, take, err);
    case FB_ARROW_FIXED:
    case FB_ARROW_NULL: break;
    }
    return read_fixed(sink, type, b[1], rows, take, err);
}

/* ---- dictionaries ---------------------------------------------------------------------------- */

static int push_entry(struct fb_sink *sink, const struct fb_sink *dictionary, int64_t i,
                      struct fb_err *err) {
    const struct fb_column *d = &dictionary->column;
    struct fb_column *c = &sink->column;
    const char *text;
    size_t size;

    c->valid[sink->count] = d->valid[i];
    if (!d->valid[i]) sink->nulls = true;
    switch (c->kind) {
    case FB_COLUMN_TEXT:
        text = fb_column_text(d, i, &size);
        if (fb_sink_reserve_text(sink, size, err)) return err->code;
        fb_sink_push_text(sink, (const unsigned char *)text, size);
        break;
    case FB_COLUMN_REAL: c->real[sink->count++] = d->real[i]; break;
    case FB_COLUMN_INT:
    case FB_COLUMN_BOOL: c->integer[sink->count++] = d->integer[i]; break;
    }
    return FB_OK;
}

static void push_null(struct fb_sink *sink) {
    struct fb_column *c = &sink->column;

    c->valid[sink->count] = 0;
    sink->nulls = true;
    if (c->kind == FB_COLUMN_TEXT) fb_sink_push_text(sink, NULL, 0);
    else if (c->kind == FB_COLUMN_REAL) c->real[sink->count++] = 0;
    else c->integer[sink->count++] = 0;
}

static int look_up(struct column_reader *c, const struct fb_sink *index, int64_t take,
                   struct fb_err *err) {
    if (fb_sink_reserve(&c->sink, take, err)) return err->code;
    for (int64_t i = 0; i < take; i++) {
        int64_t at = index->column.integer[i];
        if (!index->column.valid[i]) {
            push_null(&c->sink);
            continue;
        }
        if (!c->has_dictionary)
            return fb_fail(err, FB_EFORMAT, "rows stand before their dictionary %" PRId64,
                           c->field->dictionary);
        if (at < 0 || at >= c->dictionary.count)
            return fb_fail(err, FB_EFORMAT, "entry %" PRId64 " of a dictionary of %" PRId64, at,
                           c->dictionary.count);
        if (push_entry(&c->sink, &c->dictionary, at, err)) return err->code;
    }
    return FB_OK;
}

/* Indices are decoded like any integers; their memory is given back to the budget. */
static int read_indices(struct reader *r, struct column_reader *c, struct fb_arrow_batch *batch,
                        int64_t take, struct fb_err *err) {
    uint64_t before = r->memory;
    struct fb_sink index = empty_sink(&c->field->index, &r->memory);
    int rc = read_array(&index, &c->field->index, batch, take, err);

    r->memory = before;
    if (!rc) rc = look_up(c, &index, take, err);
    fb_sink_free(&index);
    return rc;
}

static int fill_dictionary(struct reader *r, struct column_reader *c,
                           const struct fb_flat_table *records, struct fb_bytes body, bool delta,
                           struct fb_err *err) {
    struct fb_arrow_batch batch;
    int rc = fb_arrow_batch_open(&batch, records, body, &r->unpacked, err);

    if (!delta) c->dictionary.count = 0;
    if (!rc) rc = read_array(&c->dictionary, &c->field->type, &batch, batch.rows, err);
    c->has_dictionary = true;
    fb_arrow_batch_close(&batch);
    return rc ? fb_context(err, "dictionary of column '%s'", c->field->name) : FB_OK;
}

/* Every column of that identifier gets its own copy; none may be left, when it is not read. */
static int read_dictionary(struct reader *r, const struct fb_arrow_message *m, struct fb_err *err) {
    struct fb_flat_table records;
    int64_t id, delta;

    if (fb_flat_int(&m->header, 0, 8, 0, &id, err) || fb_flat_child(&m->header, 1, &records, err) ||
        fb_flat_int(&m->header, 2, 1, 0, &delta, err))
        return err->code;
    if (!records.bytes) return fb_fail(err, FB_EFORMAT, "a dictionary without values");
    for (int i = 0; i < r->schema.fields; i++) {
        struct column_reader *c = &r->column[i];
        if (!c->field->is_dictionary || c->field->dictionary != id || c->field->refused) continue;
        if (fill_dictionary(r, c, &records, m->body, delta != 0, err)) return err->code;
    }
    return FB_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int read_column(struct reader *r, struct column_reader *c, struct fb_arrow_batch *batch,
                       int64_t take, struct fb_err *err) {
    const struct fb_arrow_field *f = c->field;

    if (f->refused) return fb_arrow_batch_skip(batch, f->nodes, f->buffers, f->views, err);
    if (f->is_dictionary) return read_indices(r, c, batch, take, err);
    return read_array(&c->sink, &f->type, batch, take, err);
}

static int read_records(struct reader *r, const struct fb_arrow_message *m, struct fb_err *err) {
    struct fb_arrow_batch batch;
    int rc = fb_arrow_batch_open(&batch, &m->header, m->body, &r->unpacked, err);
    int64_t take = batch.rows < r->limit - r->rows ? batch.rows : r->limit - r->rows;

    for (int i = 0; i < r->schema.fields && !rc; i++) {
        rc = read_column(r, &r->column[i], &batch, take, err);
        if (rc) fb_context(err, "column '%s'", r->column[i].field->name);
    }
    fb_arrow_batch_close(&batch);
    if (!rc) r->rows += take;
    return rc;
}

static int read_schema(struct reader *r, const struct fb_arrow_message *m, struct fb_err *err) {
    if (m->kind != FB_ARROW_SCHEMA) return fb_fail(err, FB_EFORMAT, "does not begin with a schema");
    if (fb_arrow_schema_read(&r->schema, &m->header, m->version, &r->arena, err)) return err->code;
    r->column = fb_arena_calloc(&r->arena, (size_t)r->schema.fields, sizeof *r->column, err);
    if (!r->column) return err->code;
    for (int i = 0; i < r->schema.fields; i++) {
        const struct fb_arrow_field *f = &r->schema.field[i];
        r->column[i] = (struct column_reader){.field = f,
                                              .sink = empty_sink(&f->type, &r->memory),
                                              .dictionary = empty_sink(&f->type, &r->memory)};
        /* A table without rows has columns all the same. */
        if (!f->refused && fb_sink_reserve(&r->column[i].sink, 1, err)) return err->code;
    }
    return FB_OK;
}

static int read_stream(struct reader *r, struct fb_bytes stream, struct fb_err *err) {
    const unsigned char *begin = stream.at;
    struct fb_arrow_message m;

    if (fb_arrow_message_read(&m, &stream, err) || read_schema(r, &m, err))
        return fb_context(err, "schema");
    while (r->rows < r->limit) {
        const unsigned char *at = stream.at;
        int rc = fb_arrow_message_read(&m, &stream, err);
        if (!rc && m.kind == FB_ARROW_END) break;
        if (!rc && m.kind == FB_ARROW_SCHEMA) rc = fb_fail(err, FB_EFORMAT, "a second schema");
        else if (!rc && m.kind == FB_ARROW_DICTIONARY) rc = read_dictionary(r, &m, err);
        else if (!rc) rc = read_records(r, &m, err);
        if (rc) return fb_context(err, "message at byte %td", at - begin);
    }
    return FB_OK;
}

static int finish_column(struct reader *r, struct column_reader *c, struct fb_dataset *out,
                         struct fb_err *err) {
    struct fb_skipped *skip = &out->skipped[out->skips];

    if (c->field->refused) {
        if (!(skip->name = fb_strdup(c->field->name, err))) return err->code;
        skip->why = c->field->refused;
        out->skips++;
        return FB_OK;
    }
    if (fb_sink_trim(&c->sink, r->rows, err) ||
        !(c->sink.column.name = fb_strdup(c->field->name, err)))
        return err->code;
    out->column[out->columns++] = c->sink.column;
    c->sink.column = (struct fb_column){0};
    return FB_OK;
}

static int finish(struct reader *r, struct fb_dataset *out, struct fb_err *err) {
    size_t n = (size_t)r->schema.fields;

    if (!(out->column = fb_calloc(n, sizeof *out->column, err)) ||
        !(out->skipped = fb_calloc(n, sizeof *out->skipped, err)))
        return err->code;
    for (int i = 0; i < r->schema.fields; i++)
        if (finish_column(r, &r->column[i], out, err)) return err->code;
    out->rows = r->rows;
    return FB_OK;
}

static void reader_free(struct reader *r) {
    for (int i = 0; i < r->schema.fields && r->column; i++) {
        fb_sink_free(&r->column[i].sink);
        fb_sink_free(&r->column[i].dictionary);
    }
    fb_arena_free(&r->arena);
}

/* ---- the two formats ------------------------------------------------------------------------- */

static bool is_file(const unsigned char *file, size_t size) {
    return size >= MAGIC && !memcmp(file, "ARROW1", MAGIC);
}

bool fb_arrow_recognise(const unsigned char *file, size_t size) {
    return is_file(file, size) || (size >= 4 && fb_le32(file) == UINT32_MAX);
}

/* The stream inside a file. */
static int find_stream(struct fb_bytes *out, const unsigned char *file, size_t size,
                       struct fb_err *err) {
    uint32_t footer;

    *out = (struct fb_bytes){file, file + size};
    if (!is_file(file, size)) return FB_OK;
    if (size < LEAD + TRAILER || memcmp(file + size - MAGIC, "ARROW1", MAGIC))
        return fb_fail(err, FB_EFORMAT, "does not end with ARROW1: the file is cut off or damaged");
    footer = fb_le32(file + size - TRAILER);
    if (footer > size - LEAD - TRAILER)
        return fb_fail(err, FB_EFORMAT, "the footer claims %" PRIu32 " bytes, the file has %zu",
                       footer, size);
    *out = (struct fb_bytes){file + LEAD, file + size - TRAILER - footer};
    return FB_OK;
}

int fb_arrow_read(struct fb_dataset *out, const unsigned char *file, size_t size, int64_t limit,
                  struct fb_err *err) {
    struct reader r = {.limit = limit < 0 ? INT64_MAX : limit,
                       .memory = budget_floor + budget_ratio * size};
    struct fb_bytes stream;
    int rc;

    *out = (struct fb_dataset){0};
    r.unpacked = r.memory;
    rc = find_stream(&stream, file, size, err);
    if (!rc) rc = read_stream(&r, stream, err);
    if (!rc) rc = finish(&r, out, err);
    if (rc) fb_dataset_free(out);
    reader_free(&r);
    return rc;
}
