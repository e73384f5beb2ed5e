/* arrow_schema.c - the table Schema of Arrow's Schema.fbs; field numbers as there.
 *
 * Dates, times, timestamps and durations are the integers that they are stored as. Nested columns
 * and types without a place in a dataset are not read; what is needed of them is how many buffers
 * to pass over. */
#include "data/arrow_schema.h"

#include <inttypes.h>
#include <string.h>

enum { COLUMNS_MAX = 10000, DEPTH_MAX = 32, VERSION_5 = 4 };

/* The union Type. */
enum {
    TYPE_NULL = 1,
    TYPE_INT = 2,
    TYPE_FLOAT = 3,
    TYPE_BINARY = 4,
    TYPE_UTF8 = 5,
    TYPE_BOOL = 6,
    TYPE_DECIMAL = 7,
    TYPE_DATE = 8,
    TYPE_TIME = 9,
    TYPE_TIMESTAMP = 10,
    TYPE_INTERVAL = 11,
    TYPE_LIST = 12,
    TYPE_STRUCT = 13,
    TYPE_UNION = 14,
    TYPE_FIXED_BINARY = 15,
    TYPE_FIXED_LIST = 16,
    TYPE_MAP = 17,
    TYPE_DURATION = 18,
    TYPE_LARGE_BINARY = 19,
    TYPE_LARGE_UTF8 = 20,
    TYPE_LARGE_LIST = 21,
    TYPE_RUNS = 22,
    TYPE_BINARY_VIEW = 23,
    TYPE_UTF8_VIEW = 24,
    TYPE_LIST_VIEW = 25,
    TYPE_LARGE_LIST_VIEW = 26,
    TYPES = 27,
};

/* Buffers of one array without its children, and why it is not read. */
static const struct {
    int buffers;
    const char *refused;
} kinds[TYPES] = {
    [TYPE_NULL] = {0, NULL},
    [TYPE_INT] = {2, NULL},
    [TYPE_FLOAT] = {2, NULL},
    [TYPE_BINARY] = {3, NULL},
    [TYPE_UTF8] = {3, NULL},
    [TYPE_BOOL] = {2, NULL},
    [TYPE_DECIMAL] = {2, "is a decimal"},
    [TYPE_DATE] = {2, NULL},
    [TYPE_TIME] = {2, NULL},
    [TYPE_TIMESTAMP] = {2, NULL},
    [TYPE_INTERVAL] = {2, "holds intervals"},
    [TYPE_LIST] = {2, "is a list"},
    [TYPE_STRUCT] = {1, "is a struct"},
    [TYPE_UNION] = {1, "is a union"},
    [TYPE_FIXED_BINARY] = {2, NULL},
    [TYPE_FIXED_LIST] = {1, "is a list"},
    [TYPE_MAP] = {2, "is a map"},
    [TYPE_DURATION] = {2, NULL},
    [TYPE_LARGE_BINARY] = {3, NULL},
    [TYPE_LARGE_UTF8] = {3, NULL},
    [TYPE_LARGE_LIST] = {2, "is a list"},
    [TYPE_RUNS] = {0, "is run-end encoded"},
    [TYPE_BINARY_VIEW] = {2, "is a view of bytes"},
    [TYPE_UTF8_VIEW] = {2, "is a view of text"},
    [TYPE_LIST_VIEW] = {3, "is a list"},
    [TYPE_LARGE_LIST_VIEW] = {3, "is a list"},
};

struct schema_walk {
    struct fb_arena *arena;
    int64_t version;
    int64_t left; /* fields, nested ones included, that may still come */
};

/* ---- types ----------------------------------------------------------------------------------- */

static int read_int_type(struct fb_arrow_type *out, const struct fb_flat_table *type,
                         struct fb_err *err) {
    int64_t bits, is_signed;

    if (fb_flat_int(type, 0, 4, 0, &bits, err) || fb_flat_int(type, 1, 1, 0, &is_signed, err))
        return err->code;
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
        return fb_fail(err, FB_EFORMAT, "integers of %" PRId64 " bits", bits);
    *out = (struct fb_arrow_type){FB_ARROW_FIXED, FB_COLUMN_INT, (size_t)bits / 8, !is_signed};
    return FB_OK;
}

