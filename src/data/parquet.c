/* parquet.c - from column chunks to columns: pages, definition levels, values.
 *
 * A chunk is at most one dictionary page and data pages, each a header (thrift) and a body:
 *
 *     version 1   compressed [ definition levels | values ]
 *     version 2   definition levels | compressed [ values ]
 *
 * Source: apache/parquet-format, README.md and parquet.thrift. Not done here: nested columns (no
 * repetition levels), statistics, indexes, bloom filters, encryption. */
#include "data/parquet.h"

#include "base/alloc.h"
#include "data/parquet_codec.h"
#include "data/parquet_page.h"
#include "data/parquet_values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What the file may unpack to: a table of few distinct values shrinks a thousandfold, not more. */
static const uint64_t budget_floor = (uint64_t)256 << 20, budget_ratio = 1024;

struct reader {
    const unsigned char *file;
    struct fb_parquet_meta meta;
    unsigned char *scratch; /* the unpacked page */
    size_t scratch_size;
    uint64_t memory;   /* bytes of columns that may still be allocated */
    uint64_t unpacked; /* bytes that may still be decompressed */
};

/* One column being read. */
struct column_reader {
    struct reader *reader;
    const struct fb_parquet_leaf *leaf;
    struct fb_sink sink, dictionary;
    bool has_dictionary;
    int64_t codec;
};

/* ---- pages ----------------------------------------------------------------------------------- */

static int unpack(struct column_reader *c, const unsigned char *in, size_t n, size_t size,
                  bool compressed, struct fb_bytes *out, struct fb_err *err) {
    struct reader *r = c->reader;

    if (!compressed || c->codec == FB_PARQUET_UNCOMPRESSED) {
        if (size != n)
            return fb_fail(err, FB_EFORMAT, "an uncompressed page of %zu bytes claims %zu", n,
                           size);
        *out = (struct fb_bytes){in, in + n};
        return FB_OK;
    }
    if (size > r->unpacked)
        return fb_fail(err, FB_EFORMAT,
                       "a page claims %zu bytes, %" PRIu64 " are left of what the file's size can "
                       "explain",
                       size, r->unpacked);
    r->unpacked -= size;
    if (size > r->scratch_size || !r->scratch) {
        free(r->scratch);
        r->scratch_size = 0;
        if (!(r->scratch = fb_malloc(size, err))) return err->code;
        r->scratch_size = size;
    }
    if (size && fb_parquet_decompress(c->codec, r->scratch, size, in, n, err)) return err->code;
    *out = (struct fb_bytes){r->scratch, r->scratch + size};
    return FB_OK;
}

static int read_dictionary(struct column_reader *c, const struct fb_parquet_page *page,
                           struct fb_err *err) {
    struct fb_bytes bytes;

    if (c->has_dictionary) return fb_fail(err, FB_EFORMAT, "a second dictionary");
    if (c->leaf->type == FB_PARQUET_BOOLEAN)
        return fb_fail(err, FB_EFORMAT, "a dictionary of booleans");
    if (unpack(c, page->body, page->size, page->unpacked, true, &bytes, err)) return err->code;
    /* Each entry takes a byte at least. */
    if (page->values > bytes.end - bytes.at)
        return fb_fail(err, FB_EFORMAT, "%" PRId64 " entries in %td bytes", page->values,
                       bytes.end - bytes.at);
    if (page->encoding != FB_PARQUET_PLAIN && page->encoding != FB_PARQUET_PLAIN_DICTIONARY)
        return fb_fail(err, FB_EUNSUPPORTED, "a dictionary in encoding %" PRId64, page->encoding);
    c->dictionary.count = 0;
    if (fb_sink_reserve(&c->dictionary, page->values, err) ||
        fb_values_read(&c->dictionary, FB_PARQUET_PLAIN, bytes, NULL, page->values, err))
        return err->code;
    c->has_dictionary = true;
    return FB_OK;
}

/* Definition levels of an optional column, one bit each, into column.valid behind the end of the
 * sink. `*present` counts the ones. */
