/* pieces.c - a SentencePiece unigram model (Kudo, arXiv:1804.10959) whose pieces are words.
 *
 * Candidates are the words of prompts and answers with and without a space before them, other
 * characters one by one, and the words of the templates together with their punctuation, so that
 * the fixed text of a prompt costs few tokens. Each text is cut into the longest candidates; a
 * piece's score is the logarithm of its share of all cuts. Characters that were never needed alone
 * come last, so that unknown words can be spelled. Pad, end and unknown are 0, 1 and 2 and the
 * sentinels come behind the pieces, as in T5's own vocabulary; there are 16 of them (T5: 100). */
#include "pieces.h"

#include "base/alloc.h"
#include "corpus.h"
#include "counted.h"
#include "out.h"
#include "text/spiece.h"
#include "text/template.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "\xe2\x96\x81" /* U+2581: how SentencePiece writes a space */
enum { SPACE_BYTES = 3 };

struct vocabulary {
    struct counted word;  /* of the texts, each with its mark */
    struct counted piece; /* candidates, and how often the words were cut into them */
    int64_t cuts;         /* sum of the counts */
    struct fb_str marked; /* the text that is looked at */
};

/* Writes the text to v->marked with a mark for each space, and for its beginning. */
static int mark(struct vocabulary *v, const char *text, bool beginning, struct fb_err *err) {
    v->marked.size = 0;
    if (beginning && fb_str_puts(&v->marked, SPACE, err)) return err->code;
    for (; *text; text++)
        if (*text == ' ' ? fb_str_puts(&v->marked, SPACE, err)
                         : fb_str_putc(&v->marked, *text, err))
            return err->code;
    return FB_OK;
}

/* Bytes of the word at `at`: up to the next mark. */
static size_t word_size(const char *at) {
    const char *next = *at ? strstr(at + 1, SPACE) : NULL;

    return next ? (size_t)(next - at) : strlen(at);
}

static int add_words(struct vocabulary *v, struct counted *to, const char *text, bool beginning,
                     int64_t n, struct fb_err *err) {
    if (mark(v, text, beginning, err)) return err->code;
    for (const char *at = fb_str_text(&v->marked); *at; at += word_size(at))
        if (counted_add(to, at, word_size(at), n, err)) return err->code;
    return FB_OK;
}

/* ---- candidates ----------------------------------------------------------------------------- */

/* What the templates put around the texts. */
static int add_template(struct vocabulary *v, const struct fb_template *t, struct fb_err *err) {
    char column[FB_TEMPLATE_COLUMN], part[256];
    const char *from = t->input, *at = from;
    size_t width = 0;

    for (bool more = true; more; from = at) {
        width = (size_t)fb_template_next(&at, column);
        more = width > 0;
        if (!more) at = from + strlen(from);
        snprintf(part, sizeof part, "%.*s", (int)((size_t)(at - from) - width), from);
        if (add_words(v, &v->piece, part, from == t->input, 0, err)) return err->code;
    }
    return FB_OK;
}

/* Of a score what stands before the point, and from the point on. */
static int add_numbers(struct vocabulary *v, struct fb_err *err) {
    char text[16];

    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, ".%d", i);
        if (counted_add(&v->piece, text, strlen(text), 0, err)) return err->code;
        snprintf(text, sizeof text, SPACE "%d", i);
        if (i >= 1 && i <= 5 && counted_add(&v->piece, text, strlen(text), 0, err))
            return err->code;
    }
    return FB_OK;
}

/* Bytes of letters, with a mark before them where there is one; else of the mark or character. */
static size_t plain_size(const char *at) {
    size_t size = !strncmp(at, SPACE, SPACE_BYTES) ? SPACE_BYTES : 0, letters = size;

    while (isalpha((unsigned char)at[letters]))
        letters++;
    if (letters > size) return letters;
    return size ? size : 1;
}

