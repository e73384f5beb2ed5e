/* tokenizer.c - ids to text, and questions about the vocabulary.
 *
 * Decoding follows the reference's slow tokenizer: the pieces' bytes are put together and then
 * decoded, so that a character may be spread over several ids; added tokens that are not special
 * stand apart, with spaces around them. */
#include "base/alloc.h"
#include "text/alphabet.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { IDS_MAX = 1 << 30 };

/* ---- ids ---- */

void fb_ids_free(struct fb_ids *ids) {
    free(ids->id);
    *ids = (struct fb_ids){0};
}

int fb_ids_push(struct fb_ids *ids, const int32_t *more, int64_t n, struct fb_err *err) {
    int64_t want = ids->capacity ? ids->capacity : 64;
    int32_t *grown;

    if (n > IDS_MAX - ids->count) return fb_fail(err, FB_EFORMAT, "more than %d ids", IDS_MAX);
    if (n > ids->capacity - ids->count) {
        while (want - ids->count < n)
            want *= 2;
        if (!(grown = fb_realloc(ids->id, (size_t)want, sizeof *grown, err))) return err->code;
        ids->id = grown;
        ids->capacity = want;
    }
    if (n) memcpy(ids->id + ids->count, more, (size_t)n * sizeof *more);
    ids->count += n;
    return FB_OK;
}

/* ---- the vocabulary ---- */

int64_t fb_tokenizer_size(const struct fb_tokenizer *t) {
    return t->vocab.ids;
}

int32_t fb_tokenizer_id(const struct fb_tokenizer *t, const char *token) {
    int64_t piece = fb_names_find(&t->vocab.pieces, token);

    return piece < 0 ? -1 : t->vocab.id_of[piece];
}

int32_t fb_tokenizer_pad(const struct fb_tokenizer *t) {
    return t->pad;
}

/* ---- unigram models ---- */

int fb_tokenizer_begin_unigram(struct fb_tokenizer *t, struct fb_err *err) {
    t->unigram = fb_calloc(1, sizeof *t->unigram, err);
    return t->unigram ? FB_OK : err->code;
}

static int set_id(struct fb_tokenizer *t, const char *text, size_t size, int64_t id,
                  struct fb_err *err) {
    int32_t piece;

    if (memchr(text, '\0', size))
        return fb_fail(err, FB_EFORMAT, "token %jd holds a zero", (intmax_t)id);
    if (id < 0 || id >= FB_VOCAB_IDS_MAX)
        return fb_fail(err, FB_EFORMAT, "token id %jd, limit %d", (intmax_t)id,
                       FB_VOCAB_IDS_MAX - 1);
    piece = fb_vocab_intern(&t->vocab, text, err);
    return piece < 0 ? err->code : fb_vocab_set(&t->vocab, piece, id, err);
}

int fb_tokenizer_add_piece(struct fb_tokenizer *t, const char *text, size_t size, double score,
                           int64_t id, struct fb_err *err) {
    struct fb_str copy = {0};
    int rc = fb_str_append(&copy, text, size, err);

    if (!rc) rc = set_id(t, fb_str_text(&copy), size, id, err);
    if (!rc) rc = fb_unigram_add(t->unigram, text, size, score, (int32_t)id, err);
    fb_str_free(&copy);
    return rc;
}

static int grow_kinds(struct fb_tokenizer *t, int64_t before, struct fb_err *err) {
    unsigned char *grown = fb_realloc(t->kind, (size_t)t->vocab.ids + 1, 1, err);

    if (!grown) return err->code;
    t->kind = grown;
    if (t->vocab.ids > before) memset(grown + before, 0, (size_t)(t->vocab.ids - before));
    return FB_OK;
}

int fb_tokenizer_add_special(struct fb_tokenizer *t, const char *text, size_t size, int64_t id,
                             bool special, struct fb_err *err) {
    int64_t before = t->kind ? t->kinds : 0;
    struct fb_str copy = {0};
    int rc = fb_str_append(&copy, text, size, err);

    if (!rc) rc = set_id(t, fb_str_text(&copy), size, id, err);
    if (!rc) rc = grow_kinds(t, before, err);
    if (!rc) t->kinds = t->vocab.ids;
    if (!rc)
        rc = fb_added_add(&t->added, text, size,
                          (struct fb_added_token){.id = (int32_t)id, .cuts = true}, err);
    if (!rc && special) t->kind[id] = FB_ID_SPECIAL;
    fb_str_free(&copy);
    return rc;
}

/* ---- decoding ---- */

struct decoding {
    const struct fb_tokenizer *t;
    struct fb_str *out;
    struct fb_str bytes; /* of the pieces since the last token that stands apart */
    bool open;           /* there were such pieces */
    bool begun;          /* something was written: a space separates */
};

