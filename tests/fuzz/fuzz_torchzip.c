/* Any bytes are either refused or give an archive whose entries can be read to the last byte. */
#include "ckpt/torchfile.h"
#include "ckpt/torchzip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned char sink; /* keeps the reads */

static void read_entry(struct fb_torchzip *zip, const char *name) {
    struct fb_err err = {0};
    const unsigned char *bytes;
    size_t size;

    if (fb_torchzip_read(zip, name, false, &bytes, &size, &err)) {
        if (!err.code || !err.msg[0]) abort();
        return;
    }
    for (size_t i = 0; i < size && i < 1 << 16; i++)
        sink = bytes[i];
    if (size) sink = bytes[size - 1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_arena owned = {0};
    struct fb_err err = {0};
    struct fb_torchfile file;
    struct fb_torchzip zip;

    if (!fb_torchzip_open(&zip, data, size, &owned, &err)) {
        for (int64_t i = 0; i < zip.names.count; i++)
            read_entry(&zip, zip.names.name[i]);
        fb_torchzip_close(&zip);
    } else if (!err.code || !err.msg[0]) {
        abort();
    }
    fb_arena_free(&owned);
    if (!fb_torchfile_parse(&file, data, size, &err)) fb_torchfile_close(&file);
    return 0;
}
