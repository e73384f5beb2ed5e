/* encoder.c - text to ids: replace broken bytes, cut out added tokens, split and encode words.
 *
 * A word's ids depend on its bytes alone, so the encoder keeps those of words it has met in a table
 * with one place per hash value: no chains, no ageing, a newer word takes the place. Only words of
 * at most WORD_MAX bytes and IDS_MAX ids are kept, one cache line each. */
#include "base/alloc.h"
#include "text/alphabet.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 1 << 29, /* bytes of one text */
    WORD_MAX = 24,
    IDS_MAX = 9,
    PLACES = 1 << 15 /* 2 MiB, so that it shares a second-level cache with little else */
};

struct word {
    uint64_t key[WORD_MAX / 8]; /* the bytes, zero at the end */
    int32_t id[IDS_MAX];
    uint16_t size;  /* bytes; 0 in an unused place */
    uint16_t count; /* ids */
};

struct fb_encoder {
    const struct fb_tokenizer *t;
    struct word *cache; /* NULL: none */
    struct fb_str clean, prefixed, segment, piece;
    struct fb_segments segments;
    struct fb_bpe_work bpe;
    struct fb_unigram_work unigram;
    struct fb_matcher *matcher; /* NULL when no pattern needs one */
    struct fb_ids first, second;
    const char *begin; /* of the text at hand */
};

static void finish(struct fb_encoder *e) {
    free(e->cache);
    fb_str_free(&e->clean);
    fb_str_free(&e->prefixed);
    fb_str_free(&e->segment);
    fb_str_free(&e->piece);
    fb_segments_free(&e->segments);
    fb_bpe_work_free(&e->bpe);
    fb_unigram_work_free(&e->unigram);
    fb_matcher_close(e->matcher);
    fb_ids_free(&e->first);
    fb_ids_free(&e->second);
}

static int start(struct fb_encoder *e, const struct fb_tokenizer *t, struct fb_err *err) {
    *e = (struct fb_encoder){.t = t};
    return t->patterns ? fb_matcher_open(&e->matcher, err) : FB_OK;
}

int fb_encoder_open(struct fb_encoder **out, const struct fb_tokenizer *t, struct fb_err *err) {
    struct fb_encoder *e = fb_calloc(1, sizeof *e, err);

    *out = NULL;
    if (!e) return err->code;
    if (start(e, t, err) || !(e->cache = fb_calloc(PLACES, sizeof *e->cache, err))) {
        fb_encoder_close(e);
        return err->code;
    }
    *out = e;
    return FB_OK;
}

void fb_encoder_close(struct fb_encoder *e) {
    if (!e) return;
    finish(e);
    free(e);
}

/* ---- one word ---- */

static int no_id(struct fb_encoder *e, int32_t piece, struct fb_err *err) {
    return fb_fail(err, FB_EFORMAT,
                   "the piece '%.64s' is not in the vocabulary, and there is no unknown token",
                   e->t->vocab.pieces.name[piece]);
}

/* The id of a word that is in the vocabulary as a whole, or -1. */
static int whole_word(struct fb_encoder *e, const char *word, size_t size, int32_t *id,
                      struct fb_err *err) {
    int64_t piece;

    *id = -1;
    if (size > FB_VOCAB_PIECE_BYTES_MAX) return FB_OK;
    e->piece.size = 0;
    if (fb_alphabet_append(&e->piece, word, size, err)) return err->code;
    piece = fb_names_find(&e->t->vocab.pieces, e->piece.data);
    if (piece >= 0) *id = e->t->vocab.id_of[piece];
    return FB_OK;
}

static int encode_bytes(struct fb_encoder *e, struct fb_ids *out, const char *word, size_t size,
                        struct fb_err *err) {
    size_t count;
    int32_t id;

    if (e->t->unigram) {
        if (fb_unigram_encode(e->t->unigram, &e->unigram, word, size, err)) return err->code;
        return fb_ids_push(out, e->unigram.id, (int64_t)e->unigram.count, err);
    }
    if (e->t->whole_words) {
        if (whole_word(e, word, size, &id, err)) return err->code;
        if (id >= 0) return fb_ids_push(out, &id, 1, err);
    }
    if (fb_bpe_encode(&e->t->bpe, &e->bpe, word, size, &count, err)) return err->code;
    for (size_t i = 0; i < count; i++) {
        int32_t piece = e->bpe.symbol[i];
        id = e->t->vocab.id_of[piece];
        if (id < 0) id = e->t->unknown;
        if (id < 0) return no_id(e, piece, err);
        e->bpe.symbol[i] = id;
    }
    return fb_ids_push(out, e->bpe.symbol, (int64_t)count, err);
}

static void load_key(uint64_t key[WORD_MAX / 8], const char *word, size_t size) {
    unsigned char bytes[WORD_MAX] = {0};

    memcpy(bytes, word, size);
    memcpy(key, bytes, WORD_MAX);
}

