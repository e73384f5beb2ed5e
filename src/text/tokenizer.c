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

int fb_tokenizer_decode(const struct fb_tokenizer *t, struct fb_str *out, const int32_t *ids,
                        int64_t count, bool skip_specials, struct fb_err *err) {
    struct decoding d = {.t = t, .out = out};
    size_t from = out->size;
    int rc = FB_OK;

    for (int64_t i = 0; i < count && !rc; i++)
        rc = put_id(&d, ids[i], skip_specials, err);
    if (!rc) rc = flush(&d, true, err);
    fb_str_free(&d.bytes);
    if (!rc && t->clean_up) clean_up(out, from);
    return rc;
}
