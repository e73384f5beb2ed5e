/* t5_files.c - spiece.model as T5TokenizerFast of transformers 4.46 converts it, and the tokens
 * that the files beside it add.
 *
 * The conversion strips white space at the end of a text, counts several spaces as one, puts a
 * space in front of every text, and adds the sentinels <extra_id_N> behind the pieces, the highest
 * first. (A tokenizer.json that was made by an older version keeps a space at the end.) */
#include "text/tokenizer_parts.h"

#include "base/alloc.h"
#include "base/map.h"
#include "text/spiece.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENTINELS = 100, SENTINELS_MAX = 1 << 16 };

static int read_pieces(struct fb_tokenizer *t, const struct fb_spiece *model, int64_t sentinels,
                       struct fb_err *err) {
    char name[32];

    t->unigram->unknown = (int32_t)model->unk_id;
    for (size_t i = 0; i < model->count; i++) {
        const struct fb_piece *p = &model->piece[i];
        if (fb_tokenizer_add_piece(t, p->text, p->size, (double)p->score, (int64_t)i, err))
            return err->code;
    }
    for (int64_t i = 0; i < sentinels; i++) {
        int n = snprintf(name, sizeof name, "<extra_id_%jd>", (intmax_t)(sentinels - 1 - i));
        if (fb_tokenizer_add_piece(t, name, (size_t)n, 0.0, (int64_t)model->count + i, err) ||
            fb_tokenizer_add_special(t, name, (size_t)n, (int64_t)model->count + i, true, err))
            return err->code;
    }
    for (size_t i = 0; i < model->count; i++) {
        const struct fb_piece *p = &model->piece[i];
        if ((p->type == FB_PIECE_CONTROL || p->type == FB_PIECE_USER_DEFINED) &&
            fb_tokenizer_add_special(t, p->text, p->size, (int64_t)i, p->type == FB_PIECE_CONTROL,
                                     err))
            return err->code;
    }
    return FB_OK;
}

/* A token is its text, or an object with it. */
static const char *content_of(const json_t *value) {
    if (json_is_object(value)) value = json_object_get(value, "content");
    return json_string_value(value);
}

/* A token by its text: the id it has, or the next free one. */
static int add_by_name(struct fb_tokenizer *t, const char *text, bool special, int32_t *id,
                       struct fb_err *err) {
    int32_t there = fb_tokenizer_id(t, text);

    *id = there >= 0 ? there : (int32_t)t->vocab.ids;
    return fb_tokenizer_add_special(t, text, strlen(text), *id, special, err);
}

static int add_attribute(struct fb_tokenizer *t, const json_t *config, const char *key,
                         const char *fallback, int32_t *id, struct fb_err *err) {
    const char *text = content_of(json_object_get(config, key));

    return add_by_name(t, text ? text : fallback, true, id, err);
}

/* {"32000": {"content": "<extra_id_99>", "special": true}, ...} */
static int add_decoder(struct fb_tokenizer *t, const json_t *decoder, struct fb_err *err) {
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)decoder, key, value) {
        const char *text = content_of(value);
        char *end;
        long long id = strtoll(key, &end, 10);
        if (*end || id < 0 || id >= FB_VOCAB_IDS_MAX || !text)
            return fb_fail(err, FB_EFORMAT, "added_tokens_decoder: '%.64s' is no token", key);
        if (fb_tokenizer_add_special(t, text, strlen(text), id,
                                     json_is_true(json_object_get(value, "special")), err))
            return err->code;
    }
    return FB_OK;
}

static int add_list(struct fb_tokenizer *t, const json_t *list, struct fb_err *err) {
    int32_t id;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = content_of(json_array_get(list, i));
        if (!text)
            return fb_fail(err, FB_EFORMAT, "additional_special_tokens: entry %zu is no token", i);
        if (add_by_name(t, text, true, &id, err)) return err->code;
    }
    return FB_OK;
}

int fb_t5_add_tokens(struct fb_tokenizer *t, const json_t *config, const json_t *added,
                     struct fb_err *err) {
    int32_t id;
    const char *key;
    json_t *value;

    if (add_decoder(t, json_object_get(config, "added_tokens_decoder"), err)) return err->code;
    json_object_foreach((json_t *)(uintptr_t)added, key, value) {
        json_int_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < 0 || number >= FB_VOCAB_IDS_MAX)
            return fb_fail(err, FB_EFORMAT, "added_tokens.json: '%.64s' has no id", key);
        if (fb_tokenizer_add_special(t, key, strlen(key), number, false, err)) return err->code;
    }
    if (add_attribute(t, config, "unk_token", "<unk>", &id, err) ||
        add_attribute(t, config, "pad_token", "<pad>", &id, err) ||
        add_attribute(t, config, "eos_token", "</s>", &id, err))
        return err->code;
    return add_list(t, json_object_get(config, "additional_special_tokens"), err);
}

int fb_t5_read_spiece(struct fb_tokenizer *t, const char *path, const json_t *config,
                      struct fb_err *err) {
    const json_t *extra = json_object_get(config, "extra_ids");
    double sentinels = json_is_number(extra) ? json_number_value(extra) : SENTINELS;
    struct fb_spiece model = {0};
    struct fb_map map;
    int rc;

    if (!(sentinels >= 0 && sentinels <= SENTINELS_MAX))
        return fb_fail(err, FB_EFORMAT, "extra_ids is %g, limit 0 to %d", sentinels, SENTINELS_MAX);
    if (fb_tokenizer_begin_unigram(t, err) || fb_map_open(&map, path, err)) return err->code;
    rc = fb_spiece_read(&model, map.data, map.size, err);
    if (!rc) rc = fb_charsmap_read(&t->unigram->map, model.charsmap, model.charsmap_size, err);
    if (!rc) rc = read_pieces(t, &model, (int64_t)sentinels, err);
    fb_spiece_free(&model);
    fb_map_close(&map);
    if (rc) return rc;
    t->unigram->strip_right = t->unigram->join_spaces = true;
    t->unigram->prefix =
        json_is_false(json_object_get(config, "legacy")) ? FB_UNIGRAM_FIRST : FB_UNIGRAM_ALWAYS;
    t->eos = fb_tokenizer_id(t, "</s>");
    if (t->eos < 0) return fb_fail(err, FB_EFORMAT, "has no piece '</s>'");
    return fb_unigram_finish(t->unigram, err);
}