static int put_replaced(struct decoding *d, struct fb_err *err) {
    size_t at = 0, n;
    uint32_t point;

    if (!d->t->ignore_errors)
        return fb_utf8_append_replaced(d->out, fb_str_text(&d->bytes), d->bytes.size, err);
    for (; at < d->bytes.size; at += n) {
        n = fb_utf8_next(d->bytes.data + at, d->bytes.size - at, &point);
        if (point != FB_UTF8_INVALID && fb_str_append(d->out, d->bytes.data + at, n, err))
            return err->code;
    }
    return FB_OK;
}

/* Writes the pieces so far as one part; an empty one counts only at the end. */
static int flush(struct decoding *d, bool last, struct fb_err *err) {
    if (!d->open || (!d->bytes.size && !last)) return FB_OK;
    if (d->begun && fb_str_putc(d->out, ' ', err)) return err->code;
    if (put_replaced(d, err)) return err->code;
    d->begun = true;
    d->open = false;
    d->bytes.size = 0;
    return FB_OK;
}

static int put_apart(struct decoding *d, const char *piece, struct fb_err *err) {
    if (flush(d, false, err)) return err->code;
    d->open = false;
    if (d->begun && fb_str_putc(d->out, ' ', err)) return err->code;
    d->begun = true;
    return fb_str_puts(d->out, piece, err);
}

static int put_id(struct decoding *d, int32_t id, bool skip_specials, struct fb_err *err) {
    int32_t piece = fb_vocab_piece(&d->t->vocab, id);
    const char *text;

    if (piece < 0)
        return fb_fail(err, FB_EFORMAT, "id %jd is not in the vocabulary of %jd ids", (intmax_t)id,
                       (intmax_t)d->t->vocab.ids);
    if (skip_specials && d->t->kind[id] & FB_ID_SPECIAL) return FB_OK;
    text = d->t->vocab.pieces.name[piece];
    if (d->t->kind[id] & FB_ID_APART) return put_apart(d, text, err);
    d->open = true;
    return fb_alphabet_append_bytes(&d->bytes, text, err);
}

/* Replaces every occurrence in s[from, size) from left to right; `to` is shorter. */
static void replace(struct fb_str *s, size_t from, const char *words, const char *to) {
    size_t n = strlen(words), m = strlen(to), write = from;

    for (size_t read = from; read < s->size;) {
        if (s->size - read >= n && !memcmp(s->data + read, words, n)) {
            memcpy(s->data + write, to, m);
            write += m;
            read += n;
        } else {
            s->data[write++] = s->data[read++];
        }
    }
    if (s->size > from) {
        s->size = write;
        s->data[write] = '\0';
    }
}

/* clean_up_tokenization of the reference: its replacements, in its order. */
static void clean_up(struct fb_str *s, size_t from) {
    static const char *const pairs[][2] = {
        {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
        {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        replace(s, from, pairs[i][0], pairs[i][1]);
}

static bool is_special(const struct fb_tokenizer *t, int32_t id) {
    return id < t->kinds && t->kind[id] & FB_ID_SPECIAL;
}

/* Pieces end to end, U+2581 as a space; those of the first piece go, as with `tokenizers`. */
static int decode_unigram(const struct fb_tokenizer *t, struct fb_str *out, const int32_t *ids,
                          int64_t count, bool skip_specials, struct fb_err *err) {
    bool first = t->unigram->prefix != FB_UNIGRAM_NEVER;

    for (int64_t i = 0; i < count; i++) {
        int32_t piece = fb_vocab_piece(&t->vocab, ids[i]);
        const char *text, *mark;
        if (piece < 0 || (skip_specials && is_special(t, ids[i]))) continue;
        text = t->vocab.pieces.name[piece];
        for (; (mark = strstr(text, FB_UNIGRAM_SPACE)); text = mark + strlen(FB_UNIGRAM_SPACE)) {
            if (fb_str_append(out, text, (size_t)(mark - text), err)) return err->code;
            if (!first && fb_str_putc(out, ' ', err)) return err->code;
        }
        if (fb_str_puts(out, text, err)) return err->code;
        first = false;
    }
    return FB_OK;
}

int fb_tokenizer_decode(const struct fb_tokenizer *t, struct fb_str *out, const int32_t *ids,
                        int64_t count, bool skip_specials, struct fb_err *err) {
    struct decoding d = {.t = t, .out = out};
    size_t from = out->size;
    int rc = FB_OK;

    if (t->unigram) {
        rc = decode_unigram(t, out, ids, count, skip_specials, err);
        if (!rc && t->clean_up) clean_up(out, from);
        return rc;
    }
    for (int64_t i = 0; i < count && !rc; i++)
        rc = put_id(&d, ids[i], skip_specials, err);
    if (!rc) rc = flush(&d, true, err);
    fb_str_free(&d.bytes);
    if (!rc && t->clean_up) clean_up(out, from);
    return rc;
}