static int read_float_type(struct fb_arrow_field *f, const struct fb_flat_table *type,
                           struct fb_err *err) {
    int64_t precision;

    if (fb_flat_int(type, 0, 2, 0, &precision, err)) return err->code;
    if (precision < 0 || precision > 2)
        return fb_fail(err, FB_EFORMAT, "floats of the unknown precision %" PRId64, precision);
    if (!precision) f->refused = "holds 16-bit floats";
    f->type = (struct fb_arrow_type){FB_ARROW_FIXED, FB_COLUMN_REAL, precision == 1 ? 4 : 8, false};
    return FB_OK;
}

/* Dates: days are 32 bits, milliseconds 64. Times say their width. */
static int read_clock_type(struct fb_arrow_field *f, int64_t kind, const struct fb_flat_table *type,
                           struct fb_err *err) {
    int64_t value = 1;
    size_t width = 8;

    if (kind == TYPE_DATE) {
        if (fb_flat_int(type, 0, 2, 1, &value, err)) return err->code;
        width = value ? 8 : 4;
    } else if (kind == TYPE_TIME) {
        if (fb_flat_int(type, 1, 4, 32, &value, err)) return err->code;
        if (value != 32 && value != 64)
            return fb_fail(err, FB_EFORMAT, "times of %" PRId64 " bits", value);
        width = (size_t)value / 8;
    }
    f->type = (struct fb_arrow_type){FB_ARROW_FIXED, FB_COLUMN_INT, width, false};
    return FB_OK;
}

static int read_fixed_binary(struct fb_arrow_field *f, const struct fb_flat_table *type,
                             struct fb_err *err) {
    int64_t width;

    if (fb_flat_int(type, 0, 4, 0, &width, err)) return err->code;
    if (width < 1) return fb_fail(err, FB_EFORMAT, "values of %" PRId64 " bytes", width);
    f->type = (struct fb_arrow_type){FB_ARROW_FIXED, FB_COLUMN_TEXT, (size_t)width, false};
    return FB_OK;
}

