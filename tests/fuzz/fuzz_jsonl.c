/* Any bytes as JSON lines: an error or a dataset whose every row can be printed. */
#include "data/jsonl.h"
#include "rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_err err = {0};
    struct fb_dataset d;

    if (fb_jsonl_read(&d, (const char *)data, size, -1, &err)) return 0;
    print_rows(&d, FB_OK);
    return 0;
}
