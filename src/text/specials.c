#include "text/specials.h"

#include "base/alloc.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SPECIAL "<|endoftext|>"

enum { BOS, EOS, UNK, SEP, PAD, CLS, MASK, ATTRIBUTES, DIGITS = 24 };

static const char *const attribute_name[ATTRIBUTES] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

struct token {
    const char *content; /* borrowed from the JSON; NULL: none */
    bool lstrip, rstrip, single_word, special;
    bool flagged;  /* has flags of its own, as opposed to a plain string */
    bool fallback; /* GPT-2's default, which no file names */
    bool listed;   /* only in added_tokens.json, which knows no flags */
};

/* The added tokens by id and by content, and the attributes, while they are gathered. */
struct gather {
    struct fb_tokenizer *t;
    const struct fb_special_files *files;
    struct fb_names ids; /* decimal */
    struct token *by_id; /* parallel to ids */
    int64_t by_id_capacity;
    struct fb_names contents; /* of the tokens by id */
    int64_t *last, *highest;  /* parallel: the id given last, and the highest */
    int64_t contents_capacity;
    struct token attribute[ATTRIBUTES];
    struct token *additional;
    size_t additional_count, additional_capacity;
    int64_t own; /* entries of the model's own vocabulary */
};

/* ---- reading tokens ---- */

static int read_flag(const json_t *object, const char *key, bool *out, struct fb_err *err) {
    const json_t *value = json_object_get(object, key);

    *out = json_is_true(value);
    if (value && !json_is_boolean(value))
        return fb_fail(err, FB_EFORMAT, "%s is not true or false", key);
    return FB_OK;
}

static int read_token(struct token *out, const json_t *value, struct fb_err *err) {
    *out = (struct token){.content = json_string_value(value)};
    if (json_is_string(value)) return FB_OK;
    if (!json_is_object(value))
        return fb_fail(err, FB_EFORMAT, "is neither a string nor an object");
    out->flagged = true;
    out->content = json_string_value(json_object_get(value, "content"));
    if (!out->content) return fb_fail(err, FB_EFORMAT, "has no string 'content'");
    if (read_flag(value, "lstrip", &out->lstrip, err)) return err->code;
    if (read_flag(value, "rstrip", &out->rstrip, err)) return err->code;
    if (read_flag(value, "single_word", &out->single_word, err)) return err->code;
    return read_flag(value, "special", &out->special, err);
}

static int grow_ids(struct gather *g, struct fb_err *err) {
    int64_t capacity = g->ids.capacity;
    struct token *grown;

    if (capacity <= g->by_id_capacity) return FB_OK;
    if (!(grown = fb_realloc(g->by_id, (size_t)capacity, sizeof *grown, err))) return err->code;
    g->by_id = grown;
    g->by_id_capacity = capacity;
    return FB_OK;
}

static int grow_contents(struct gather *g, struct fb_err *err) {
    int64_t capacity = g->contents.capacity, *grown;

    if (capacity <= g->contents_capacity) return FB_OK;
    if (!(grown = fb_realloc(g->last, (size_t)capacity, sizeof *grown, err))) return err->code;
    g->last = grown;
    if (!(grown = fb_realloc(g->highest, (size_t)capacity, sizeof *grown, err))) return err->code;
    g->highest = grown;
    g->contents_capacity = capacity;
    return FB_OK;
}

/* The token takes the id. */
static int put(struct gather *g, struct token token, int64_t id, struct fb_err *err) {
    char digits[DIGITS];
    int64_t slot;

    if (id < 0 || id >= FB_VOCAB_IDS_MAX)
        return fb_fail(err, FB_EFORMAT, "added token '%.64s' has the id %jd, limit 0 to %d",
                       token.content, (intmax_t)id, FB_VOCAB_IDS_MAX - 1);
    snprintf(digits, sizeof digits, "%jd", (intmax_t)id);
    if ((slot = fb_names_add(&g->ids, digits, NULL, err)) < 0) return err->code;
    if (grow_ids(g, err)) return err->code;
    g->by_id[slot] = token;
    return FB_OK;
}

