/* rows.h - what every target does with a dataset that was read. */
#ifndef FB_FUZZ_ROWS_H
#define FB_FUZZ_ROWS_H

#include "data/dataset.h"

#include <stdlib.h>

/* Prints every row, up to one that `allowed` (an fb_code; FB_OK: none) may refuse, and frees the
 * dataset. */
static inline void print_rows(struct fb_dataset *d, int allowed) {
    struct fb_err err = {0};
    struct fb_str text = {0};

    for (int64_t row = 0; row < d->rows && !err.code; row++) {
        text.size = 0;
        if (fb_dataset_print_row(&text, d, row, &err) && err.code != allowed) abort();
    }
    fb_str_free(&text);
    fb_dataset_free(d);
}

#endif
