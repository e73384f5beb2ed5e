/* Any bytes are either refused or give entries that can be read to the last byte. */
#include "ckpt/safetensors.h"

#include <stdint.h>
#include <stdlib.h>

static volatile unsigned char sink; /* keeps the reads */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_err err = {0};
    struct fb_safetensors st;

    if (fb_safetensors_parse(&st, data, size, &err)) {
        if (!err.code || !err.msg[0]) abort();
        return 0;
    }
    for (int64_t i = 0; i < st.count; i++) {
        const unsigned char *bytes = st.entry[i].data;
        for (size_t b = 0; b < st.entry[i].size; b++)
            sink = bytes[b];
    }
    fb_safetensors_close(&st);
    return 0;
}
