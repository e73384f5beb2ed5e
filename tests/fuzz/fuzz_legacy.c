/* Any bytes as a torch file, from the older format on: refused, or tensors that can be read to the
 * last byte. (fuzz_torchzip does the same, but there a checksum guards the pickle.) */
#include "ckpt/torchfile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned char sink; /* keeps the reads */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_err err = {0};
    struct fb_torchfile file;

    if (fb_torchfile_parse(&file, data, size, &err)) {
        if (!err.code || !err.msg[0]) abort();
        return 0;
    }
    for (int64_t i = 0; i < file.count; i++) {
        const struct fb_entry *entry = &file.entry[i];
        const unsigned char *bytes = entry->data;
        if (entry->size != (size_t)entry->numel * fb_dtype_size(entry->dtype)) abort();
        if (i && strcmp(entry[-1].name, entry->name) >= 0) abort();
        for (size_t b = 0; b < entry->size && b < 1 << 16; b++)
            sink = bytes[b];
        if (entry->size) sink = bytes[entry->size - 1];
    }
    fb_torchfile_close(&file);
    return 0;
}
