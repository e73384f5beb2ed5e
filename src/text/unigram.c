#include "text/unigram.h"

#include "base/alloc.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MARK = 3, WIDE = 8, NODES_MAX = 1 << 28 };

#define UNKNOWN_PENALTY 10.0 /* an unknown character scores the least of all pieces less this */

/* First child and next sibling; a node with many children also has a table of them. */
struct fb_unigram_node {
    int32_t child, next; /* -1: none */
    int32_t table;       /* index, or -1 */
    int32_t id;          /* of the piece that ends here, or -1 */
    double score;
    unsigned char byte;
};

/* Best way to end at a position of a word. */
struct fb_unigram_step {
    double score;
    int32_t id;
    int64_t start; /* of the last piece; -1: not reached */
};

/* ---- the trie ---- */

static int32_t find_child(const struct fb_unigram *u, int32_t node, unsigned char byte) {
    const struct fb_unigram_node *n = &u->node[node];
    int32_t child;

    if (n->table >= 0) return u->table[(int64_t)n->table * 256 + byte];
    for (child = n->child; child >= 0; child = u->node[child].next)
        if (u->node[child].byte == byte) return child;
    return -1;
}

static int32_t new_node(struct fb_unigram *u, unsigned char byte, struct fb_err *err) {
    if (u->nodes == u->node_capacity) {
        int64_t want = u->node_capacity ? 2 * u->node_capacity : 1024;
        struct fb_unigram_node *grown;
        if (want > NODES_MAX) {
            fb_fail(err, FB_EFORMAT, "the pieces have more than %d characters", NODES_MAX);
            return -1;
        }
        if (!(grown = fb_realloc(u->node, (size_t)want, sizeof *grown, err))) return -1;
        u->node = grown;
        u->node_capacity = want;
    }
    u->node[u->nodes] =
        (struct fb_unigram_node){.child = -1, .next = -1, .table = -1, .id = -1, .byte = byte};
    return (int32_t)u->nodes++;
}

static int32_t make_child(struct fb_unigram *u, int32_t node, unsigned char byte,
                          struct fb_err *err) {
    int32_t child = find_child(u, node, byte);

    if (child >= 0 || (child = new_node(u, byte, err)) < 0) return child;
    u->node[child].next = u->node[node].child;
    u->node[node].child = child;
    return child;
}

int fb_unigram_add(struct fb_unigram *u, const char *piece, size_t size, double score, int32_t id,
                   struct fb_err *err) {
    int32_t node = 0;

    if (!u->nodes && new_node(u, 0, err) < 0) return err->code;
    if (score < u->least) u->least = score;
    /* Spaces are marked before pieces are looked for. */
    if (!size || memchr(piece, ' ', size)) return FB_OK;
    for (size_t i = 0; i < size && node >= 0;) {
        bool mark = size - i >= MARK && !memcmp(piece + i, FB_UNIGRAM_SPACE, MARK);
        node = make_child(u, node, mark ? ' ' : (unsigned char)piece[i], err);
        i += mark ? MARK : 1;
    }
    if (node < 0) return err->code;
    u->node[node].id = id;
    u->node[node].score = score;
    return FB_OK;
}

static int children(const struct fb_unigram *u, int32_t node) {
    int n = 0;

    for (int32_t child = u->node[node].child; child >= 0; child = u->node[child].next)
        n++;
    return n;
}

int fb_unigram_finish(struct fb_unigram *u, struct fb_err *err) {
    int64_t wide = 0;

    for (int64_t i = 0; i < u->nodes; i++)
        wide += children(u, (int32_t)i) > WIDE;
    if (!(u->table = fb_malloc((size_t)(wide + 1) * 256 * sizeof *u->table, err))) return err->code;
    memset(u->table, 0xff, (size_t)(wide + 1) * 256 * sizeof *u->table);
    for (int64_t i = 0; i < u->nodes; i++) {
        struct fb_unigram_node *n = &u->node[i];
        if (children(u, (int32_t)i) <= WIDE) continue;
        for (int32_t child = n->child; child >= 0; child = u->node[child].next)
            u->table[u->tables * 256 + u->node[child].byte] = child;
        n->table = (int32_t)u->tables++;
    }
    return FB_OK;
}

void fb_unigram_free(struct fb_unigram *u) {
    fb_charsmap_free(&u->map);
    free(u->node);
    free(u->table);
    *u = (struct fb_unigram){0};
}

/* ---- words ---- */

/* White_Space: what Python's str.strip() takes, without the separators U+001C to U+001F. */
static bool is_space(uint32_t point) {
    return fb_char_is_blank(point) && !(point >= 0x1c && point <= 0x1f);
}

static void strip(const struct fb_unigram *u, const char **text, size_t *size) {
    uint32_t point;

    for (size_t n; u->strip_left && *size; *text += n, *size -= n) {
        n = fb_utf8_next(*text, *size, &point);
        if (!is_space(point)) break;
    }
    for (size_t n = 1; u->strip_right && *size; *size -= n) {
        for (n = 1; n < *size && n < 4 && ((*text)[*size - n] & 0xc0) == 0x80; n++)
            continue;
        fb_utf8_next(*text + *size - n, n, &point);
        if (!is_space(point)) break;
    }
}

struct writer {
    const struct fb_unigram *u;
    struct fb_str *out;
    bool begun, spaced; /* something was written; the last character was a space itself */
    bool apart;         /* split_spaces: a word ended */
    bool prefix;
};