/* The same when WORD_MAX bytes can be read at `word`, without a copy of variable length. */
static void load_key_inside(uint64_t key[WORD_MAX / 8], const char *word, size_t size) {
    static const unsigned char ones[2 * WORD_MAX] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                     255, 255, 255, 255, 255, 255, 255, 255,
                                                     255, 255, 255, 255, 255, 255, 255, 255};
    uint64_t mask[WORD_MAX / 8];

    memcpy(key, word, WORD_MAX);
    memcpy(mask, ones + WORD_MAX - size, WORD_MAX);
    for (int i = 0; i < WORD_MAX / 8; i++)
        key[i] &= mask[i];
}

static struct word *place_of(const struct fb_encoder *e, const uint64_t key[WORD_MAX / 8],
                             size_t size) {
    uint64_t h = (key[0] ^ size) * 0x9e3779b97f4a7c15u;

    h = (h ^ h >> 32 ^ key[1]) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 29 ^ key[2]) * 0x94d049bb133111ebu;
    return &e->cache[h >> 40 & (PLACES - 1)];
}

static int encode_word(struct fb_encoder *e, struct fb_ids *out, const char *word, size_t size,
                       size_t readable, struct fb_err *err) {
    int64_t before = out->count;
    uint64_t key[WORD_MAX / 8];
    struct word *w;

    if (!e->cache || size > WORD_MAX) return encode_bytes(e, out, word, size, err);
    if (readable >= WORD_MAX) load_key_inside(key, word, size);
    else load_key(key, word, size);
    w = place_of(e, key, size);
    if (w->size == size && w->key[0] == key[0] && w->key[1] == key[1] && w->key[2] == key[2]) {
        if (out->capacity - out->count < IDS_MAX) return fb_ids_push(out, w->id, w->count, err);
        memcpy(out->id + out->count, w->id, sizeof w->id);
        out->count += w->count;
        return FB_OK;
    }
    if (encode_bytes(e, out, word, size, err)) return err->code;
    if (out->count - before > IDS_MAX) return FB_OK;
    memcpy(w->key, key, sizeof key);
    w->size = (uint16_t)size;
    w->count = (uint16_t)(out->count - before);
    memcpy(w->id, out->id + before, w->count * sizeof *w->id);
    return FB_OK;
}

/* ---- words of a stretch without added tokens ---- */

static int encode_words(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                        struct fb_err *err) {
    if (!e->t->gpt2_words) return encode_word(e, out, text, size, size, err);
    for (size_t at = 0; at < size;) {
        size_t n = fb_gpt2_word(text + at, size - at);
        if (encode_word(e, out, text + at, n, size - at, err)) return err->code;
        at += n;
    }
    return FB_OK;
}

/* Applies pattern `which` and, within each match and each gap, those after it. */
static int encode_split(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                        int which, struct fb_err *err) {
    size_t begin, end;

    if (which == e->t->patterns) return encode_words(e, out, text, size, err);
    for (size_t at = 0; at < size; at = end) {
        if (fb_pattern_find(e->t->pattern[which], e->matcher, text, size, at, &begin, &end, err))
            return err->code;
        if (begin > at && encode_split(e, out, text + at, begin - at, which + 1, err))
            return err->code;
        if (end > begin && encode_split(e, out, text + begin, end - begin, which + 1, err))
            return err->code;
    }
    return FB_OK;
}

/* Words of a unigram model: each begins with a space, but for the first perhaps. */
static int encode_unigram(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                          bool first, struct fb_err *err) {
    e->segment.size = 0;
    if (fb_unigram_words(e->t->unigram, &e->segment, &e->piece, text, size, first, err))
        return err->code;
    for (size_t at = 0, n; at < e->segment.size; at += n) {
        const char *word = e->segment.data + at, *end;
        size_t left = e->segment.size - at;
        end = memchr(word + 1, ' ', left - 1);
        n = end ? (size_t)(end - word) : left;
        if (encode_word(e, out, word, n, left, err)) return err->code;
    }
    return FB_OK;
}

static int encode_plain(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                        struct fb_err *err) {
    if (!size) return FB_OK;
    if (e->t->unigram) return encode_unigram(e, out, text, size, text == e->begin, err);
    if (e->t->prefix == FB_PREFIX_SEGMENT && *text != ' ') {
        e->segment.size = 0;
        if (fb_str_putc(&e->segment, ' ', err) || fb_str_append(&e->segment, text, size, err))
            return err->code;
        text = e->segment.data;
        size = e->segment.size;
    }
    return encode_split(e, out, text, size, 0, err);
}

/* ---- texts ---- */

static int encode_segments(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                           struct fb_err *err) {
    if (fb_added_cut(&e->t->added, &e->segments, text, size, err)) return err->code;
    for (size_t i = 0; i < e->segments.count; i++) {
        const struct fb_segment *s = &e->segments.item[i];
        int rc = s->token >= 0 ? fb_ids_push(out, &e->t->added.token[s->token].id, 1, err)
                               : encode_plain(e, out, s->text, s->size, err);
        if (rc) return rc;
    }
    return FB_OK;
}

