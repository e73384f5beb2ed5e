/* parquet_meta.c - FileMetaData of the parquet format, as far as flat columns need it.
 *
 * Source: apache/parquet-format, parquet.thrift (2.11); the field numbers below are those of that
 * file. Statistics, indexes, bloom filters and key-value metadata are passed over. */
#include "data/parquet_meta.h"

#include "data/thrift.h"

#include <inttypes.h>
#include <string.h>

enum {
    TRAILER = 8, /* size of the metadata and magic */
    COLUMNS_MAX = 10000,
    REQUIRED = 0,
    OPTIONAL = 1,
    REPEATED = 2,
};

/* ConvertedType, the older of the two ways to say what a column means. */
enum {
    CONVERTED_MAP = 1,
    CONVERTED_LIST = 3,
    CONVERTED_DECIMAL = 5,
    CONVERTED_UINT_8 = 11,
    CONVERTED_UINT_64 = 14,
    CONVERTED_BSON = 20,
    CONVERTED_INTERVAL = 21,
};

/* Fields of the union LogicalType, the newer way. */
enum {
    LOGICAL_MAP = 2,
    LOGICAL_LIST = 3,
    LOGICAL_DECIMAL = 5,
    LOGICAL_INTEGER = 10,
    LOGICAL_BSON = 13,
    LOGICAL_UUID = 14,
    LOGICAL_FLOAT16 = 15,
};

struct element {
    const char *name;
    int64_t type, width, repetition, children, converted, logical; /* -1: not given */
    bool is_signed;
};

/* ---- fields that parquet.thrift requires ----------------------------------------------------- */

enum { FIELDS = 10 };

static const char *const file_fields[FIELDS] = {
    [1] = "version", [2] = "schema", [3] = "num_rows", [4] = "row_groups"};
static const char *const group_fields[FIELDS] = {
    [1] = "columns", [2] = "total_byte_size", [3] = "num_rows"};
static const char *const column_fields[FIELDS] = {
    [1] = "type",
    [2] = "encodings",
    [3] = "path_in_schema",
    [4] = "codec",
    [5] = "num_values",
    [6] = "total_uncompressed_size",
    [7] = "total_compressed_size",
    [9] = "data_page_offset",
};

static void mark(unsigned *seen, const struct fb_thrift_field *f) {
    if (f->id > 0 && f->id < FIELDS) *seen |= 1u << f->id;
}

static int require(unsigned seen, const char *const *fields, struct fb_err *err) {
    for (int i = 1; i < FIELDS; i++)
        if (fields[i] && !(seen >> i & 1))
            return fb_fail(err, FB_EFORMAT, "the metadata has no %s, which is required", fields[i]);
    return FB_OK;
}

/* ---- one element of the schema ------------------------------------------------------------ */