static int put_mark(struct writer *w, struct fb_err *err) {
    w->begun = true;
    w->spaced = w->apart = false;
    return fb_str_putc(w->out, ' ', err);
}

static int put_text(struct writer *w, const char *text, size_t size, struct fb_err *err) {
    if ((!w->begun || w->apart) && w->prefix && fb_str_putc(w->out, ' ', err)) return err->code;
    w->begun = true;
    w->spaced = w->apart = false;
    return fb_str_append(w->out, text, size, err);
}

static int put_space(struct writer *w, struct fb_err *err) {
    if (w->spaced && w->u->join_spaces) return FB_OK;
    if (put_mark(w, err)) return err->code;
    w->spaced = true;
    return FB_OK;
}

int fb_unigram_words(const struct fb_unigram *u, struct fb_str *out, struct fb_str *scratch,
                     const char *text, size_t size, bool first, struct fb_err *err) {
    struct writer w = {.u = u,
                       .out = out,
                       .prefix = u->prefix == FB_UNIGRAM_ALWAYS ||
                                 (u->prefix == FB_UNIGRAM_FIRST && first)};
    uint32_t point;
    int rc = FB_OK;

    scratch->size = 0;
    if (fb_charsmap_apply(&u->map, scratch, text, size, err)) return err->code;
    text = fb_str_text(scratch);
    size = scratch->size;
    strip(u, &text, &size);
    for (size_t n; size && !rc; text += n, size -= n) {
        for (n = 0; n<size &&*(const unsigned char *)(text + n)> ' ' &&
                    *(const unsigned char *)(text + n) < 0x80;)
            n++;
        if (n) {
            rc = put_text(&w, text, n, err);
            continue;
        }
        n = fb_utf8_next(text, size, &point);
        if (u->split_spaces && is_space(point)) w.apart = w.begun;
        else if (point == ' ') rc = put_space(&w, err);
        else if (point == 0x2581) rc = put_mark(&w, err);
        else rc = put_text(&w, text, n, err);
    }
    return rc;
}

/* ---- one word ---- */

static int reserve(struct fb_unigram_work *work, size_t size, struct fb_err *err) {
    if (size < work->capacity) return FB_OK;
    free(work->step);
    free(work->id);
    work->capacity = work->id_capacity = 0;
    work->id = NULL;
    if (!(work->step = fb_malloc(2 * (size + 32) * sizeof *work->step, err))) return err->code;
    if (!(work->id = fb_malloc(2 * (size + 32) * sizeof *work->id, err))) return err->code;
    work->capacity = work->id_capacity = 2 * (size + 32);
    return FB_OK;
}

static void relax(struct fb_unigram_step *to, double score, int32_t id, int64_t start) {
    if (to->start >= 0 && !(score > to->score)) return;
    *to = (struct fb_unigram_step){score, id, start};
}

/* Extends the best way to `start` by every piece that begins there. */
static void extend(const struct fb_unigram *u, struct fb_unigram_step *step, const char *word,
                   size_t start, size_t size, size_t character) {
    int32_t node = 0;
    bool covered = false;
    double score = step[start].score;

    for (size_t at = start; at < size;) {
        node = find_child(u, node, (unsigned char)word[at]);
        if (node < 0) break;
        at++;
        if (u->node[node].id < 0) continue;
        relax(&step[at], u->node[node].score + score, u->node[node].id, (int64_t)start);
        if (at - start == character) covered = true;
    }
    if (!covered)
        relax(&step[start + character], u->least - UNKNOWN_PENALTY + score, u->unknown,
              (int64_t)start);
}

/* A text of unknown characters may happen to be a piece. */
static int32_t look_up(const struct fb_unigram *u, const char *text, size_t size) {
    int32_t node = 0;

    for (size_t i = 0; i < size && node >= 0; i++)
        node = find_child(u, node, (unsigned char)text[i]);
    return node >= 0 && u->node[node].id >= 0 ? u->node[node].id : u->unknown;
}

int fb_unigram_encode(const struct fb_unigram *u, struct fb_unigram_work *work, const char *word,
                      size_t size, struct fb_err *err) {
    struct fb_unigram_step *step;
    size_t count = 0, end;
    uint32_t point;

    work->count = 0;
    if (reserve(work, size, err)) return err->code;
    step = work->step;
    for (size_t i = 0; i <= size; i++)
        step[i] = (struct fb_unigram_step){0, u->unknown, -1};
    for (size_t at = 0, n; at < size; at += n) {
        n = fb_utf8_next(word + at, size - at, &point);
        extend(u, step, word, at, size, n);
    }
    /* Backwards; unknown neighbours become one. */
    for (end = size; end > 0;) {
        size_t start = (size_t)step[end].start;
        int32_t id = step[end].id;
        if (id == u->unknown) {
            while (start > 0 && step[start].id == u->unknown)
                start = (size_t)step[start].start;
            id = look_up(u, word + start, end - start);
        }
        work->id[count++] = id;
        end = start;
    }
    for (size_t i = 0; i < count / 2; i++) {
        int32_t other = work->id[i];
        work->id[i] = work->id[count - 1 - i];
        work->id[count - 1 - i] = other;
    }
    work->count = count;
    return FB_OK;
}

void fb_unigram_work_free(struct fb_unigram_work *work) {
    free(work->step);
    free(work->id);
    *work = (struct fb_unigram_work){0};
}