static int add_plain(struct vocabulary *v, const char *word, struct fb_err *err) {
    for (const char *at = word; *at; at += plain_size(at))
        if (counted_add(&v->piece, at, plain_size(at), 0, err)) return err->code;
    for (const char *at = word; *at; at++)
        if (!((unsigned char)*at & 0x80) && counted_add(&v->piece, at, 1, 0, err)) return err->code;
    return FB_OK;
}

static int find_candidates(struct vocabulary *v, const struct demo_all *all, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = FB_OK;

    for (int k = 0; k < DEMO_TASKS && !rc; k++) {
        for (int i = 0; i < all->of[k].count && !rc; i++) {
            text.size = 0;
            rc = demo_put_prompt(&text, all->of[k].task, &all->of[k].row[i], err);
            if (!rc) rc = add_words(v, &v->word, text.data, true, 1, err);
            text.size = 0;
            if (!rc) rc = demo_put_answer(&text, all->of[k].task, &all->of[k].row[i], err);
            if (!rc) rc = add_words(v, &v->word, text.data, true, 1, err);
        }
        if (!rc) rc = add_template(v, fb_template_find(all->of[k].task->name), err);
    }
    if (!rc) rc = add_numbers(v, err);
    for (int64_t i = 0; i < v->word.word.count && !rc; i++)
        rc = add_plain(v, v->word.word.name[i], err);
    fb_str_free(&text);
    return rc;
}

/* Cuts each word into the longest pieces; every character is one. */
static void count_pieces(struct vocabulary *v) {
    for (int64_t i = 0; i < v->word.word.count; i++)
        for (const char *at = v->word.word.name[i]; *at;) {
            size_t size = strlen(at);
            int64_t piece;
            while ((piece = counted_find(&v->piece, at, size)) < 0)
                size--;
            v->piece.count[piece] += v->word.count[i];
            v->cuts += v->word.count[i];
            at += size;
        }
}

/* ---- spiece.model --------------------------------------------------------------------------- */

/* Field numbers and types of sentencepiece_model.proto; a tag is number * 8 + type. */
enum { VARINT = 0, BYTES = 2, FIXED32 = 5 };
enum { PIECES = 1, TRAINER = 2, NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { MODEL_TYPE = 3, VOCAB_SIZE = 4, UNK_ID = 40, BOS_ID = 41, EOS_ID = 42, PAD_ID = 43 };
enum { NORMALIZER_NAME = 1, UNIGRAM = 1, PAD = 0, END = 1, UNKNOWN = 2, SPECIALS = 3 };

static int put_varint(struct fb_str *out, uint64_t value, struct fb_err *err) {
    for (; value >= 0x80; value >>= 7)
        if (fb_str_putc(out, (char)(value | 0x80), err)) return err->code;
    return fb_str_putc(out, (char)value, err);
}

static int put_number(struct fb_str *out, int field, int64_t value, struct fb_err *err) {
    if (put_varint(out, (uint64_t)field * 8 + VARINT, err)) return err->code;
    return put_varint(out, (uint64_t)value, err);
}

static int put_bytes(struct fb_str *out, int field, const char *bytes, size_t size,
                     struct fb_err *err) {
    if (put_varint(out, (uint64_t)field * 8 + BYTES, err) || put_varint(out, size, err))
        return err->code;
    return fb_str_append(out, bytes, size, err);
}

static int put_float(struct fb_str *out, int field, float value, struct fb_err *err) {
    uint32_t bits;
    char bytes[4];

    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)(bits >> 8 * i);
    if (put_varint(out, (uint64_t)field * 8 + FIXED32, err)) return err->code;
    return fb_str_append(out, bytes, sizeof bytes, err);
}

static int put_piece(struct fb_str *out, const char *text, float score, enum fb_piece_type type,
                     struct fb_err *err) {
    struct fb_str piece = {0};
    int rc = put_bytes(&piece, PIECE_TEXT, text, strlen(text), err);

    if (!rc) rc = put_float(&piece, PIECE_SCORE, score, err);
    if (!rc && type != FB_PIECE_NORMAL) rc = put_number(&piece, PIECE_TYPE, type, err);
    if (!rc) rc = put_bytes(out, PIECES, piece.data, piece.size, err);
    fb_str_free(&piece);
    return rc;
}

