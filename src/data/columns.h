/* columns.h - building a dataset row by row from text formats.
 *
 * The kind of a column is the narrowest that holds all of its values: booleans, integers, reals
 * (integers among them are widened), or text. A column without any value becomes text. */
#ifndef FB_DATA_COLUMNS_H
#define FB_DATA_COLUMNS_H

#include "base/names.h"
#include "data/dataset.h"

struct fb_columns {
    struct fb_names names;
    struct fb_growing *column; /* [names.count] */
    int64_t capacity;          /* columns */
    int64_t rows;              /* rows that are complete */
};

enum { FB_COLUMNS_MAX = 1000 };

void fb_columns_free(struct fb_columns *c);
/* Position of a column, new or old (its earlier rows are null); a negative fb_code on failure. */
int64_t fb_columns_find(struct fb_columns *c, const char *name, struct fb_err *err) FB_MUST_CHECK;
/* Value of the row that is being built. FB_EFORMAT when the column has values of another kind. */
int fb_columns_text(struct fb_columns *c, int64_t column, const char *text, size_t size,
                    struct fb_err *err) FB_MUST_CHECK;
int fb_columns_int(struct fb_columns *c, int64_t column, int64_t value,
                   struct fb_err *err) FB_MUST_CHECK;
int fb_columns_real(struct fb_columns *c, int64_t column, double value,
                    struct fb_err *err) FB_MUST_CHECK;
int fb_columns_bool(struct fb_columns *c, int64_t column, bool value,
                    struct fb_err *err) FB_MUST_CHECK;
/* Ends the row: columns without a value get a null. */
int fb_columns_end_row(struct fb_columns *c, struct fb_err *err) FB_MUST_CHECK;
/* Moves everything into a dataset; `c` is empty afterwards. */
int fb_columns_finish(struct fb_columns *c, struct fb_dataset *out,
                      struct fb_err *err) FB_MUST_CHECK;

#endif