int fb_encoder_encode(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                      bool specials, struct fb_err *err) {
    if (size > TEXT_MAX)
        return fb_fail(err, FB_EFORMAT, "text of %zu bytes, limit %d", size, TEXT_MAX);
    if (size && !fb_utf8_valid(text, size)) {
        e->clean.size = 0;
        if (fb_utf8_append_replaced(&e->clean, text, size, err)) return err->code;
        text = e->clean.data;
        size = e->clean.size;
    }
    if (e->t->prefix == FB_PREFIX_TEXT) {
        e->prefixed.size = 0;
        if (fb_str_putc(&e->prefixed, ' ', err) || fb_str_append(&e->prefixed, text, size, err))
            return err->code;
        text = e->prefixed.data;
        size = e->prefixed.size;
    }
    e->begin = text;
    if (specials && !e->t->split_specials && fb_added_may_occur(&e->t->added, text, size))
        return encode_segments(e, out, text, size, err);
    return encode_plain(e, out, text, size, err);
}

/* How many ids go from the first and the second segment when `excess` must go, "longest_first":
 * from the longer until they are equal, then in turn, the second first. */
static void share_cut(int64_t first, int64_t second, int64_t excess, int64_t *from_first,
                      int64_t *from_second) {
    int64_t uneven = first > second ? first - second : second - first;
    int64_t rest;

    if (excess > first + second) excess = first + second;
    if (uneven > excess) uneven = excess;
    rest = excess - uneven;
    *from_first = rest / 2 + (first > second ? uneven : 0);
    *from_second = excess - *from_first;
}

/* The same by the rule of the library `tokenizers`: the shorter segment stays whole if the other
 * can make room alone, else both get half of it. */
static void share_room(int64_t first, int64_t second, int64_t room, int64_t *from_first,
                       int64_t *from_second) {
    bool swap = first > second;
    int64_t less = swap ? second : first, more;

    if (room < 0) room = 0;
    more = less > room ? less : less > room - less ? less : room - less;
    if (less + more > room) {
        less = room / 2;
        more = less + room % 2;
    }
    *from_first = first - (swap ? more : less);
    *from_second = second - (swap ? less : more);
    if (*from_first < 0) *from_first = 0;
    if (*from_second < 0) *from_second = 0;
}

static int append_cut(const struct fb_encoder *e, struct fb_ids *out, const struct fb_ids *segment,
                      int64_t cut, bool around, struct fb_err *err) {
    if (around && e->t->bos >= 0 && fb_ids_push(out, &e->t->bos, 1, err)) return err->code;
    if (cut < segment->count &&
        fb_ids_push(out, segment->id + (e->t->truncate_left ? cut : 0), segment->count - cut, err))
        return err->code;
    return around && e->t->eos >= 0 ? fb_ids_push(out, &e->t->eos, 1, err) : FB_OK;
}

int fb_encoder_encode_pair(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                           const char *pair, size_t pair_size, int64_t max_length, bool around,
                           struct fb_err *err) {
    int64_t each = around ? (e->t->bos >= 0) + (e->t->eos >= 0) : 0;
    int64_t added = pair ? 2 * each : each, excess = 0, a = 0, b = 0;
    int64_t before = out->count;

    e->first.count = e->second.count = 0;
    if (fb_encoder_encode(e, &e->first, text, size, true, err)) return err->code;
    if (pair && fb_encoder_encode(e, &e->second, pair, pair_size, true, err)) return err->code;
    if (max_length > 0) excess = e->first.count + e->second.count + added - max_length;
    if (excess > 0 && e->t->unigram && pair)
        share_room(e->first.count, e->second.count, max_length - added, &a, &b);
    else if (excess > 0) share_cut(e->first.count, e->second.count, excess, &a, &b);
    if (append_cut(e, out, &e->first, a, around, err)) return err->code;
    if (pair && append_cut(e, out, &e->second, b, around, err)) return err->code;
    /* The reference would exceed the limit when there is no room even for what it adds. */
    if (max_length > 0 && out->count - before > max_length) out->count = before + max_length;
    return FB_OK;
}

/* ---- without an encoder ---- */

int fb_tokenizer_encode(const struct fb_tokenizer *t, struct fb_ids *out, const char *text,
                        size_t size, bool specials, struct fb_err *err) {
    struct fb_encoder e;
    int rc = start(&e, t, err);

    if (!rc) rc = fb_encoder_encode(&e, out, text, size, specials, err);
    finish(&e);
    return rc;
}

int fb_tokenizer_encode_pair(const struct fb_tokenizer *t, struct fb_ids *out, const char *text,
                             size_t size, const char *pair, size_t pair_size, int64_t max_length,
                             struct fb_err *err) {
    struct fb_encoder e;
    int rc = start(&e, t, err);

    if (!rc)
        rc = fb_encoder_encode_pair(&e, out, text, size, pair, pair_size, max_length, true, err);
    finish(&e);
    return rc;
}
