/* spiece.c - the wire format of protocol buffers, as far as ModelProto uses it:
 *
 *     field = varint (number << 3 | type), then by type: 0 varint, 1 eight bytes, 2 length and
 *     bytes, 5 four bytes */
#include "text/spiece.h"

#include "base/alloc.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { PIECES_MAX = 1 << 24 };

/* What is left of a message. */
struct reader {
    const unsigned char *at;
    size_t left;
};

struct field {
    uint64_t number, value; /* value: of a varint */
    int type;
    struct reader body; /* of a length-delimited or fixed field */
};

static int broken(struct fb_err *err) {
    return fb_fail(err, FB_EFORMAT, "is not a SentencePiece model: a field goes past its end");
}

static int read_varint(struct reader *r, uint64_t *out, struct fb_err *err) {
    *out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        unsigned char byte;
        if (!r->left) return broken(err);
        byte = *r->at++;
        r->left--;
        *out |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return FB_OK;
    }
    return fb_fail(err, FB_EFORMAT, "is not a SentencePiece model: a number of more than 64 bits");
}

static int read_field(struct reader *r, struct field *f, struct fb_err *err) {
    uint64_t tag, size;

    *f = (struct field){0};
    if (read_varint(r, &tag, err)) return err->code;
    f->number = tag >> 3;
    f->type = (int)(tag & 7);
    switch (f->type) {
    case 0: return read_varint(r, &f->value, err);
    case 1: size = 8; break;
    case 5: size = 4; break;
    case 2:
        if (read_varint(r, &size, err)) return err->code;
        break;
    default:
        return fb_fail(err, FB_EFORMAT, "is not a SentencePiece model: a field of type %d",
                       f->type);
    }
    if (size > r->left) return broken(err);
    f->body = (struct reader){r->at, (size_t)size};
    r->at += size;
    r->left -= (size_t)size;
    return FB_OK;
}

static float read_float(const struct field *f) {
    const unsigned char *p = f->body.at;
    uint32_t bits = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* SentencePiece { piece = 1; score = 2; type = 3; } */
static int read_piece(struct fb_spiece *out, struct reader r, struct fb_err *err) {
    struct fb_piece piece = {.text = "", .type = FB_PIECE_NORMAL};
    struct field f;

    while (r.left) {
        if (read_field(&r, &f, err)) return err->code;
        if (f.number == 1 && f.type == 2) {
            piece.text = (const char *)f.body.at;
            piece.size = f.body.left;
        } else if (f.number == 2 && f.type == 5) {
            piece.score = read_float(&f);
        } else if (f.number == 3 && f.type == 0) {
            piece.type = (int64_t)f.value;
        }
    }
    if (!fb_utf8_valid(piece.text, piece.size) || memchr(piece.text, '\0', piece.size))
        return fb_fail(err, FB_EFORMAT, "piece %zu is not UTF-8 text", out->count);
    if (!(piece.score >= -1e30f && piece.score <= 1e30f))
        return fb_fail(err, FB_EFORMAT, "the score of piece %zu is no number", out->count);
    if (out->count == out->capacity) {
        size_t want = out->capacity ? 2 * out->capacity : 1024;
        struct fb_piece *grown;
        if (want > PIECES_MAX) return fb_fail(err, FB_EFORMAT, "more than %d pieces", PIECES_MAX);
        if (!(grown = fb_realloc(out->piece, want, sizeof *grown, err))) return err->code;
        out->piece = grown;
        out->capacity = want;
    }
    out->piece[out->count++] = piece;
    return FB_OK;
}

/* TrainerSpec { model_type = 3; unk_id = 40; } */
static int read_trainer(struct fb_spiece *out, struct reader r, struct fb_err *err) {
    struct field f;

    while (r.left) {
        if (read_field(&r, &f, err)) return err->code;
        if (f.type != 0) continue;
        if (f.number == 3) out->model_type = (int64_t)f.value;
        if (f.number == 40) out->unk_id = (int32_t)(uint32_t)f.value;
    }
    return FB_OK;
}

/* NormalizerSpec { precompiled_charsmap = 2; } */
static int read_normalizer(struct fb_spiece *out, struct reader r, struct fb_err *err) {
    struct field f;

    while (r.left) {
        if (read_field(&r, &f, err)) return err->code;
        if (f.number != 2 || f.type != 2) continue;
        out->charsmap = (const char *)f.body.at;
        out->charsmap_size = f.body.left;
    }
    return FB_OK;
}

/* ModelProto { pieces = 1; trainer_spec = 2; normalizer_spec = 3; } */
static int read_model(struct fb_spiece *out, struct reader r, struct fb_err *err) {
    struct field f;

    while (r.left) {
        int rc = read_field(&r, &f, err);
        if (!rc && f.type == 2 && f.number == 1) rc = read_piece(out, f.body, err);
        if (!rc && f.type == 2 && f.number == 2) rc = read_trainer(out, f.body, err);
        if (!rc && f.type == 2 && f.number == 3) rc = read_normalizer(out, f.body, err);
        if (rc) return rc;
    }
    if (!out->count) return fb_fail(err, FB_EFORMAT, "is not a SentencePiece model: no pieces");
    if (out->model_type != 1)
        return fb_fail(err, FB_EUNSUPPORTED, "SentencePiece model type %jd, expected 1 (unigram)",
                       (intmax_t)out->model_type);
    if (out->unk_id < 0 || (size_t)out->unk_id >= out->count)
        return fb_fail(err, FB_EFORMAT, "unk_id is %jd, limit 0 to %zu", (intmax_t)out->unk_id,
                       out->count - 1);
    return FB_OK;
}

int fb_spiece_read(struct fb_spiece *out, const void *bytes, size_t size, struct fb_err *err) {
    *out = (struct fb_spiece){.model_type = 1};
    if (!read_model(out, (struct reader){bytes, size}, err)) return FB_OK;
    fb_spiece_free(out);
    return err->code;
}

void fb_spiece_free(struct fb_spiece *s) {
    free(s->piece);
    *s = (struct fb_spiece){0};
}
