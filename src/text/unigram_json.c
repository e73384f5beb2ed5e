/* unigram_json.c - a tokenizer.json whose model is of type Unigram (T5).
 *
 * Read: normalizers Precompiled, Replace of several spaces by one, Strip, and Sequences of them;
 * pre-tokenizers Metaspace and WhitespaceSplit before it; a TemplateProcessing that puts one token
 * behind each text; the Metaspace decoder. Everything else that would change the ids is refused by
 * name. */
#include "text/tokenizer_parts.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static const char *type_of(const json_t *object) {
    const char *type = json_string_value(json_object_get(object, "type"));

    return type ? type : "";
}

static int refuse(struct fb_err *err, const char *what, const json_t *object) {
    return fb_fail(err, FB_EUNSUPPORTED, "%s '%.64s' is not available in this build", what,
                   type_of(object));
}

static bool is_absent(const json_t *value) {
    return !value || json_is_null(value);
}

/* ---- the model ---- */

static int read_piece(struct fb_tokenizer *t, const json_t *item, size_t id, struct fb_err *err) {
    const json_t *text = json_array_get(item, 0), *score = json_array_get(item, 1);

    if (!json_is_string(text) || !json_is_number(score) || json_array_size(item) != 2)
        return fb_fail(err, FB_EFORMAT, "vocab entry %zu is not a string and a score", id);
    return fb_tokenizer_add_piece(t, json_string_value(text), json_string_length(text),
                                  json_number_value(score), (int64_t)id, err);
}

static int read_model(struct fb_tokenizer *t, const json_t *model, struct fb_err *err) {
    const json_t *vocab = json_object_get(model, "vocab"), *unk = json_object_get(model, "unk_id");

    if (json_is_true(json_object_get(model, "byte_fallback")))
        return fb_fail(err, FB_EUNSUPPORTED, "byte_fallback is not available in this build");
    if (!json_is_array(vocab)) return fb_fail(err, FB_EFORMAT, "'vocab' is not a list");
    if (json_array_size(vocab) >= FB_VOCAB_IDS_MAX)
        return fb_fail(err, FB_EFORMAT, "more than %d pieces", FB_VOCAB_IDS_MAX);
    if (!json_is_integer(unk) || json_integer_value(unk) < 0 ||
        (size_t)json_integer_value(unk) >= json_array_size(vocab))
        return fb_fail(err, FB_EFORMAT, "'unk_id' is not the number of a piece");
    t->unigram->unknown = (int32_t)json_integer_value(unk);
    for (size_t i = 0; i < json_array_size(vocab); i++)
        if (read_piece(t, json_array_get(vocab, i), i, err)) return err->code;
    return FB_OK;
}

/* ---- normalizers ---- */

static int base64_digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Decodes into `out`, which has room for 3/4 of the text; returns the bytes, or -1. */
static int64_t read_base64(unsigned char *out, const char *text, size_t size) {
    uint32_t bits = 0;
    int64_t n = 0;
    int have = 0;

    while (size && text[size - 1] == '=')
        size--;
    for (size_t i = 0; i < size; i++) {
        int digit = base64_digit(text[i]);
        if (digit < 0) return -1;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[n++] = (unsigned char)(bits >> have);
    }
    return n;
}

static int read_precompiled(struct fb_tokenizer *t, const json_t *step, struct fb_err *err) {
    const json_t *map = json_object_get(step, "precompiled_charsmap");
    unsigned char *blob;
    int64_t size;
    int rc;

    if (t->unigram->map.units) return fb_fail(err, FB_EUNSUPPORTED, "two Precompiled normalizers");
    if (!json_is_string(map))
        return fb_fail(err, FB_EFORMAT, "'precompiled_charsmap' is not a string");
    if (!(blob = fb_malloc(json_string_length(map) + 1, err))) return err->code;
    size = read_base64(blob, json_string_value(map), json_string_length(map));
    rc = size < 0 ? fb_fail(err, FB_EFORMAT, "'precompiled_charsmap' is not base64")
                  : fb_charsmap_read(&t->unigram->map, blob, (size_t)size, err);
    free(blob);
    return rc;
}

