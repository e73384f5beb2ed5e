/* tokenizer_json.c - the model and the words of a tokenizer.json (Hugging Face `tokenizers`).
 *
 * Read: model of type BPE with a byte-level alphabet; pre-tokenizers ByteLevel, and Split (a
 * pattern, isolated) in a Sequence before it; the ByteLevel decoder. Truncation and padding
 * are the caller's business. Everything else that would change the ids is refused by name. */
#include "text/tokenizer_parts.h"

#include "base/alloc.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static const char *type_of(const json_t *object) {
    const char *type = json_string_value(json_object_get(object, "type"));

    return type ? type : "";
}

static int refuse(struct fb_err *err, const char *what, const char *type) {
    return fb_fail(err, FB_EUNSUPPORTED, "%s '%.64s' is not available in this build", what, type);
}

/* ---- the model ---- */

static int read_merge(struct fb_tokenizer *t, const json_t *item, int32_t rank,
                      struct fb_err *err) {
    const char *left = json_string_value(item), *right, *space;
    size_t left_size;

    if (json_is_array(item) && json_array_size(item) == 2) {
        left = json_string_value(json_array_get(item, 0));
        right = json_string_value(json_array_get(item, 1));
        if (left && right)
            return fb_vocab_merge(&t->vocab, &t->bpe, left, strlen(left), right, strlen(right),
                                  rank, err);
    }
    if (!json_is_string(item) || !(space = strchr(left, ' ')) || strchr(space + 1, ' '))
        return fb_fail(err, FB_EFORMAT, "merge %jd is not a pair of strings", (intmax_t)rank);
    left_size = (size_t)(space - left);
    return fb_vocab_merge(&t->vocab, &t->bpe, left, left_size, space + 1, strlen(space + 1), rank,
                          err);
}

static int read_merges(struct fb_tokenizer *t, const json_t *merges, struct fb_err *err) {
    if (!json_is_array(merges)) return fb_fail(err, FB_EFORMAT, "'merges' is not a list");
    for (size_t i = 0; i < json_array_size(merges); i++) {
        if (i >= FB_VOCAB_IDS_MAX)
            return fb_fail(err, FB_EFORMAT, "more than %d merges", FB_VOCAB_IDS_MAX);
        if (read_merge(t, json_array_get(merges, i), (int32_t)i, err)) return err->code;
    }
    return FB_OK;
}

static int check_model(const json_t *model, struct fb_err *err) {
    static const char *const texts[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const json_t *dropout = json_object_get(model, "dropout");

    if (!json_is_object(model)) return fb_fail(err, FB_EFORMAT, "has no object 'model'");
    /* Old files name no type; only BPE has merges. */
    if (strcmp(type_of(model), "BPE") != 0 &&
        (*type_of(model) || !json_object_get(model, "merges")))
        return refuse(err, "model type", type_of(model));
    for (size_t i = 0; i < 2; i++) {
        const char *text = json_string_value(json_object_get(model, texts[i]));
        if (text && *text) return refuse(err, texts[i], text);
    }
    if (json_is_number(dropout) && json_number_value(dropout) > 0)
        return fb_fail(err, FB_EUNSUPPORTED, "model with dropout is not available in this build");
    if (json_is_true(json_object_get(model, "byte_fallback")))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "model with byte_fallback is not available in this build");
    return FB_OK;
}

static int read_model(struct fb_tokenizer *t, const json_t *model, struct fb_err *err) {
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    int64_t piece;

    if (check_model(model, err)) return err->code;
    if (fb_vocab_read(&t->vocab, json_object_get(model, "vocab"), err)) return err->code;
    if (fb_vocab_bytes(&t->vocab, &t->bpe, err)) return err->code;
    if (read_merges(t, json_object_get(model, "merges"), err)) return err->code;
    t->whole_words = json_is_true(json_object_get(model, "ignore_merges"));
    piece = unknown ? fb_names_find(&t->vocab.pieces, unknown) : -1;
    if (piece >= 0) t->unknown = t->vocab.id_of[piece];
    return FB_OK;
}

/* ---- the words ---- */

/* A literal string as a pattern that matches it. */
static int quote(struct fb_str *out, const char *text, struct fb_err *err) {
    for (; *text; text++) {
        if (strchr("\\^$.|?*+()[]{}#- \t\n", *text) && fb_str_putc(out, '\\', err))
            return err->code;
        if (fb_str_putc(out, *text, err)) return err->code;
    }
    return FB_OK;
}

