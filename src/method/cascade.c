#include "method/cascade.h"

#include "base/clones.h"

#include <string.h>

enum { CARRY = 16 }; /* rows, and sums of a level, that make one of the next level */

void fb_cascade_begin(struct fb_cascade *c, int64_t columns, int rows) {
    c->rows = 0;
    for (int j = 0; j < (rows < CARRY ? 1 : FB_CASCADE_LEVELS); j++)
        memset(c->level[j], 0, (size_t)columns * sizeof(float));
}

FB_CLONES void fb_cascade_add(struct fb_cascade *c, const float *row, int64_t columns) {
    for (int64_t i = 0; i < columns; i++)
        c->level[0][i] += row[i];
    c->rows++;
    for (int j = 1, span = CARRY; j < FB_CASCADE_LEVELS && c->rows % span == 0; j++) {
        for (int64_t i = 0; i < columns; i++)
            c->level[j][i] += c->level[j - 1][i];
        memset(c->level[j - 1], 0, (size_t)columns * sizeof(float));
        span *= CARRY;
    }
}

float *fb_cascade_end(struct fb_cascade *c, int64_t columns) {
    for (int j = 1; j < FB_CASCADE_LEVELS && c->rows >= CARRY; j++)
        for (int64_t i = 0; i < columns; i++)
            c->level[0][i] += c->level[j][i];
    return c->level[0];
}

/* Rows first, first + 4, ... of a column, `rows` of them, with the same carries. */
static float part_sum(fb_column_fn *value, const void *column, int first, int rows) {
    float level[FB_CASCADE_LEVELS] = {0};

    for (int i = 0; i < rows; i++) {
        level[0] += value(column, first + i * FB_CASCADE_PARTS);
        for (int j = 1, span = CARRY; j < FB_CASCADE_LEVELS && (i + 1) % span == 0; j++) {
            level[j] += level[j - 1];
            level[j - 1] = 0;
            span *= CARRY;
        }
    }
    for (int j = 1; j < FB_CASCADE_LEVELS; j++)
        level[0] += level[j];
    return level[0];
}

float fb_column_sum(fb_column_fn *value, const void *column, int rows) {
    int each = rows / FB_CASCADE_PARTS;
    float sum = part_sum(value, column, 0, each);

    for (int i = each * FB_CASCADE_PARTS; i < rows; i++)
        sum += value(column, i);
    for (int k = 1; k < FB_CASCADE_PARTS; k++)
        sum += part_sum(value, column, k, each);
    return sum;
}