/* Several spaces become one: a space or the mark that stands for it. */
static int read_replace(struct fb_tokenizer *t, const json_t *step, struct fb_err *err) {
    const json_t *pattern = json_object_get(step, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *content = json_string_value(json_object_get(step, "content"));

    if (!regex || strcmp(regex, " {2,}") != 0 || !content ||
        (strcmp(content, " ") != 0 && strcmp(content, FB_UNIGRAM_SPACE) != 0))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "normalizer 'Replace' other than of ' {2,}' by a space is not available in "
                       "this build");
    t->unigram->join_spaces = true;
    return FB_OK;
}

static int read_normalizer(struct fb_tokenizer *t, const json_t *step, struct fb_err *err) {
    if (!strcmp(type_of(step), "Precompiled")) return read_precompiled(t, step, err);
    if (!strcmp(type_of(step), "Replace")) return read_replace(t, step, err);
    if (strcmp(type_of(step), "Strip") != 0) return refuse(err, "normalizer", step);
    t->unigram->strip_left = json_is_true(json_object_get(step, "strip_left"));
    t->unigram->strip_right = json_is_true(json_object_get(step, "strip_right"));
    return FB_OK;
}

static int read_normalizers(struct fb_tokenizer *t, const json_t *normalizer, struct fb_err *err) {
    const json_t *list = json_object_get(normalizer, "normalizers");

    if (is_absent(normalizer)) return fb_charsmap_read(&t->unigram->map, NULL, 0, err);
    if (strcmp(type_of(normalizer), "Sequence") != 0) return read_normalizer(t, normalizer, err);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (read_normalizer(t, json_array_get(list, i), err)) return err->code;
    return FB_OK;
}

/* ---- pre-tokenizers ---- */

static int read_metaspace(struct fb_tokenizer *t, const json_t *step, struct fb_err *err) {
    const char *mark = json_string_value(json_object_get(step, "replacement"));
    const char *scheme = json_string_value(json_object_get(step, "prepend_scheme"));

    if (mark && strcmp(mark, FB_UNIGRAM_SPACE) != 0)
        return fb_fail(err, FB_EUNSUPPORTED, "Metaspace with another mark than U+2581");
    if (json_is_false(json_object_get(step, "split")))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "Metaspace with split false is not available in this "
                       "build");
    t->unigram->prefix = FB_UNIGRAM_ALWAYS;
    if (json_is_false(json_object_get(step, "add_prefix_space")))
        t->unigram->prefix = FB_UNIGRAM_NEVER;
    if (!scheme) return FB_OK;
    if (!strcmp(scheme, "always")) t->unigram->prefix = FB_UNIGRAM_ALWAYS;
    else if (!strcmp(scheme, "first")) t->unigram->prefix = FB_UNIGRAM_FIRST;
    else if (!strcmp(scheme, "never")) t->unigram->prefix = FB_UNIGRAM_NEVER;
    else return fb_fail(err, FB_EUNSUPPORTED, "prepend_scheme '%.64s'", scheme);
    return FB_OK;
}

static int read_words(struct fb_tokenizer *t, const json_t *pre, struct fb_err *err) {
    const json_t *list = json_object_get(pre, "pretokenizers");
    size_t n = json_array_size(list);

    if (!strcmp(type_of(pre), "Metaspace")) return read_metaspace(t, pre, err);
    if (strcmp(type_of(pre), "Sequence") != 0) return refuse(err, "pre-tokenizer", pre);
    for (size_t i = 0; i + 1 < n; i++) {
        if (strcmp(type_of(json_array_get(list, i)), "WhitespaceSplit") != 0)
            return refuse(err, "pre-tokenizer", json_array_get(list, i));
        t->unigram->split_spaces = true;
    }
    if (!n || strcmp(type_of(json_array_get(list, n - 1)), "Metaspace") != 0)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "pre-tokenizer without Metaspace is not available in this build");
    return read_metaspace(t, json_array_get(list, n - 1), err);
}

