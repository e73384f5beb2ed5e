/* cascade.h - sums over the models in the order in which torch.sum(dim=0) takes them.
 *
 * Columns are handled in groups of 32: the running sum of a column is carried into a second one
 * after 16 rows, that one into a third after 256 rows, and so on; the sums are added at the end.
 * The columns that are left over (fewer than 32, at the end of the whole vector) are summed in four
 * interleaved parts instead, which is another order from 5 rows on. */
#ifndef FB_METHOD_CASCADE_H
#define FB_METHOD_CASCADE_H

#include <stdint.h>

enum { FB_CASCADE_WIDTH = 256, FB_CASCADE_GROUP = 32, FB_CASCADE_LEVELS = 4, FB_CASCADE_PARTS = 4 };

struct fb_cascade {
    float level[FB_CASCADE_LEVELS][FB_CASCADE_WIDTH];
    int rows;
};

/* Begins sums of `columns` <= FB_CASCADE_WIDTH columns over `rows` rows. */
void fb_cascade_begin(struct fb_cascade *c, int64_t columns, int rows);
void fb_cascade_add(struct fb_cascade *c, const float *row, int64_t columns);
/* The sums, in the struct; the next call must be fb_cascade_begin. */
float *fb_cascade_end(struct fb_cascade *c, int64_t columns);

/* The value in row `row` of a column. */
typedef float fb_column_fn(const void *column, int row);
/* The sum of one left-over column. */
float fb_column_sum(fb_column_fn *value, const void *column, int rows);

#endif
