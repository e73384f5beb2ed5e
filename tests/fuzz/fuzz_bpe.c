/* Three parts with zero bytes between: a merges.txt, an added token, and a text to encode. Every id
 * must be of the vocabulary, and the ids of a text of valid UTF-8 must decode to it. */
#include "text/specials.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The end of the part that begins at `at`. */
static size_t part_end(const uint8_t *data, size_t size, size_t at) {
    const uint8_t *zero = at < size ? memchr(data + at, 0, size - at) : NULL;

    return zero ? (size_t)(zero - data) : size;
}

static int build(struct fb_tokenizer *t, const char *merges, size_t merges_size, const char *token,
                 size_t token_size, struct fb_err *err) {
    struct fb_added_token added = {.cuts = true,
                                   .lstrip = token_size & 1,
                                   .rstrip = token_size & 2,
                                   .single_word = token_size & 4};

    t->unknown = t->bos = t->eos = -1;
    t->gpt2_words = true;
    if (fb_vocab_bytes(&t->vocab, &t->bpe, err)) return err->code;
    if (fb_vocab_merges(&t->vocab, &t->bpe, merges, merges_size, err)) return err->code;
    for (int32_t piece = 0; piece < t->vocab.pieces.count; piece++)
        if (fb_vocab_set(&t->vocab, piece, piece, err)) return err->code;
    if (!(t->kind = calloc((size_t)t->vocab.ids, 1))) return FB_ENOMEM;
    if (!fb_utf8_valid(token, token_size)) return FB_OK;
    return fb_added_add(&t->added, token, token_size, added, err);
}

static void use(const struct fb_tokenizer *t, const char *text, size_t size) {
    struct fb_err err = {0};
    struct fb_ids ids = {0};
    struct fb_str out = {0};

    if (fb_tokenizer_encode(t, &ids, text, size, true, &err)) abort();
    ids.count = 0;
    if (fb_tokenizer_encode(t, &ids, text, size, false, &err)) abort();
    if (fb_tokenizer_decode(t, &out, ids.id, ids.count, false, &err)) abort();
    if (fb_utf8_valid(text, size) && (out.size != size || (size && memcmp(out.data, text, size))))
        abort();
    fb_ids_free(&ids);
    fb_str_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_err err = {0};
    struct fb_tokenizer *t = calloc(1, sizeof *t);
    size_t merges = part_end(data, size, 0), token = merges < size ? merges + 1 : size;
    size_t token_end = part_end(data, size, token), text = token_end < size ? token_end + 1 : size;
    const char *p = (const char *)data;

    if (!t) return 0;
    if (!build(t, p, merges, p + token, token_end - token, &err)) use(t, p + text, size - text);
    fb_tokenizer_close(t);
    return 0;
}