/* ---- what is put behind a text ---- */

/* [{"Sequence": ...}, {"SpecialToken": {"id": "</s>"}}] */
static int read_template(struct fb_tokenizer *t, const json_t *post, struct fb_err *err) {
    const json_t *single = json_object_get(post, "single");
    const json_t *token = json_object_get(json_array_get(single, 1), "SpecialToken");
    const char *name = json_string_value(json_object_get(token, "id"));
    const json_t *ids = json_object_get(
        json_object_get(json_object_get(post, "special_tokens"), name ? name : ""), "ids");

    if (json_array_size(single) == 1 && json_object_get(json_array_get(single, 0), "Sequence"))
        return FB_OK;
    if (json_array_size(single) != 2 || !json_object_get(json_array_get(single, 0), "Sequence") ||
        json_array_size(ids) != 1 || !json_is_integer(json_array_get(ids, 0)) ||
        json_integer_value(json_array_get(ids, 0)) < 0 ||
        json_integer_value(json_array_get(ids, 0)) >= FB_VOCAB_IDS_MAX)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "a template other than the text and one token is not available in this "
                       "build");
    t->eos = (int32_t)json_integer_value(json_array_get(ids, 0));
    return FB_OK;
}

bool fb_tokenizer_json_is_unigram(const json_t *root) {
    return !strcmp(type_of(json_object_get(root, "model")), "Unigram");
}

int fb_tokenizer_read_unigram(struct fb_tokenizer *t, const json_t *root, struct fb_err *err) {
    const json_t *decoder = json_object_get(root, "decoder");
    const json_t *post = json_object_get(root, "post_processor");

    if (fb_tokenizer_begin_unigram(t, err)) return err->code;
    if (read_model(t, json_object_get(root, "model"), err) ||
        read_normalizers(t, json_object_get(root, "normalizer"), err) ||
        read_words(t, json_object_get(root, "pre_tokenizer"), err))
        return err->code;
    if (!is_absent(decoder) && strcmp(type_of(decoder), "Metaspace") != 0)
        return refuse(err, "decoder", decoder);
    if (!is_absent(post) && strcmp(type_of(post), "TemplateProcessing") != 0)
        return refuse(err, "post-processor", post);
    if (!is_absent(post) && read_template(t, post, err)) return err->code;
    return fb_unigram_finish(t->unigram, err);
}

int fb_tokenizer_add_json_tokens(struct fb_tokenizer *t, const json_t *list, struct fb_err *err) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *id = json_object_get(item, "id");
        const json_t *text = json_object_get(item, "content");
        json_int_t number = json_integer_value(id);
        bool special = json_is_true(json_object_get(item, "special"));
        if (!json_is_string(text) || !json_is_integer(id) || number < 0 ||
            number >= FB_VOCAB_IDS_MAX)
            return fb_fail(err, FB_EFORMAT, "added token %zu is no text with an id", i);
        if (fb_tokenizer_add_special(t, json_string_value(text), json_string_length(text), number,
                                     special, err))
            return err->code;
        if (json_string_length(text) == 0) continue;
        t->added
            .token[fb_added_find(&t->added, json_string_value(text), json_string_length(text))] =
            (struct fb_added_token){.id = (int32_t)number,
                                    .lstrip = json_is_true(json_object_get(item, "lstrip")),
                                    .rstrip = json_is_true(json_object_get(item, "rstrip")),
                                    .single_word =
                                        json_is_true(json_object_get(item, "single_word")),
                                    .cuts = true};
    }
    return FB_OK;
}
