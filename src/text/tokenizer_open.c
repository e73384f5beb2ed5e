/* tokenizer_open.c - which files of a folder make a tokenizer, and its options.
 *
 * vocab.json and merges.txt come first, then tokenizer.json. Where tokenizer_config.json names
 * another class than GPT-2's, whose rules would differ, only a tokenizer.json (which holds its
 * rules itself) is read. */
#include "text/tokenizer_parts.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "text/specials.h"

#include <stdlib.h>
#include <string.h>

static int open_bounded(struct fb_map *map, const char *path, struct fb_err *err) {
    if (fb_map_open(map, path, err)) return err->code;
    if (map->size <= FB_VOCAB_FILE_MAX) return FB_OK;
    fb_fail(err, FB_EFORMAT, "%zu bytes, limit %d", map->size, FB_VOCAB_FILE_MAX);
    fb_map_close(map);
    return err->code;
}

static int parse(json_t **out, const char *path, bool reals, struct fb_err *err) {
    struct fb_map map;
    json_error_t where;

    if (open_bounded(&map, path, err)) return err->code;
    *out =
        json_loadb((const char *)map.data, map.size, reals ? JSON_DECODE_INT_AS_REAL : 0, &where);
    fb_map_close(&map);
    if (*out) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "%d:%d: %s", where.line, where.column, where.text);
}

/* Integers become reals when `reals` is set: model_max_length may be 10^30. */
static int json_file(json_t **out, const char *dir, const char *name, bool reals,
                     struct fb_err *err) {
    char *path = fb_path_join(dir, name, err);

    *out = NULL;
    if (!path) return err->code;
    if (parse(out, path, reals, err)) fb_context(err, "%s", name);
    free(path);
    return *out ? FB_OK : err->code;
}

static int has_file(bool *there, const char *dir, const char *name, struct fb_err *err) {
    char *path = fb_path_join(dir, name, err);

    if (!path) return err->code;
    *there = fb_is_file(path);
    free(path);
    return FB_OK;
}

/* NULL when the file is absent. */
static int optional_json(json_t **out, const char *dir, const char *name, bool reals,
                         struct fb_err *err) {
    bool there = false;

    *out = NULL;
    if (has_file(&there, dir, name, err)) return err->code;
    if (!there) return FB_OK;
    if (json_file(out, dir, name, reals, err)) return err->code;
    if (!json_is_object(*out)) return fb_fail(err, FB_EFORMAT, "%s: is not an object", name);
    return FB_OK;
}

/* ---- options of tokenizer_config.json ---- */

static int read_bool(const json_t *config, const char *key, bool *out, struct fb_err *err) {
    const json_t *value = json_object_get(config, key);

    if (!value || json_is_null(value)) return FB_OK;
    if (!json_is_boolean(value)) return fb_fail(err, FB_EFORMAT, "%s is not true or false", key);
    *out = json_is_true(value);
    return FB_OK;
}

/* One of two words; `*second` says which, and keeps its value when the key is absent. */
static int read_word(const json_t *config, const char *key, const char *first_word,
                     const char *second_word, bool *second, struct fb_err *err) {
    const json_t *value = json_object_get(config, key);
    const char *text = json_string_value(value);

    if (!value) return FB_OK;
    if (!text || (strcmp(text, first_word) != 0 && strcmp(text, second_word) != 0))
        return fb_fail(err, FB_EUNSUPPORTED, "%s is '%.64s', expected '%s' or '%s'", key,
                       text ? text : "", first_word, second_word);
    *second = !strcmp(text, second_word);
    return FB_OK;
}

static int read_options(struct fb_tokenizer *t, const json_t *config, bool only_json,
                        struct fb_err *err) {
    bool prefix = t->prefix != FB_PREFIX_NONE;

    if (read_bool(config, "add_prefix_space", &prefix, err)) return err->code;
    if (read_bool(config, "clean_up_tokenization_spaces", &t->clean_up, err)) return err->code;
    if (read_bool(config, "split_special_tokens", &t->split_specials, err)) return err->code;
    if (read_word(config, "truncation_side", "right", "left", &t->truncate_left, err))
        return err->code;
    if (read_word(config, "errors", "replace", "ignore", &t->ignore_errors, err)) return err->code;
    t->prefix = !prefix ? FB_PREFIX_NONE : only_json ? FB_PREFIX_SEGMENT : FB_PREFIX_TEXT;
    return FB_OK;
}

/* ---- the files ---- */

static bool is_gpt2(const json_t *config) {
    static const char *const names[] = {"GPT2Tokenizer", "GPT2TokenizerFast", "PreTrainedTokenizer",
                                        "PreTrainedTokenizerFast"};
    const char *name = json_string_value(json_object_get(config, "tokenizer_class"));

    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) return true;
    return !name;
}

static int read_vocab(struct fb_tokenizer *t, const char *dir, struct fb_err *err) {
    json_t *vocab;
    int rc;

    if (json_file(&vocab, dir, "vocab.json", false, err)) return err->code;
    rc = fb_vocab_read(&t->vocab, vocab, err);
    json_decref(vocab);
    return rc ? fb_context(err, "vocab.json") : FB_OK;
}

static int read_merges(struct fb_tokenizer *t, const char *dir, struct fb_err *err) {
    char *path = fb_path_join(dir, "merges.txt", err);
    struct fb_map map;
    int rc;

    if (!path) return err->code;
    rc = open_bounded(&map, path, err);
    free(path);
    if (!rc) {
        rc = fb_vocab_merges(&t->vocab, &t->bpe, (const char *)map.data, map.size, err);
        fb_map_close(&map);
    }
    return rc ? fb_context(err, "merges.txt") : FB_OK;
}