static int read_levels(struct column_reader *c, struct fb_bytes bytes, bool legacy, int64_t rows,
                       int64_t *present, struct fb_err *err) {
    uint8_t *valid = c->sink.column.valid + c->sink.count;
    uint32_t level[256];
    struct fb_runs runs;
    int64_t ones = 0;

    if (legacy) { /* BIT_PACKED: most significant bit first; the caller has taken the bytes */
        for (int64_t i = 0; i < rows; i++)
            ones += valid[i] = bytes.at[i / 8] >> (7 - i % 8) & 1;
        *present = ones;
        return FB_OK;
    }
    if (fb_runs_start(&runs, bytes, 1, err)) return err->code;
    for (int64_t done = 0; done < rows; done += 256) {
        int64_t take = rows - done < 256 ? rows - done : 256;
        if (fb_runs_read(&runs, level, take, err)) return fb_context(err, "definition levels");
        for (int64_t i = 0; i < take; i++) {
            if (level[i] > 1)
                return fb_fail(err, FB_EFORMAT, "definition level %" PRIu32 ", limit 1", level[i]);
            ones += valid[done + i] = (uint8_t)level[i];
        }
    }
    *present = ones;
    return FB_OK;
}

/* Version 1: the levels stand in front of the values, with their size or (legacy) without. */
static int split_v1(const struct fb_parquet_page *page, struct fb_bytes *body,
                    struct fb_bytes *levels, struct fb_err *err) {
    bool legacy = page->level_encoding == FB_PARQUET_BIT_PACKED;
    uint64_t size = ((uint64_t)page->values + 7) / 8;
    const unsigned char *p;

    if (!legacy && page->level_encoding != FB_PARQUET_RLE)
        return fb_fail(err, FB_EUNSUPPORTED, "definition levels in encoding %" PRId64,
                       page->level_encoding);
    if (!legacy) {
        if (fb_bytes_take(body, 4, &p, err)) return err->code;
        size = fb_le32(p);
    }
    if (fb_bytes_take(body, size, &p, err)) return err->code;
    *levels = (struct fb_bytes){p, p + size};
    return FB_OK;
}

static int split_v2(struct column_reader *c, const struct fb_parquet_page *page,
                    struct fb_bytes *body, struct fb_bytes *levels, struct fb_err *err) {
    size_t ahead = page->repetition_size + page->level_size;

    if (page->repetition_size > page->size ||
        page->level_size > page->size - page->repetition_size || ahead > page->unpacked)
        return fb_fail(err, FB_EFORMAT, "levels of %zu and %zu bytes in a page of %zu",
                       page->repetition_size, page->level_size, page->size);
    *levels = (struct fb_bytes){page->body + page->repetition_size, page->body + ahead};
    return unpack(c, page->body + ahead, page->size - ahead, page->unpacked - ahead,
                  page->compressed, body, err);
}

static int read_data(struct column_reader *c, const struct fb_parquet_page *page,
                     struct fb_err *err) {
    bool legacy = page->kind == FB_PARQUET_DATA_V1 && page->level_encoding == FB_PARQUET_BIT_PACKED;
    struct fb_bytes body, levels = {0};
    int64_t present = page->values;

    if (page->kind == FB_PARQUET_DATA_V2) {
        if (split_v2(c, page, &body, &levels, err)) return err->code;
    } else if (unpack(c, page->body, page->size, page->unpacked, true, &body, err) ||
               (c->leaf->optional && split_v1(page, &body, &levels, err))) {
        return err->code;
    }
    if (fb_sink_reserve(&c->sink, page->values, err)) return err->code;
    if (c->leaf->optional && read_levels(c, levels, legacy, page->values, &present, err))
        return err->code;
    if (page->nulls >= 0 && page->nulls != page->values - present)
        return fb_fail(err, FB_EFORMAT, "a page claims %" PRId64 " nulls, it has %" PRId64,
                       page->nulls, page->values - present);
    if (fb_values_read(&c->sink, page->encoding, body, c->has_dictionary ? &c->dictionary : NULL,
                       present, err))
        return err->code;
    fb_sink_spread(&c->sink, present, page->values);
    return FB_OK;
}

/* ---- chunks and columns ---------------------------------------------------------------------- */

static int read_page(struct column_reader *c, struct fb_thrift *t, int64_t *left,
                     struct fb_err *err) {
    struct fb_parquet_page page;

    if (t->at == t->end)
        return fb_fail(err, FB_EFORMAT, "the pages end %" PRId64 " values too early", *left);
    if (fb_parquet_page_read(&page, t, err)) return err->code;
    if (page.kind == FB_PARQUET_DICTIONARY) return read_dictionary(c, &page, err);
    if (page.kind != FB_PARQUET_DATA_V1 && page.kind != FB_PARQUET_DATA_V2) return FB_OK;
    if (page.values > *left)
        return fb_fail(err, FB_EFORMAT, "a page of %" PRId64 " values, %" PRId64 " are left",
                       page.values, *left);
    *left -= page.values;
    return read_data(c, &page, err);
}

