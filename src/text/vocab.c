#include "text/vocab.h"

#include "base/alloc.h"
#include "base/str.h"
#include "text/alphabet.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

int32_t fb_vocab_intern(struct fb_vocab *v, const char *text, struct fb_err *err) {
    int64_t piece = fb_names_add(&v->pieces, text, NULL, err), capacity = v->pieces.capacity;
    int32_t *grown;

    if (piece < 0) return err->code;
    if (piece >= FB_VOCAB_PIECES_MAX)
        return fb_fail(err, FB_EFORMAT, "more than %d strings", FB_VOCAB_PIECES_MAX);
    if (capacity > v->id_of_capacity) {
        if (!(grown = fb_realloc(v->id_of, (size_t)capacity, sizeof *grown, err))) return err->code;
        for (int64_t i = v->id_of_capacity; i < capacity; i++)
            grown[i] = -1;
        v->id_of = grown;
        v->id_of_capacity = capacity;
    }
    return (int32_t)piece;
}

int fb_vocab_set(struct fb_vocab *v, int32_t piece, int64_t id, struct fb_err *err) {
    int32_t *grown;

    if (id < 0 || id >= FB_VOCAB_IDS_MAX)
        return fb_fail(err, FB_EFORMAT, "'%.64s' has the id %jd, limit 0 to %d",
                       v->pieces.name[piece], (intmax_t)id, FB_VOCAB_IDS_MAX - 1);
    if (id >= v->ids) {
        /* Ids mostly come in order: grow to the next power of two to move them seldom. */
        size_t room = 256;
        while (room <= (size_t)id)
            room *= 2;
        if (!v->piece_of || room > (size_t)v->ids) {
            grown = fb_realloc(v->piece_of, room, sizeof *grown, err);
            if (!grown) return err->code;
            v->piece_of = grown;
        }
        for (int64_t i = v->ids; i <= id; i++)
            v->piece_of[i] = -1;
        v->ids = id + 1;
    }
    if (v->id_of[piece] < 0) v->count++;
    v->id_of[piece] = (int32_t)id;
    v->piece_of[id] = piece;
    return FB_OK;
}

int32_t fb_vocab_piece(const struct fb_vocab *v, int64_t id) {
    return id < 0 || id >= v->ids ? -1 : v->piece_of[id];
}

void fb_vocab_free(struct fb_vocab *v) {
    fb_names_free(&v->pieces);
    free(v->id_of);
    free(v->piece_of);
    *v = (struct fb_vocab){0};
}

int fb_vocab_read(struct fb_vocab *v, const json_t *object, struct fb_err *err) {
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return fb_fail(err, FB_EFORMAT, "the vocabulary is not an object of pieces and ids");
    /* jansson's loop macro takes a json_t that is not const, but changes nothing. */
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        int32_t piece;
        if (strlen(key) > FB_VOCAB_PIECE_BYTES_MAX)
            return fb_fail(err, FB_EFORMAT, "a piece of %zu bytes, limit %d", strlen(key),
                           FB_VOCAB_PIECE_BYTES_MAX);
        if (!json_is_integer(value))
            return fb_fail(err, FB_EFORMAT, "the id of '%.64s' is not a whole number", key);
        if ((piece = fb_vocab_intern(v, key, err)) < 0) return err->code;
        if (fb_vocab_set(v, piece, json_integer_value(value), err)) return err->code;
    }
    return FB_OK;
}

int fb_vocab_bytes(struct fb_vocab *v, struct fb_bpe *bpe, struct fb_err *err) {
    char text[5];

    for (unsigned byte = 0; byte < 256; byte++) {
        text[fb_utf8_put(text, fb_alphabet_char((unsigned char)byte))] = '\0';
        if ((bpe->byte[byte] = fb_vocab_intern(v, text, err)) < 0) return err->code;
    }
    return FB_OK;
}

static int32_t intern_bytes(struct fb_vocab *v, struct fb_str *room, const char *a, size_t a_size,
                            const char *b, size_t b_size, struct fb_err *err) {
    room->size = 0;
    if (fb_str_append(room, a, a_size, err) || fb_str_append(room, b, b_size, err))
        return err->code;
    return fb_vocab_intern(v, room->data, err);
}

int fb_vocab_merge(struct fb_vocab *v, struct fb_bpe *bpe, const char *left, size_t left_size,
                   const char *right, size_t right_size, int32_t rank, struct fb_err *err) {
    struct fb_str room = {0};
    int32_t a, b, joined;
    int rc;

    if (left_size > FB_VOCAB_PIECE_BYTES_MAX || right_size > FB_VOCAB_PIECE_BYTES_MAX)
        return fb_fail(err, FB_EFORMAT, "merge %jd names a piece of %zu bytes, limit %d",
                       (intmax_t)rank, left_size > right_size ? left_size : right_size,
                       FB_VOCAB_PIECE_BYTES_MAX);
    /* No word contains an empty string or a zero byte: such a merge joins nothing. */
    if (!left_size || !right_size || memchr(left, 0, left_size) || memchr(right, 0, right_size))
        return FB_OK;
    if ((a = intern_bytes(v, &room, left, left_size, "", 0, err)) < 0) goto fail;
    if ((b = intern_bytes(v, &room, right, right_size, "", 0, err)) < 0) goto fail;
    if ((joined = intern_bytes(v, &room, left, left_size, right, right_size, err)) < 0) goto fail;
    rc = fb_bpe_add(bpe, a, b, rank, joined, err);
    fb_str_free(&room);
    return rc;
fail:
    fb_str_free(&room);
    return err->code;
}

/* The next run of characters that are not blank, as str.split() gives it; returns its end. */
static size_t next_word(const char *line, size_t size, size_t at, size_t *begin) {
    uint32_t point;
    size_t n;

    for (; at < size; at += n) {
        n = fb_utf8_next(line + at, size - at, &point);
        if (!fb_char_is_blank(point)) break;
    }
    *begin = at;
    for (; at < size; at += n) {
        n = fb_utf8_next(line + at, size - at, &point);
        if (fb_char_is_blank(point)) break;
    }
    return at;
}

static int read_merge(struct fb_vocab *v, struct fb_bpe *bpe, const char *line, size_t size,
                      int32_t rank, struct fb_err *err) {
    size_t a, b, c, a_end = next_word(line, size, 0, &a), b_end = next_word(line, size, a_end, &b);

    next_word(line, size, b_end, &c);
    if (b == b_end || c < size) return FB_OK;
    return fb_vocab_merge(v, bpe, line + a, a_end - a, line + b, b_end - b, rank, err);
}

int fb_vocab_merges(struct fb_vocab *v, struct fb_bpe *bpe, const char *text, size_t size,
                    struct fb_err *err) {
    int32_t line = 0;

    if (!fb_utf8_valid(text, size)) return fb_fail(err, FB_EFORMAT, "the merges are not UTF-8");
    for (size_t at = 0; at < size; line++) {
        size_t end = at;
        /* Python reads "\r\n" and "\r" as "\n". */
        while (end < size && text[end] != '\n' && text[end] != '\r')
            end++;
        if (end == size) break;
        if (line && read_merge(v, bpe, text + at, end - at, line - 1, err))
            return fb_context(err, "line %jd", (intmax_t)line + 1);
        at = end + (text[end] == '\r' && end + 1 < size && text[end + 1] == '\n' ? 2 : 1);
    }
    return FB_OK;
}