/* The content means the id from now on. */
static int put_content(struct gather *g, const char *text, int64_t id, struct fb_err *err) {
    int is_new;
    int64_t content = fb_names_add(&g->contents, text, &is_new, err);

    if (content < 0 || grow_contents(g, err)) return err->code;
    g->last[content] = id;
    if (is_new || id > g->highest[content]) g->highest[content] = id;
    return FB_OK;
}

/* Once all files are read, so that a token whose id another took is forgotten. */
static int put_contents(struct gather *g, struct fb_err *err) {
    for (int64_t slot = 0; slot < g->ids.count; slot++) {
        int64_t id = -1;
        if (!fb_parse_int(g->ids.name[slot], &id)) continue;
        if (put_content(g, g->by_id[slot].content, id, err)) return err->code;
    }
    return FB_OK;
}

static int add_additional(struct gather *g, struct token token, struct fb_err *err) {
    struct token *grown;

    if (g->additional_count >= FB_ADDED_MAX)
        return fb_fail(err, FB_EFORMAT, "more than %d tokens", FB_ADDED_MAX);
    if (g->additional_count == g->additional_capacity) {
        size_t capacity = g->additional_capacity ? g->additional_capacity * 2 : 16;
        if (!(grown = fb_realloc(g->additional, capacity, sizeof *grown, err))) return err->code;
        g->additional = grown;
        g->additional_capacity = capacity;
    }
    g->additional[g->additional_count++] = token;
    return FB_OK;
}

/* ---- the files ---- */

static int read_additional(struct gather *g, const json_t *list, struct fb_err *err) {
    if (!list || json_is_null(list)) return FB_OK;
    if (!json_is_array(list)) return fb_fail(err, FB_EFORMAT, "is not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct token token;
        if (read_token(&token, json_array_get(list, i), err) || add_additional(g, token, err))
            return fb_context(err, "item %zu", i);
    }
    return FB_OK;
}

/* bos_token ... additional_special_tokens of a file; a later file replaces what an earlier said. */
static int read_attributes(struct gather *g, const json_t *object, struct fb_err *err) {
    for (int i = 0; i < ATTRIBUTES; i++) {
        const json_t *value = json_object_get(object, attribute_name[i]);
        if (!value) continue;
        g->attribute[i] = (struct token){0};
        if (!json_is_null(value) && read_token(&g->attribute[i], value, err))
            return fb_context(err, "%s", attribute_name[i]);
    }
    if (read_additional(g, json_object_get(object, "additional_special_tokens"), err))
        return fb_context(err, "additional_special_tokens");
    return FB_OK;
}

static int read_decoder(struct gather *g, const json_t *decoder, struct fb_err *err) {
    const char *key;
    json_t *value;

    if (!json_is_object(decoder)) return fb_fail(err, FB_EFORMAT, "is not an object");
    json_object_foreach((json_t *)(uintptr_t)decoder, key, value) {
        struct token token;
        int64_t id;
        if (!fb_parse_int(key, &id)) return fb_fail(err, FB_EFORMAT, "'%.64s' is not an id", key);
        if (!json_is_object(value)) return fb_fail(err, FB_EFORMAT, "%s is not an object", key);
        if (read_token(&token, value, err)) return fb_context(err, "%s", key);
        if (put(g, token, id, err)) return err->code;
    }
    return FB_OK;
}

static bool is_attribute(const struct gather *g, const char *content) {
    for (int i = 0; i < ATTRIBUTES; i++)
        if (g->attribute[i].content && !strcmp(g->attribute[i].content, content)) return true;
    for (size_t i = 0; i < g->additional_count; i++)
        if (!strcmp(g->additional[i].content, content)) return true;
    return false;
}

static int read_added(struct gather *g, const json_t *added, struct fb_err *err) {
    const char *key;
    json_t *value;

    if (!json_is_object(added)) return fb_fail(err, FB_EFORMAT, "is not an object");
    json_object_foreach((json_t *)(uintptr_t)added, key, value) {
        struct token token = {.content = key, .flagged = true, .listed = true};

        token.special = is_attribute(g, key);
        if (!json_is_integer(value))
            return fb_fail(err, FB_EFORMAT, "the id of '%.64s' is not a whole number", key);
        if (put(g, token, json_integer_value(value), err)) return err->code;
    }
    return FB_OK;
}

