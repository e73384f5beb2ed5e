/* dataset.h - a table of rows read from parquet, Arrow, JSON lines or tab-separated files.
 *
 * A dataset is columns in memory. Text is one block of bytes with offsets; nothing is stripped or
 * decoded (invalid UTF-8 stays as it is). */
#ifndef FB_DATA_DATASET_H
#define FB_DATA_DATASET_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fb_column_kind { FB_COLUMN_TEXT, FB_COLUMN_INT, FB_COLUMN_REAL, FB_COLUMN_BOOL };

struct fb_column {
    char *name;
    enum fb_column_kind kind;
    bool single;      /* FB_COLUMN_REAL whose file holds 32-bit floats, here widened */
    uint8_t *valid;   /* [rows], 0 = null; NULL: no nulls */
    char *bytes;      /* text of all rows end to end; not terminated */
    uint64_t *offset; /* [rows + 1] into bytes */
    int64_t *integer; /* [rows]; booleans too */
    double *real;     /* [rows] */
};

/* A column that the file has and that was not read. */
struct fb_skipped {
    char *name;
    const char *why; /* "is a list"; a constant */
};

struct fb_dataset {
    int64_t rows;
    int columns;
    struct fb_column *column; /* [columns], in file order */
    int skips;
    struct fb_skipped *skipped; /* [skips] */
    char *source;               /* path(s), for messages; NULL when made from memory */
};

/* Format by content: "PAR1" is parquet, "ARROW1" or 0xFFFFFFFF Arrow; else by name: .tsv, .csv,
 * anything else JSON lines (or one JSON list of objects). `limit` >= 0 stops after that many
 * rows. */
int fb_dataset_open(struct fb_dataset *out, const char *path, int64_t limit,
                    struct fb_err *err) FB_MUST_CHECK;
/* Appends the rows of `more` (consumed) to `out`; the columns must agree. */
int fb_dataset_append(struct fb_dataset *out, struct fb_dataset *more,
                      struct fb_err *err) FB_MUST_CHECK;
void fb_dataset_free(struct fb_dataset *dataset);

/* Column by name, or NULL after FB_ENOTFOUND, which lists the columns there are, or
 * FB_EUNSUPPORTED for a column that was skipped. */
const struct fb_column *fb_dataset_column(const struct fb_dataset *dataset, const char *name,
                                          struct fb_err *err);
/* Whether there is such a column, without nulls and, where that is wanted, of text. FB_ENOTFOUND as
 * above; FB_EFORMAT names the source and the row. */
int fb_dataset_check_column(const struct fb_dataset *dataset, const char *name, bool text,
                            struct fb_err *err) FB_MUST_CHECK;
/* Text of a row: borrowed, not terminated; size 0 for null. */
const char *fb_column_text(const struct fb_column *column, int64_t row, size_t *size);
/* Appends one row as a JSON object in column order, as Python's json.dumps(ensure_ascii=False). */
int fb_dataset_print_row(struct fb_str *out, const struct fb_dataset *dataset, int64_t row,
                         struct fb_err *err) FB_MUST_CHECK;

#endif