static int read_type(struct fb_arrow_field *f, int64_t kind, const struct fb_flat_table *type,
                     struct fb_err *err) {
    switch (kind) {
    case TYPE_INT: return read_int_type(&f->type, type, err);
    case TYPE_FLOAT: return read_float_type(f, type, err);
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_DURATION: return read_clock_type(f, kind, type, err);
    case TYPE_FIXED_BINARY: return read_fixed_binary(f, type, err);
    case TYPE_BINARY:
    case TYPE_UTF8:
        f->type = (struct fb_arrow_type){FB_ARROW_TEXT, FB_COLUMN_TEXT, 4, false};
        break;
    case TYPE_LARGE_BINARY:
    case TYPE_LARGE_UTF8:
        f->type = (struct fb_arrow_type){FB_ARROW_TEXT, FB_COLUMN_TEXT, 8, false};
        break;
    case TYPE_BOOL:
        f->type = (struct fb_arrow_type){FB_ARROW_BITS, FB_COLUMN_BOOL, 0, false};
        break;
    /* A column without values is text, as in the text formats. */
    default: f->type = (struct fb_arrow_type){FB_ARROW_NULL, FB_COLUMN_TEXT, 0, false}; break;
    }
    return FB_OK;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static int read_name(struct fb_arrow_field *f, const struct fb_flat_table *field,
                     struct fb_arena *arena, struct fb_err *err) {
    struct fb_flat_vector text;
    const char *name;

    if (fb_flat_list(field, 0, 1, &text, err)) return err->code;
    name = (const char *)text.bytes + text.at;
    if (text.count && memchr(name, 0, (size_t)text.count))
        return fb_fail(err, FB_EFORMAT, "a column name holds a zero byte");
    f->name = fb_arena_strndup(arena, name, (size_t)text.count, err);
    return f->name ? FB_OK : err->code;
}

static int union_buffers(const struct fb_flat_table *type, int64_t version, int64_t *buffers,
                         struct fb_err *err) {
    int64_t mode;

    if (fb_flat_int(type, 0, 2, 0, &mode, err)) return err->code;
    *buffers = (version < VERSION_5) + (mode ? 2 : 1);
    return FB_OK;
}

static int read_dictionary(struct fb_arrow_field *f, const struct fb_flat_table *encoding,
                           struct fb_err *err) {
    struct fb_flat_table index;

    f->is_dictionary = true;
    f->index = (struct fb_arrow_type){FB_ARROW_FIXED, FB_COLUMN_INT, 4, false};
    if (fb_flat_int(encoding, 0, 8, 0, &f->dictionary, err) ||
        fb_flat_child(encoding, 1, &index, err))
        return err->code;
    return index.bytes ? read_int_type(&f->index, &index, err) : FB_OK;
}

static int count_children(struct schema_walk *w, const struct fb_flat_table *field,
                          struct fb_arrow_field *f, int depth, struct fb_err *err);

/* A field's type and what it takes of a batch. */
static int read_field(struct schema_walk *w, const struct fb_flat_table *field,
                      struct fb_arrow_field *f, int depth, struct fb_err *err) {
    struct fb_flat_table type, dictionary;
    int64_t kind;

    if (w->left-- < 1)
        return fb_fail(err, FB_EFORMAT, "the schema has more than %d fields", COLUMNS_MAX);
    if (fb_flat_int(field, 2, 1, 0, &kind, err) || fb_flat_child(field, 3, &type, err) ||
        fb_flat_child(field, 4, &dictionary, err))
        return err->code;
    if (kind < TYPE_NULL || kind >= TYPES || !type.bytes)
        return fb_fail(err, FB_EFORMAT, "the unknown type %" PRId64, kind);
    if (read_type(f, kind, &type, err)) return err->code;
    if (kinds[kind].refused) f->refused = kinds[kind].refused;
    f->nodes = 1;
    f->buffers = 2;
    /* In a batch there are only the indices; the children belong to the dictionary. */
    if (dictionary.bytes) return read_dictionary(f, &dictionary, err);
    f->buffers = kinds[kind].buffers;
    f->views = kind == TYPE_BINARY_VIEW || kind == TYPE_UTF8_VIEW;
    if (kind == TYPE_UNION && union_buffers(&type, w->version, &f->buffers, err)) return err->code;
    return count_children(w, field, f, depth, err);
}

static int count_children(struct schema_walk *w, const struct fb_flat_table *field,
                          struct fb_arrow_field *f, int depth, struct fb_err *err) {
    struct fb_flat_vector children;
    struct fb_flat_table item;

    if (fb_flat_list(field, 5, 4, &children, err)) return err->code;
    if (children.count && !f->refused)
        return fb_fail(err, FB_EFORMAT, "a flat column has %" PRId64 " children", children.count);
    if (children.count && depth >= DEPTH_MAX)
        return fb_fail(err, FB_EFORMAT, "nested deeper than %d", DEPTH_MAX);
    for (int64_t i = 0; i < children.count; i++) {
        struct fb_arrow_field child = {0};
        if (fb_flat_item(&children, i, &item, err) || read_field(w, &item, &child, depth + 1, err))
            return err->code;
        f->nodes += child.nodes;
        f->buffers += child.buffers;
        f->views += child.views;
    }
    return FB_OK;
}

int fb_arrow_schema_read(struct fb_arrow_schema *out, const struct fb_flat_table *schema,
                         int64_t version, struct fb_arena *arena, struct fb_err *err) {
    struct schema_walk w = {arena, version, COLUMNS_MAX};
    struct fb_flat_vector fields;
    struct fb_flat_table item;
    int64_t endianness;

    *out = (struct fb_arrow_schema){0};
    if (fb_flat_int(schema, 0, 2, 0, &endianness, err) || fb_flat_list(schema, 1, 4, &fields, err))
        return err->code;
    if (endianness) return fb_fail(err, FB_EUNSUPPORTED, "big-endian data are not supported");
    if (fields.count > COLUMNS_MAX)
        return fb_fail(err, FB_EFORMAT, "%" PRId64 " columns, limit %d", fields.count, COLUMNS_MAX);
    out->field = fb_arena_calloc(arena, (size_t)fields.count, sizeof *out->field, err);
    if (!out->field) return err->code;
    for (int64_t i = 0; i < fields.count; i++) {
        struct fb_arrow_field *f = &out->field[i];
        if (fb_flat_item(&fields, i, &item, err) || read_name(f, &item, arena, err))
            return err->code;
        if (read_field(&w, &item, f, 0, err)) return fb_context(err, "column '%s'", f->name);
    }
    out->fields = (int)fields.count;
    return FB_OK;
}