static int read_json_added(struct gather *g, const json_t *list, struct fb_err *err) {
    if (!list) return FB_OK;
    if (!json_is_array(list)) return fb_fail(err, FB_EFORMAT, "is not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *id = json_object_get(item, "id");
        struct token token;
        if (!json_is_object(item)) return fb_fail(err, FB_EFORMAT, "item %zu is not an object", i);
        if (!json_is_integer(id))
            return fb_fail(err, FB_EFORMAT, "item %zu has no whole number 'id'", i);
        if (read_token(&token, item, err) || put(g, token, json_integer_value(id), err))
            return fb_context(err, "item %zu", i);
    }
    return FB_OK;
}

static int read_files(struct gather *g, struct fb_err *err) {
    const struct fb_special_files *f = g->files;
    const json_t *decoder = json_object_get(f->config, "added_tokens_decoder");
    const json_t *list = json_object_get(f->tokenizer_json, "added_tokens");

    if (read_attributes(g, f->config, err)) return fb_context(err, "tokenizer_config.json");
    if (decoder && !f->only_json) {
        if (read_decoder(g, decoder, err))
            return fb_context(err, "tokenizer_config.json: added_tokens_decoder");
        return FB_OK;
    }
    if (read_attributes(g, f->map, err)) return fb_context(err, "special_tokens_map.json");
    if (f->added && read_added(g, f->added, err)) return fb_context(err, "added_tokens.json");
    if (read_json_added(g, list, err)) return fb_context(err, "tokenizer.json: added_tokens");
    return FB_OK;
}

/* ---- the attributes' own tokens ---- */

/* An attribute's string that is an added token stands for that token, flags included (unless only
 * added_tokens.json named it, where there are none). */
static struct token with_flags(const struct gather *g, struct token token) {
    int64_t content = fb_names_find(&g->contents, token.content), slot;
    char digits[DIGITS];

    if (content < 0) return token;
    snprintf(digits, sizeof digits, "%jd", (intmax_t)g->last[content]);
    slot = fb_names_find(&g->ids, digits);
    if (g->by_id[slot].listed || strcmp(g->by_id[slot].content, token.content) != 0) return token;
    return g->by_id[slot];
}

static int64_t own_id(const struct gather *g, const char *content) {
    int64_t piece = fb_names_find(&g->t->vocab.pieces, content);

    return piece < 0 ? -1 : g->t->vocab.id_of[piece];
}

/* What _add_tokens of the reference does with one special token. */
static int add_special(struct gather *g, struct token token, int64_t *next, struct fb_err *err) {
    int64_t content = fb_names_find(&g->contents, token.content), id;

    if (!*token.content || (content >= 0 && !token.flagged)) return FB_OK;
    if (content >= 0) id = g->highest[content];
    else if ((id = own_id(g, token.content)) < 0) id = (*next)++;
    token.special = true;
    return put(g, token, id, err) ? err->code : put_content(g, token.content, id, err);
}

static int add_attributes(struct gather *g, struct fb_err *err) {
    int64_t next = g->own;

    for (int64_t i = 0; i < g->contents.count; i++)
        next += own_id(g, g->contents.name[i]) < 0;
    for (int i = 0; i < ATTRIBUTES; i++) {
        struct token *token = &g->attribute[i];
        bool seen = false;
        if (!token->content) continue;
        if (!token->fallback) *token = with_flags(g, *token);
        /* GPT-2's class gives these four flags, all off, when they are strings. */
        if (i == BOS || i == EOS || i == UNK || i == PAD) token->flagged = true;
        for (int j = 0; j < i && !seen; j++)
            seen = g->attribute[j].content && !strcmp(g->attribute[j].content, token->content);
        if (!seen && add_special(g, *token, &next, err)) return err->code;
    }
    for (size_t k = 0; k < g->additional_count; k++) {
        bool seen = false;
        for (int j = 0; j < ATTRIBUTES && !seen; j++)
            seen = g->attribute[j].content &&
                   !strcmp(g->attribute[j].content, g->additional[k].content);
        if (!seen && add_special(g, g->additional[k], &next, err)) return err->code;
    }
    return FB_OK;
}