/* ln(share), cut to thousandths so that it is the same float whatever C library computes it. */
static float score(int64_t count, int64_t of) {
    return (float)(round(1000 * log((double)count / (double)of)) / 1000);
}

struct scored {
    const char *text;
    int64_t count;
};

/* The most frequent first, then by their bytes. */
static int compare(const void *a, const void *b) {
    const struct scored *x = a, *y = b;

    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

/* The pieces that are kept, in their order. Owned: free. */
static struct scored *sorted(const struct vocabulary *v, int64_t *count, struct fb_err *err) {
    struct scored *s = fb_calloc((size_t)v->piece.word.count, sizeof *s, err);

    *count = 0;
    for (int64_t i = 0; s && i < v->piece.word.count; i++)
        if (v->piece.count[i] || !v->piece.word.name[i][1])
            s[(*count)++] = (struct scored){v->piece.word.name[i], v->piece.count[i]};
    if (s) qsort(s, (size_t)*count, sizeof *s, compare);
    return s;
}

static int put_specs(struct fb_str *out, int64_t count, struct fb_err *err) {
    struct fb_str spec = {0};
    int rc = FB_OK;

    if (put_number(&spec, MODEL_TYPE, UNIGRAM, err) || put_number(&spec, VOCAB_SIZE, count, err) ||
        put_number(&spec, UNK_ID, UNKNOWN, err) || put_number(&spec, BOS_ID, -1, err) ||
        put_number(&spec, EOS_ID, END, err) || put_number(&spec, PAD_ID, PAD, err) ||
        put_bytes(out, TRAINER, spec.data, spec.size, err))
        rc = err->code;
    spec.size = 0;
    /* No normalization: the demo's texts are plain ASCII. */
    if (!rc) rc = put_bytes(&spec, NORMALIZER_NAME, "identity", strlen("identity"), err);
    if (!rc) rc = put_bytes(out, NORMALIZER, spec.data, spec.size, err);
    fb_str_free(&spec);
    return rc;
}

static int put_model(struct fb_str *out, const struct vocabulary *v, int64_t *size,
                     struct fb_err *err) {
    struct scored *piece = sorted(v, size, err);
    int rc = piece ? FB_OK : err->code;

    if (!rc) rc = put_piece(out, "<pad>", 0, FB_PIECE_CONTROL, err);
    if (!rc) rc = put_piece(out, "</s>", 0, FB_PIECE_CONTROL, err);
    if (!rc) rc = put_piece(out, "<unk>", 0, FB_PIECE_UNKNOWN, err);
    for (int64_t i = 0; i < *size && !rc; i++)
        rc = put_piece(out, piece[i].text, score(piece[i].count ? piece[i].count : 1, v->cuts),
                       FB_PIECE_NORMAL, err);
    *size += SPECIALS;
    if (!rc) rc = put_specs(out, *size, err);
    free(piece);
    return rc;
}

/* ---- the other files ------------------------------------------------------------------------ */

enum { SENTINELS = 16 };
static const char *const specials[SPECIALS] = {"<pad>", "</s>", "<unk>"};
static const char *const roles[SPECIALS] = {"pad_token", "eos_token", "unk_token"};

static int put_decoder(struct fb_str *out, int64_t id, const char *text, bool sentinel,
                       struct fb_err *err) {
    const char *strip = sentinel ? "true" : "false";

    return fb_str_printf(out, err,
                         "%s    \"%" PRId64 "\": {\n      \"content\": \"%s\",\n"
                         "      \"lstrip\": %s,\n      \"normalized\": false,\n"
                         "      \"rstrip\": %s,\n      \"single_word\": false,\n"
                         "      \"special\": true\n    }",
                         id ? ",\n" : "", id, text, strip, strip);
}

static int put_sentinels(struct fb_str *out, struct fb_err *err) {
    if (fb_str_puts(out, "  \"additional_special_tokens\": [\n", err)) return err->code;
    for (int i = 0; i < SENTINELS; i++)
        if (fb_str_printf(out, err, "    \"<extra_id_%d>\"%s\n", i, i + 1 < SENTINELS ? "," : ""))
            return err->code;
    return fb_str_puts(out, "  ]", err);
}

static int put_config(struct fb_str *out, int64_t pieces, struct fb_err *err) {
    char text[32];

    if (fb_str_puts(out, "{\n  \"add_prefix_space\": true,\n  \"added_tokens_decoder\": {\n", err))
        return err->code;
    for (int i = 0; i < SPECIALS; i++)
        if (put_decoder(out, i, specials[i], false, err)) return err->code;
    for (int i = SENTINELS - 1; i >= 0; i--) {
        snprintf(text, sizeof text, "<extra_id_%d>", i);
        if (put_decoder(out, pieces + SENTINELS - 1 - i, text, true, err)) return err->code;
    }
    if (fb_str_puts(out, "\n  },\n", err) || put_sentinels(out, err)) return err->code;
    return fb_str_printf(out, err,
                         ",\n  \"clean_up_tokenization_spaces\": false,\n"
                         "  \"eos_token\": \"</s>\",\n  \"extra_ids\": %d,\n  \"legacy\": true,\n"
                         "  \"model_max_length\": 512,\n  \"pad_token\": \"<pad>\",\n"
                         "  \"sp_model_kwargs\": {},\n  \"tokenizer_class\": \"T5Tokenizer\",\n"
                         "  \"unk_token\": \"<unk>\"\n}\n",
                         SENTINELS);
}

static int put_specials(struct fb_str *out, struct fb_err *err) {
    if (fb_str_puts(out, "{\n", err) || put_sentinels(out, err)) return err->code;
    for (int i = 0; i < SPECIALS; i++)
        if (fb_str_printf(out, err,
                          ",\n  \"%s\": {\n    \"content\": \"%s\",\n    \"lstrip\": false,\n"
                          "    \"normalized\": false,\n    \"rstrip\": false,\n"
                          "    \"single_word\": false\n  }",
                          roles[i], specials[i]))
            return err->code;
    return fb_str_puts(out, "\n}\n", err);
}

static int put_added(struct fb_str *out, int64_t pieces, struct fb_err *err) {
    for (int i = 0; i < SENTINELS; i++)
        if (fb_str_printf(out, err, "%s\n  \"<extra_id_%d>\": %" PRId64, i ? "," : "{", i,
                          pieces + SENTINELS - 1 - i))
            return err->code;
    return fb_str_puts(out, "\n}\n", err);
}

static int write_files(const struct vocabulary *v, const char *folder, struct fb_err *err) {
    struct fb_str text[4] = {0};
    int64_t pieces;
    int rc = FB_OK;

    if (put_model(&text[0], v, &pieces, err) || put_config(&text[1], pieces, err) ||
        put_specials(&text[2], err) || put_added(&text[3], pieces, err) ||
        demo_write(folder, "spiece.model", &text[0], err) ||
        demo_write(folder, "tokenizer_config.json", &text[1], err) ||
        demo_write(folder, "special_tokens_map.json", &text[2], err) ||
        demo_write(folder, "added_tokens.json", &text[3], err))
        rc = err->code;
    for (int i = 0; i < 4; i++)
        fb_str_free(&text[i]);
    return rc;
}

int demo_pieces_write(const char *folder, const struct demo_all *all, struct fb_err *err) {
    struct vocabulary v = {0};
    int rc = find_candidates(&v, all, err);

    if (!rc) count_pieces(&v);
    if (!rc) rc = write_files(&v, folder, err);
    counted_free(&v.word);
    counted_free(&v.piece);
    fb_str_free(&v.marked);
    return rc;
}
