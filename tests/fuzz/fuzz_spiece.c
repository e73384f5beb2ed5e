/* A SentencePiece model file; its character map must be safe to apply. */
#include "text/charsmap.h"
#include "text/spiece.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char text[] = "plain e\xcc\x81 \xef\xac\x81 \r\n \xe2\x80\x8b x";
    struct fb_err err = {0};
    struct fb_spiece model;
    struct fb_charsmap map;
    struct fb_str out = {.max = 1 << 20};

    if (fb_spiece_read(&model, data, size, &err)) return 0;
    if (!fb_charsmap_read(&map, model.charsmap, model.charsmap_size, &err)) {
        if (fb_charsmap_apply(&map, &out, text, sizeof text - 1, &err)) out.size = 0;
        fb_charsmap_free(&map);
    }
    fb_str_free(&out);
    fb_spiece_free(&model);
    return 0;
}