static int read_split(struct fb_tokenizer *t, const json_t *split, struct fb_err *err) {
    const json_t *pattern = json_object_get(split, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *literal = json_string_value(json_object_get(pattern, "String"));
    const char *behavior = json_string_value(json_object_get(split, "behavior"));
    struct fb_str quoted = {0};
    int rc = FB_OK;

    if (!regex && !literal) return fb_fail(err, FB_EFORMAT, "Split has no pattern");
    if (!behavior || strcmp(behavior, "Isolated") != 0)
        return refuse(err, "Split with behavior", behavior ? behavior : "");
    if (json_is_true(json_object_get(split, "invert"))) return refuse(err, "Split with", "invert");
    if (regex && !strcmp(regex, FB_GPT2_PATTERN) && !t->gpt2_words) {
        t->gpt2_words = true;
        return FB_OK;
    }
    if (t->gpt2_words) return refuse(err, "Split after", "the GPT-2 pattern");
    if (t->patterns == FB_PATTERNS_MAX)
        return fb_fail(err, FB_EUNSUPPORTED, "more than %d Split steps", FB_PATTERNS_MAX);
    if (!regex) rc = quote(&quoted, literal, err);
    if (!rc)
        rc = fb_pattern_open(&t->pattern[t->patterns], regex ? regex : fb_str_text(&quoted), true,
                             err);
    if (!rc) t->patterns++;
    fb_str_free(&quoted);
    return rc;
}

static int read_byte_level(struct fb_tokenizer *t, const json_t *step, struct fb_err *err) {
    const json_t *regex = json_object_get(step, "use_regex");
    bool prefix = json_is_true(json_object_get(step, "add_prefix_space"));

    if (prefix && (t->patterns || t->gpt2_words))
        return refuse(err, "ByteLevel after Split with", "add_prefix_space");
    if (prefix) t->prefix = FB_PREFIX_SEGMENT;
    if (!json_is_false(regex)) t->gpt2_words = true;
    return FB_OK;
}

/* One step; `*bytes` becomes true once the text has been written in the byte alphabet. */
static int read_step(struct fb_tokenizer *t, const json_t *step, bool *bytes, struct fb_err *err) {
    const char *type = type_of(step);

    if (*bytes) return refuse(err, "a pre-tokenizer after ByteLevel,", type);
    if (!strcmp(type, "Split")) return read_split(t, step, err);
    if (strcmp(type, "ByteLevel") != 0) return refuse(err, "pre-tokenizer", type);
    *bytes = true;
    return read_byte_level(t, step, err);
}

static int read_words(struct fb_tokenizer *t, const json_t *pre, struct fb_err *err) {
    const json_t *steps = json_object_get(pre, "pretokenizers");
    bool bytes = false;

    if (strcmp(type_of(pre), "Sequence") != 0) {
        if (read_step(t, pre, &bytes, err)) return err->code;
    } else {
        for (size_t i = 0; i < json_array_size(steps); i++)
            if (read_step(t, json_array_get(steps, i), &bytes, err)) return err->code;
    }
    if (!bytes)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "pre-tokenizer without ByteLevel is not available in this build");
    return FB_OK;
}

static bool is_absent(const json_t *value) {
    return !value || json_is_null(value);
}

int fb_tokenizer_read_json(struct fb_tokenizer *t, const json_t *root, struct fb_err *err) {
    const json_t *normalizer = json_object_get(root, "normalizer");
    const json_t *decoder = json_object_get(root, "decoder");
    const json_t *post = json_object_get(root, "post_processor");

    if (!json_is_object(root)) return fb_fail(err, FB_EFORMAT, "is not an object");
    if (read_model(t, json_object_get(root, "model"), err)) return err->code;
    if (!is_absent(normalizer)) return refuse(err, "normalizer", type_of(normalizer));
    if (read_words(t, json_object_get(root, "pre_tokenizer"), err)) return err->code;
    if (!is_absent(decoder) && strcmp(type_of(decoder), "ByteLevel") != 0)
        return refuse(err, "decoder", type_of(decoder));
    if (!is_absent(post) && strcmp(type_of(post), "ByteLevel") != 0)
        return refuse(err, "post-processor", type_of(post));
    return FB_OK;
}