/* Unset attributes take GPT-2's default; where only a tokenizer.json says what there is, only if
 * it has such a token. */
static void set_defaults(struct gather *g) {
    static const int defaulted[] = {BOS, EOS, UNK};
    const struct fb_special_files *f = g->files;

    if (f->only_json && own_id(g, DEFAULT_SPECIAL) < 0 &&
        fb_names_find(&g->contents, DEFAULT_SPECIAL) < 0)
        return;
    for (int i = 0; i < 3; i++) {
        const char *name = attribute_name[defaulted[i]];
        bool said =
            json_object_get(f->config, name) ||
            (!json_object_get(f->config, "added_tokens_decoder") && json_object_get(f->map, name));
        if (!said)
            g->attribute[defaulted[i]] =
                (struct token){.content = DEFAULT_SPECIAL, .fallback = true};
    }
}

/* ---- into the tokenizer ---- */

static int64_t id_of(const struct gather *g, const char *content) {
    int64_t at = fb_names_find(&g->contents, content);

    return at < 0 ? own_id(g, content) : g->last[at];
}

/* The added tokens take their ids in the vocabulary. A text whose id went to another text later
 * keeps meaning that id, which decodes to the other. */
static int fill_vocab(struct gather *g, struct fb_err *err) {
    struct fb_vocab *v = &g->t->vocab;

    for (int64_t slot = 0; slot < g->ids.count; slot++) {
        int32_t piece = fb_vocab_intern(v, g->by_id[slot].content, err);
        int64_t id = -1;
        if (piece < 0 || !fb_parse_int(g->ids.name[slot], &id)) return err->code;
        if (fb_vocab_set(v, piece, id, err)) return err->code;
    }
    for (int64_t i = 0; i < g->contents.count; i++) {
        int32_t piece = fb_vocab_intern(v, g->contents.name[i], err);
        if (piece < 0) return err->code;
        v->id_of[piece] = (int32_t)g->last[i];
    }
    return FB_OK;
}

static int fill_added(struct gather *g, struct fb_err *err) {
    for (int64_t i = 0; i < g->contents.count; i++) {
        const char *content = g->contents.name[i];
        struct token owner;
        struct fb_added_token token = {.id = (int32_t)g->last[i]};
        char digits[DIGITS];
        snprintf(digits, sizeof digits, "%jd", (intmax_t)g->last[i]);
        owner = g->by_id[fb_names_find(&g->ids, digits)];
        token.lstrip = owner.lstrip;
        token.rstrip = owner.rstrip;
        token.single_word = owner.single_word;
        if (fb_added_add(&g->t->added, content, strlen(content), token, err)) return err->code;
    }
    /* Only texts that some id decodes to are looked for. */
    for (int64_t slot = 0; slot < g->ids.count; slot++) {
        const char *content = g->by_id[slot].content;
        int32_t index = fb_added_find(&g->t->added, content, strlen(content));
        struct fb_added_token token;
        if (index < 0) continue;
        token = g->t->added.token[index];
        token.cuts = true;
        if (fb_added_add(&g->t->added, content, strlen(content), token, err)) return err->code;
    }
    return FB_OK;
}

/* ORs `kind` into the kind of a text, if there is such a piece. */
static void mark(const struct gather *g, unsigned char *of_piece, const char *content,
                 unsigned char kind) {
    int64_t piece = fb_names_find(&g->t->vocab.pieces, content);

    if (piece >= 0) of_piece[piece] |= kind;
}

/* A text is special or apart, whichever of its ids is decoded; an id is special, too, when it is
 * the one that a special text has. */
