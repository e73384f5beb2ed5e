/* Any bytes as tab- and as comma-separated text: an error or rows that can be printed. */
#include "data/tsv.h"
#include "rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(const struct fb_tsv_form *form, const uint8_t *data, size_t size) {
    struct fb_err err = {0};
    struct fb_dataset d;

    if (fb_tsv_read(&d, (const char *)data, size, form, -1, &err)) return;
    print_rows(&d, FB_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct fb_tsv_form tsv = {.separator = '\t'}, csv = {.separator = ',', .quotes = true};

    read_as(&tsv, data, size);
    read_as(&csv, data, size);
    return 0;
}