static int read_chunk(struct column_reader *c, const struct fb_parquet_chunk *chunk, int64_t rows,
                      int64_t limit, struct fb_err *err) {
    const unsigned char *begin = c->reader->file + chunk->begin;
    struct fb_thrift t = {begin, begin + chunk->size};
    int64_t left = rows;

    if (fb_parquet_codec_check(chunk->codec, err)) return err->code;
    c->codec = chunk->codec;
    c->has_dictionary = false;
    while (left && c->sink.count < limit) {
        const unsigned char *page = t.at;
        if (read_page(c, &t, &left, err))
            return fb_context(err, "page at byte %td", page - c->reader->file);
    }
    return FB_OK;
}

static int read_column(struct reader *r, int leaf, int64_t rows, struct fb_column *out,
                       struct fb_err *err) {
    struct column_reader c = {.reader = r, .leaf = &r->meta.leaf[leaf]};
    struct fb_parquet_leaf entry = *c.leaf; /* of the dictionary: never null */
    int rc;

    entry.optional = false;
    c.sink = fb_sink_empty(c.leaf, &r->memory);
    c.dictionary = fb_sink_empty(&entry, &r->memory);
    rc = fb_sink_reserve(&c.sink, rows, err);
    for (int64_t g = 0; g < r->meta.groups && !rc && c.sink.count < rows; g++) {
        rc = read_chunk(&c, &r->meta.group[g].chunk[leaf], r->meta.group[g].rows, rows, err);
        if (rc) fb_context(err, "row group %" PRId64, g);
    }
    fb_sink_free(&c.dictionary);
    if (!rc) rc = fb_sink_trim(&c.sink, rows, err);
    if (!rc && !(c.sink.column.name = fb_strdup(c.leaf->name, err))) rc = err->code;
    if (!rc) {
        *out = c.sink.column;
        return FB_OK;
    }
    fb_sink_free(&c.sink);
    return fb_context(err, "column '%s'", c.leaf->name);
}

static int skip_column(struct fb_dataset *out, const struct fb_parquet_leaf *leaf,
                       struct fb_err *err) {
    struct fb_skipped *last = &out->skipped[out->skips];

    /* The leaves of one nested column follow each other. */
    if (out->skips && !strcmp(last[-1].name, leaf->name)) return FB_OK;
    if (!(last->name = fb_strdup(leaf->name, err))) return err->code;
    last->why = leaf->refused;
    out->skips++;
    return FB_OK;
}

static int read_table(struct reader *r, struct fb_dataset *out, int64_t limit, struct fb_err *err) {
    int64_t rows = limit >= 0 && limit < r->meta.rows ? limit : r->meta.rows;
    size_t leaves = (size_t)r->meta.leaves;

    if (!(out->column = fb_calloc(leaves, sizeof *out->column, err))) return err->code;
    if (!(out->skipped = fb_calloc(leaves, sizeof *out->skipped, err))) return err->code;
    for (int i = 0; i < r->meta.leaves; i++) {
        if (r->meta.leaf[i].refused) {
            if (skip_column(out, &r->meta.leaf[i], err)) return err->code;
        } else {
            if (read_column(r, i, rows, &out->column[out->columns], err)) return err->code;
            out->columns++;
        }
    }
    out->rows = rows;
    return FB_OK;
}

int fb_parquet_read(struct fb_dataset *out, const unsigned char *file, size_t size, int64_t limit,
                    struct fb_err *err) {
    struct reader r = {.file = file, .memory = budget_floor + budget_ratio * size};
    struct fb_arena arena = {0};
    int rc;

    *out = (struct fb_dataset){0};
    r.unpacked = r.memory;
    rc = fb_parquet_meta_read(&r.meta, file, size, &arena, err);
    if (!rc) rc = read_table(&r, out, limit, err);
    if (rc) fb_dataset_free(out);
    free(r.scratch);
    fb_arena_free(&arena);
    return rc;
}
