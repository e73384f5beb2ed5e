/* Any bytes as an Arrow file or stream: an error or a dataset whose every row can be printed. */
#include "data/arrow.h"
#include "rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_err err = {0};
    struct fb_dataset d;

    if (fb_arrow_read(&d, data, size, 1000, &err)) return 0;
    print_rows(&d, FB_EFORMAT);
    return 0;
}