static int integer_type(struct fb_thrift *t, const struct fb_thrift_field *outer, bool *is_signed,
                        struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc = fb_thrift_struct(outer, err);

    while (!rc && !(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP)
        rc = f.id == 2 ? fb_thrift_bool(&f, is_signed, err) : fb_thrift_skip(t, f.type, err);
    return rc;
}

static int logical_type(struct fb_thrift *t, const struct fb_thrift_field *outer, struct element *e,
                        struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc = fb_thrift_struct(outer, err);

    while (!rc && !(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        e->logical = f.id;
        rc = f.id == LOGICAL_INTEGER ? integer_type(t, &f, &e->is_signed, err)
                                     : fb_thrift_skip(t, f.type, err);
    }
    return rc;
}

static int element_name(struct fb_thrift *t, const struct fb_thrift_field *f, const char **out,
                        struct fb_arena *arena, struct fb_err *err) {
    const unsigned char *bytes;
    size_t size;

    if (fb_thrift_bytes(t, f, &bytes, &size, err)) return err->code;
    if (memchr(bytes, 0, size)) return fb_fail(err, FB_EFORMAT, "a column name holds a zero byte");
    *out = fb_arena_strndup(arena, (const char *)bytes, size, err);
    return *out ? FB_OK : err->code;
}

static int read_element(struct fb_thrift *t, struct element *e, struct fb_arena *arena,
                        struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc;

    *e = (struct element){"", -1, -1, REQUIRED, 0, -1, -1, true};
    while (!(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        switch (f.id) {
        case 1: rc = fb_thrift_int(t, &f, &e->type, err); break;
        case 2: rc = fb_thrift_int(t, &f, &e->width, err); break;
        case 3: rc = fb_thrift_int(t, &f, &e->repetition, err); break;
        case 4: rc = element_name(t, &f, &e->name, arena, err); break;
        case 5: rc = fb_thrift_int(t, &f, &e->children, err); break;
        case 6: rc = fb_thrift_int(t, &f, &e->converted, err); break;
        case 10: rc = logical_type(t, &f, e, err); break;
        default: rc = fb_thrift_skip(t, f.type, err);
        }
        if (rc) break;
    }
    return rc;
}

/* ---- the schema: a tree written in depth-first order ----------------------------------------- */

static const char *nested_kind(const struct element *e) {
    if (e->logical == LOGICAL_LIST || e->converted == CONVERTED_LIST) return "is a list";
    if (e->logical == LOGICAL_MAP || e->converted == CONVERTED_MAP) return "is a map";
    return e->repetition == REPEATED ? "is repeated" : "is a struct";
}

/* Why a flat column of this type is not read, or NULL. */
static const char *refusal(const struct element *e) {
    if (e->repetition == REPEATED) return "is repeated";
    if (e->type == FB_PARQUET_INT96) return "has the type INT96";
    if (e->logical == LOGICAL_DECIMAL || e->converted == CONVERTED_DECIMAL) return "is a decimal";
    if (e->logical == LOGICAL_FLOAT16) return "holds 16-bit floats";
    if (e->logical == LOGICAL_UUID) return "holds UUIDs";
    if (e->logical == LOGICAL_BSON || e->converted == CONVERTED_BSON) return "holds BSON";
    if (e->converted == CONVERTED_INTERVAL) return "holds intervals";
    return NULL;
}

static int make_leaf(struct fb_parquet_leaf *leaf, const struct element *e, const char *top,
                     const char *nested, struct fb_err *err) {
    if (e->type < FB_PARQUET_BOOLEAN || e->type > FB_PARQUET_FIXED)
        return fb_fail(err, FB_EFORMAT, "column '%s' has the unknown type %" PRId64, e->name,
                       e->type);
    if (e->repetition < REQUIRED || e->repetition > REPEATED)
        return fb_fail(err, FB_EFORMAT, "column '%s' has the unknown repetition %" PRId64, e->name,
                       e->repetition);
    if (e->type == FB_PARQUET_FIXED && (e->width < 1 || e->width > INT32_MAX))
        return fb_fail(err, FB_EFORMAT, "column '%s' has values of %" PRId64 " bytes", e->name,
                       e->width);
    *leaf = (struct fb_parquet_leaf){
        .name = top ? top : e->name,
        .type = (enum fb_parquet_type)e->type,
        .width = e->width,
        .optional = e->repetition == OPTIONAL,
        .is_unsigned = !e->is_signed ||
                       (e->converted >= CONVERTED_UINT_8 && e->converted <= CONVERTED_UINT_64),
        .refused = nested ? nested : refusal(e),
    };
    return FB_OK;
}

struct schema_walk {
    struct fb_thrift *t;
    struct fb_parquet_meta *meta;
    struct fb_arena *arena;
    int64_t left; /* elements not read yet */
};

/* Leaves of a group that is itself nested; its shape does not matter, only how many there are. So
 * no recursion is needed: `open` counts the elements that the groups seen so far still await. */
static int read_nested(struct schema_walk *w, const struct element *group, struct fb_err *err) {
    int64_t open = group->children;
    struct element e;

    for (; open > 0; open--) {
        if (w->left-- < 1) return fb_fail(err, FB_EFORMAT, "the schema ends inside a group");
        if (read_element(w->t, &e, w->arena, err)) return err->code;
        if (e.children > 0) {
            if (e.children > w->left)
                return fb_fail(err, FB_EFORMAT, "a group of %" PRId64 " columns, %" PRId64 " left",
                               e.children, w->left);
            open += e.children;
        } else if (make_leaf(&w->meta->leaf[w->meta->leaves++], &e, group->name, nested_kind(group),
                             err)) {
            return err->code;
        }
    }
    return FB_OK;
}

static int read_schema(struct fb_thrift *t, const struct fb_thrift_field *f,
                       struct fb_parquet_meta *meta, struct fb_arena *arena, struct fb_err *err) {
    struct schema_walk w = {t, meta, arena, 0};
    struct element root, e;
    int64_t count;

    if (meta->leaf) return fb_fail(err, FB_EFORMAT, "the metadata has two schemas");
    if (fb_thrift_structs(t, f, &count, err)) return err->code;
    if (count < 1 || count > COLUMNS_MAX)
        return fb_fail(err, FB_EFORMAT, "the schema has %" PRId64 " elements, limit %d", count,
                       COLUMNS_MAX);
    meta->leaf = fb_arena_calloc(arena, (size_t)count, sizeof *meta->leaf, err);
    if (!meta->leaf || read_element(t, &root, arena, err)) return err->code;
    meta->leaves = 0;
    for (w.left = count - 1; w.left > 0;) {
        w.left--;
        if (read_element(t, &e, arena, err)) return err->code;
        if (e.children > 0 ? read_nested(&w, &e, err)
                           : make_leaf(&meta->leaf[meta->leaves++], &e, NULL, NULL, err))
            return err->code;
    }
    return FB_OK;
}

/* ---- row groups ------------------------------------------------------------------------------ */

struct chunk_claims {
    int64_t type, codec, values, size, data, dictionary;
    bool encrypted, external, present, offset; /* fields that are there */
};

static int read_chunk_meta(struct fb_thrift *t, const struct fb_thrift_field *outer,
                           struct chunk_claims *c, struct fb_err *err) {
    struct fb_thrift_field f = {0};
    unsigned seen = 0;
    int rc = fb_thrift_struct(outer, err);

    c->present = true;
    while (!rc && !(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        mark(&seen, &f);
        switch (f.id) {
        case 1: rc = fb_thrift_int(t, &f, &c->type, err); break;
        case 4: rc = fb_thrift_int(t, &f, &c->codec, err); break;
        case 5: rc = fb_thrift_int(t, &f, &c->values, err); break;
        case 7: rc = fb_thrift_int(t, &f, &c->size, err); break;
        case 9: rc = fb_thrift_int(t, &f, &c->data, err); break;
        case 11: rc = fb_thrift_int(t, &f, &c->dictionary, err); break;
        default: rc = fb_thrift_skip(t, f.type, err);
        }
    }
    return rc ? rc : require(seen, column_fields, err);
}

static int read_claims(struct fb_thrift *t, struct chunk_claims *c, struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc;

    *c = (struct chunk_claims){.type = -1, .codec = -1};
    while (!(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        if (f.id == 1) c->external = true;
        if (f.id == 2) c->offset = true;
        if (f.id == 8 || f.id == 9) c->encrypted = true;
        rc = f.id == 3 ? read_chunk_meta(t, &f, c, err) : fb_thrift_skip(t, f.type, err);
        if (rc) break;
    }
    return rc;
}

/* `limit`: where the footer begins. */
static int check_chunk(struct fb_parquet_chunk *out, const struct chunk_claims *c,
                       const struct fb_parquet_leaf *leaf, uint64_t limit, struct fb_err *err) {
    int64_t begin = c->data;

    if (c->encrypted) return fb_fail(err, FB_EUNSUPPORTED, "is encrypted, which is not supported");
    if (c->external) return fb_fail(err, FB_EUNSUPPORTED, "lies in another file");
    if (!c->present) return fb_fail(err, FB_EFORMAT, "has no metadata");
    if (!c->offset) return fb_fail(err, FB_EFORMAT, "has no file_offset, which is required");
    if (c->type != (int64_t)leaf->type)
        return fb_fail(err, FB_EFORMAT, "has type %" PRId64 ", the schema says %d", c->type,
                       (int)leaf->type);
    /* Some writers put 0 where there is no dictionary. */
    if (c->dictionary > 0 && c->dictionary < begin) begin = c->dictionary;
    if (begin < 0 || c->size < 0 || (uint64_t)begin > limit ||
        (uint64_t)c->size > limit - (uint64_t)begin)
        return fb_fail(err, FB_EFORMAT,
                       "claims %" PRId64 " bytes at %" PRId64 ", the data end at %" PRIu64, c->size,
                       begin, limit);
    *out = (struct fb_parquet_chunk){c->codec, (uint64_t)begin, (uint64_t)c->size};
    return FB_OK;
}

static int read_chunks(struct fb_thrift *t, const struct fb_thrift_field *f,
                       const struct fb_parquet_meta *meta, struct fb_parquet_group *group,
                       int64_t *values, uint64_t limit, struct fb_arena *arena,
                       struct fb_err *err) {
    struct chunk_claims c;
    int64_t count;

    if (fb_thrift_structs(t, f, &count, err)) return err->code;
    if (count != meta->leaves)
        return fb_fail(err, FB_EFORMAT, "%" PRId64 " columns, the schema has %d", count,
                       meta->leaves);
    group->chunk = fb_arena_calloc(arena, (size_t)count, sizeof *group->chunk, err);
    if (!group->chunk) return err->code;
    for (int64_t i = 0; i < count; i++) {
        const struct fb_parquet_leaf *leaf = &meta->leaf[i];
        if (read_claims(t, &c, err)) return fb_context(err, "column '%s'", leaf->name);
        if (leaf->refused) continue;
        if (check_chunk(&group->chunk[i], &c, leaf, limit, err))
            return fb_context(err, "column '%s'", leaf->name);
        if (*values >= 0 && c.values != *values)
            return fb_fail(err, FB_EFORMAT,
                           "column '%s' has %" PRId64 " values, another has %" PRId64, leaf->name,
                           c.values, *values);
        *values = c.values;
    }
    return FB_OK;
}

static int read_group(struct fb_thrift *t, const struct fb_parquet_meta *meta,
                      struct fb_parquet_group *group, uint64_t limit, struct fb_arena *arena,
                      struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int64_t values = -1;
    unsigned seen = 0;
    int rc;

    group->rows = -1;
    while (!(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        mark(&seen, &f);
        switch (f.id) {
        case 1: rc = read_chunks(t, &f, meta, group, &values, limit, arena, err); break;
        case 3: rc = fb_thrift_int(t, &f, &group->rows, err); break;
        default: rc = fb_thrift_skip(t, f.type, err);
        }
        if (rc) return rc;
    }
    if (rc || (rc = require(seen, group_fields, err))) return rc;
    if (group->rows < 0 || (values >= 0 && values != group->rows))
        return fb_fail(err, FB_EFORMAT, "%" PRId64 " rows, but %" PRId64 " values in each column",
                       group->rows, values);
    return FB_OK;
}

static int read_groups(struct fb_thrift *t, const struct fb_thrift_field *f,
                       struct fb_parquet_meta *meta, uint64_t limit, struct fb_arena *arena,
                       struct fb_err *err) {
    if (!meta->leaf) return fb_fail(err, FB_EFORMAT, "row groups stand before the schema");
    if (fb_thrift_structs(t, f, &meta->groups, err)) return err->code;
    meta->group = fb_arena_calloc(arena, (size_t)meta->groups, sizeof *meta->group, err);
    if (!meta->group) return err->code;
    for (int64_t i = 0; i < meta->groups; i++)
        if (read_group(t, meta, &meta->group[i], limit, arena, err))
            return fb_context(err, "row group %" PRId64, i);
    return FB_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int check_rows(const struct fb_parquet_meta *meta, struct fb_err *err) {
    int64_t rows = meta->rows;

    for (int64_t i = 0; i < meta->groups && rows >= 0; i++)
        rows = meta->group[i].rows <= rows ? rows - meta->group[i].rows : -1;
    if (rows)
        return fb_fail(err, FB_EFORMAT, "the row groups do not add up to %" PRId64 " rows",
                       meta->rows);
    return FB_OK;
}

static int read_metadata(struct fb_thrift *t, struct fb_parquet_meta *meta, uint64_t limit,
                         struct fb_arena *arena, struct fb_err *err) {
    struct fb_thrift_field f = {0};
    unsigned seen = 0;
    int rc;

    meta->rows = -1;
    while (!(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        mark(&seen, &f);
        switch (f.id) {
        case 2: rc = read_schema(t, &f, meta, arena, err); break;
        case 3: rc = fb_thrift_int(t, &f, &meta->rows, err); break;
        case 4: rc = read_groups(t, &f, meta, limit, arena, err); break;
        case 8: return fb_fail(err, FB_EUNSUPPORTED, "the file is encrypted: not supported");
        default: rc = fb_thrift_skip(t, f.type, err);
        }
        if (rc) return rc;
    }
    if (rc || (rc = require(seen, file_fields, err))) return rc;
    return check_rows(meta, err);
}

int fb_parquet_meta_read(struct fb_parquet_meta *out, const unsigned char *file, size_t size,
                         struct fb_arena *arena, struct fb_err *err) {
    const unsigned char *end = file + size;
    struct fb_thrift t;
    size_t length;

    *out = (struct fb_parquet_meta){0};
    if (size < 4 + TRAILER)
        return fb_fail(err, FB_EFORMAT, "%zu bytes, too short for a parquet file", size);
    if (!memcmp(end - 4, "PARE", 4))
        return fb_fail(err, FB_EUNSUPPORTED, "the file is encrypted: not supported");
    if (memcmp(end - 4, "PAR1", 4))
        return fb_fail(err, FB_EFORMAT, "does not end with PAR1: the file is cut off or damaged");
    length = (size_t)end[-8] | (size_t)end[-7] << 8 | (size_t)end[-6] << 16 | (size_t)end[-5] << 24;
    if (length > size - 4 - TRAILER)
        return fb_fail(err, FB_EFORMAT, "the footer claims %zu bytes, the file has %zu", length,
                       size);
    t = (struct fb_thrift){end - TRAILER - length, end - TRAILER};
    return read_metadata(&t, out, (uint64_t)(size - TRAILER - length), arena, err);
}