static void mark_texts(const struct gather *g, unsigned char *of_piece) {
    for (int i = 0; i < ATTRIBUTES; i++)
        if (g->attribute[i].content) mark(g, of_piece, g->attribute[i].content, FB_ID_SPECIAL);
    for (size_t i = 0; i < g->additional_count; i++)
        mark(g, of_piece, g->additional[i].content, FB_ID_SPECIAL);
    for (int64_t slot = 0; slot < g->ids.count && g->files->only_json; slot++)
        if (g->by_id[slot].special) mark(g, of_piece, g->by_id[slot].content, FB_ID_SPECIAL);
    if (g->files->only_json) return;
    for (int64_t i = 0; i < g->contents.count; i++) {
        int64_t piece = fb_names_find(&g->t->vocab.pieces, g->contents.name[i]);
        if (!(of_piece[piece] & FB_ID_SPECIAL)) of_piece[piece] |= FB_ID_APART;
    }
    for (size_t i = 0; i < g->additional_count; i++)
        if (id_of(g, g->additional[i].content) >= g->own)
            mark(g, of_piece, g->additional[i].content, FB_ID_APART);
}

static void mark_id(const struct gather *g, const char *content) {
    int64_t id = id_of(g, content);

    if (id < 0) id = g->t->unknown;
    if (id >= 0) g->t->kind[id] |= FB_ID_SPECIAL;
}

static int fill_kinds(struct gather *g, struct fb_err *err) {
    struct fb_tokenizer *t = g->t;
    int64_t ids = t->vocab.ids, pieces = t->vocab.pieces.count;
    unsigned char *of_piece;

    if (!(t->kind = fb_calloc(ids ? (size_t)ids : 1, 1, err))) return err->code;
    if (!(of_piece = fb_calloc(pieces ? (size_t)pieces : 1, 1, err))) return err->code;
    mark_texts(g, of_piece);
    for (int64_t id = 0; id < ids; id++)
        if (t->vocab.piece_of[id] >= 0) t->kind[id] = of_piece[t->vocab.piece_of[id]];
    free(of_piece);
    for (int i = 0; i < ATTRIBUTES; i++)
        if (g->attribute[i].content) mark_id(g, g->attribute[i].content);
    for (size_t i = 0; i < g->additional_count; i++)
        mark_id(g, g->additional[i].content);
    return FB_OK;
}

/* The id of an attribute's text, or the unknown one; -1: none. */
static int32_t attribute_id(const struct gather *g, int attribute) {
    const char *content = g->attribute[attribute].content;
    int64_t id = content ? id_of(g, content) : -1;

    return content && id < 0 ? g->t->unknown : (int32_t)id;
}

static int fill(struct gather *g, struct fb_err *err) {
    struct fb_tokenizer *t = g->t;
    const char *unknown = g->attribute[UNK].content;
    int pad = g->attribute[PAD].content ? PAD : unknown ? UNK : EOS;

    /* A piece that the vocabulary lacks takes the id that the vocabulary itself gives the unknown
     * token; one that was added later does not help. */
    if (t->unknown < 0 && unknown) t->unknown = (int32_t)own_id(g, unknown);
    if (fill_vocab(g, err) || fill_added(g, err) || fill_kinds(g, err)) return err->code;
    t->pad = attribute_id(g, pad);
    t->bos = -1;
    if (!json_is_true(json_object_get(g->files->config, "add_bos_token"))) return FB_OK;
    t->bos = attribute_id(g, BOS);
    if (t->bos >= 0) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "add_bos_token is true but there is no bos_token");
}

int fb_specials_read(struct fb_tokenizer *t, const struct fb_special_files *files,
                     struct fb_err *err) {
    struct gather g = {.t = t, .files = files, .own = t->vocab.count};
    int rc = read_files(&g, err);

    if (!rc) rc = put_contents(&g, err);
    if (!rc) {
        set_defaults(&g);
        rc = add_attributes(&g, err);
    }
    if (!rc) rc = fill(&g, err);
    fb_names_free(&g.ids);
    fb_names_free(&g.contents);
    free(g.by_id);
    free(g.last);
    free(g.highest);
    free(g.additional);
    return rc;
}
