/* A tokenizer.json; what opens must encode and decode a few texts. */
#include "text/specials.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct fb_tokenizer *t) {
    static const char text[] = "it's <x> the\xff 12  ab<x><y> \xe6\x97\xa5 ababab";
    struct fb_err err = {0};
    struct fb_ids ids = {0};
    struct fb_str out = {0};

    if (!fb_tokenizer_encode(t, &ids, text, sizeof text - 1, true, &err))
        if (fb_tokenizer_decode(t, &out, ids.id, ids.count, true, &err)) abort();
    fb_ids_free(&ids);
    fb_str_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_err err = {0};
    struct fb_tokenizer *t = calloc(1, sizeof *t);
    json_t *root = json_loadb((const char *)data, size, 0, NULL);
    struct fb_special_files files = {.config = root, .tokenizer_json = root, .only_json = size % 2};

    if (!t) return 0;
    t->unknown = t->bos = t->eos = -1;
    if (root && fb_tokenizer_json_is_unigram(root)) {
        if (!fb_tokenizer_read_unigram(t, root, &err) &&
            !fb_tokenizer_add_json_tokens(t, json_object_get(root, "added_tokens"), &err) &&
            !fb_t5_add_tokens(t, root, NULL, &err))
            use(t);
    } else if (root && !fb_tokenizer_read_json(t, root, &err) &&
               !fb_specials_read(t, &files, &err)) {
        use(t);
    }
    fb_tokenizer_close(t);
    json_decref(root);
    return 0;
}