static int read_model(struct fb_tokenizer *t, const char *dir, const struct fb_special_files *files,
                      struct fb_err *err) {
    if (files->only_json) {
        if (fb_tokenizer_read_json(t, files->tokenizer_json, err))
            return fb_context(err, "tokenizer.json");
    } else {
        if (read_vocab(t, dir, err)) return err->code;
        if (fb_vocab_bytes(&t->vocab, &t->bpe, err)) return err->code;
        if (read_merges(t, dir, err)) return err->code;
        t->gpt2_words = true;
    }
    if (read_options(t, files->config, files->only_json, err))
        return fb_context(err, "tokenizer_config.json");
    return fb_specials_read(t, files, err);
}

/* Decides between the two forms; FB_ENOTFOUND says what was looked for. */
static int choose(const char *dir, const json_t *config, const json_t *root, bool *only_json,
                  struct fb_err *err) {
    bool vocab = false, merges = false;

    if (has_file(&vocab, dir, "vocab.json", err)) return err->code;
    if (has_file(&merges, dir, "merges.txt", err)) return err->code;
    *only_json = !vocab || !merges || !is_gpt2(config);
    if (!*only_json || root) return FB_OK;
    if (vocab && merges)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "tokenizer_class '%.64s' is not available in this build, and there is no "
                       "tokenizer.json",
                       json_string_value(json_object_get(config, "tokenizer_class")));
    return fb_fail(err, FB_ENOTFOUND,
                   "has neither vocab.json with merges.txt, nor a spiece.model, nor a "
                   "tokenizer.json");
}

/* A folder of T5's: tokenizer.json if there is one, else spiece.model. */
static int open_t5(struct fb_tokenizer *t, const char *dir, const json_t *config,
                   const json_t *added, const json_t *root, struct fb_err *err) {
    char *path;
    int rc;

    if (read_options(t, config, true, err)) return fb_context(err, "tokenizer_config.json");
    t->prefix = FB_PREFIX_NONE;
    if (root) {
        if (fb_tokenizer_read_unigram(t, root, err) ||
            fb_tokenizer_add_json_tokens(t, json_object_get(root, "added_tokens"), err))
            return fb_context(err, "tokenizer.json");
    } else {
        if (!(path = fb_path_join(dir, "spiece.model", err))) return err->code;
        rc = fb_t5_read_spiece(t, path, config, err);
        free(path);
        if (rc) return fb_context(err, "spiece.model");
    }
    return fb_t5_add_tokens(t, config, root ? NULL : added, err);
}

static int is_t5(bool *yes, const char *dir, const json_t *root, struct fb_err *err) {
    *yes = root && fb_tokenizer_json_is_unigram(root);
    return root ? FB_OK : has_file(yes, dir, "spiece.model", err);
}

static int open_folder(struct fb_tokenizer *t, const char *dir, struct fb_err *err) {
    json_t *config, *map = NULL, *added = NULL, *root = NULL;
    struct fb_special_files files;
    bool only_json = false, t5 = false;
    int rc = optional_json(&config, dir, "tokenizer_config.json", true, err);

    if (!rc) rc = optional_json(&map, dir, "special_tokens_map.json", false, err);
    if (!rc) rc = optional_json(&added, dir, "added_tokens.json", false, err);
    if (!rc) rc = optional_json(&root, dir, "tokenizer.json", false, err);
    if (!rc) rc = is_t5(&t5, dir, root, err);
    if (!rc && t5) rc = open_t5(t, dir, config, added, root, err);
    else if (!rc) rc = choose(dir, config, root, &only_json, err);
    if (!rc && !t5) {
        files = (struct fb_special_files){.config = config,
                                          .map = map,
                                          .added = added,
                                          .tokenizer_json = root,
                                          .only_json = only_json};
        rc = read_model(t, dir, &files, err);
    }
    json_decref(config);
    json_decref(map);
    json_decref(added);
    json_decref(root);
    return rc;
}

static int open_file(struct fb_tokenizer *t, const char *path, struct fb_err *err) {
    struct fb_special_files files = {.only_json = true};
    json_t *root = NULL;
    int rc = parse(&root, path, false, err);

    files.tokenizer_json = root;
    if (!rc && fb_tokenizer_json_is_unigram(root)) {
        rc = fb_tokenizer_read_unigram(t, root, err);
        if (!rc) rc = fb_tokenizer_add_json_tokens(t, json_object_get(root, "added_tokens"), err);
    } else if (!rc) {
        rc = fb_tokenizer_read_json(t, root, err);
        if (!rc) rc = fb_specials_read(t, &files, err);
    }
    json_decref(root);
    return rc;
}

int fb_tokenizer_open(struct fb_tokenizer **out, const char *path, struct fb_err *err) {
    struct fb_tokenizer *t = fb_calloc(1, sizeof *t, err);
    int rc;

    *out = NULL;
    if (!t) return err->code;
    t->unknown = t->bos = t->pad = t->eos = -1;
    if (fb_is_dir(path)) rc = open_folder(t, path, err);
    else rc = open_file(t, path, err);
    if (rc) {
        fb_tokenizer_close(t);
        return fb_context(err, "tokenizer '%s'", path);
    }
    *out = t;
    return FB_OK;
}

void fb_tokenizer_close(struct fb_tokenizer *t) {
    if (!t) return;
    fb_vocab_free(&t->vocab);
    fb_bpe_free(&t->bpe);
    fb_added_free(&t->added);
    free(t->kind);
    if (t->unigram) fb_unigram_free(t->unigram);
    free(t->unigram);
    for (int i = 0; i < t->patterns; i++)
        fb_pattern_close(t->pattern[i]);
    free(t);
}
