/* Any bytes as an Arrow file or stream: an error or a dataset whose every row can be printed. */
#include "data/arrow.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_err err = {0};
    struct fb_str text = {0};
    struct fb_dataset d;

    if (fb_arrow_read(&d, data, size, 1000, &err)) return 0;
    for (int64_t row = 0; row < d.rows && !err.code; row++) {
        text.size = 0;
        if (fb_dataset_print_row(&text, &d, row, &err) && err.code != FB_EFORMAT) abort();
    }
    fb_str_free(&text);
    fb_dataset_free(&d);
    return 0;
}
