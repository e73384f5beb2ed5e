#include "text/added.h"

#include "base/alloc.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

struct fb_added_edge {
    uint64_t key; /* node << 21 | character, plus 1; 0: unused */
    int32_t child;
};

/* ---- the trie ---- */

static size_t slot_of(const struct fb_added *a, uint64_t key) {
    size_t at = (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (a->slots - 1);

    while (a->edge[at].key && a->edge[at].key != key)
        at = (at + 1) & (a->slots - 1);
    return at;
}

static uint64_t edge_key(int32_t node, uint32_t point) {
    return ((uint64_t)(uint32_t)node << 21 | point) + 1;
}

/* The node after a character, or -1. */
static int32_t step(const struct fb_added *a, int32_t node, uint32_t point) {
    const struct fb_added_edge *e;

    if (!a->slots) return -1;
    e = &a->edge[slot_of(a, edge_key(node, point))];
    return e->key ? e->child : -1;
}

static int grow_edges(struct fb_added *a, struct fb_err *err) {
    struct fb_added larger = {.slots = a->slots ? a->slots * 2 : 64};

    if (!(larger.edge = fb_calloc(larger.slots, sizeof *larger.edge, err))) return err->code;
    for (size_t i = 0; i < a->slots; i++)
        if (a->edge[i].key) larger.edge[slot_of(&larger, a->edge[i].key)] = a->edge[i];
    free(a->edge);
    a->edge = larger.edge;
    a->slots = larger.slots;
    return FB_OK;
}

static int32_t new_node(struct fb_added *a, struct fb_err *err) {
    struct fb_added_node *grown;

    if (a->nodes >= FB_ADDED_NODES_MAX)
        return fb_fail(err, FB_EFORMAT, "added tokens of more than %d characters in all",
                       FB_ADDED_NODES_MAX);
    if (a->nodes == a->node_capacity) {
        size_t capacity = a->node_capacity ? a->node_capacity * 2 : 64;
        if (!(grown = fb_realloc(a->node, capacity, sizeof *grown, err))) return err->code;
        a->node = grown;
        a->node_capacity = capacity;
    }
    a->node[a->nodes].token = -1;
    return (int32_t)a->nodes++;
}

static int32_t step_or_add(struct fb_added *a, int32_t node, uint32_t point, struct fb_err *err) {
    int32_t child = step(a, node, point);
    uint64_t key = edge_key(node, point);

    if (child >= 0) return child;
    if (a->edges * 2 >= a->slots && grow_edges(a, err)) return err->code;
    if ((child = new_node(a, err)) < 0) return child;
    a->edge[slot_of(a, key)] = (struct fb_added_edge){.key = key, .child = child};
    a->edges++;
    return child;
}

static int32_t new_token(struct fb_added *a, struct fb_err *err) {
    struct fb_added_token *grown;

    if (a->tokens >= FB_ADDED_MAX)
        return fb_fail(err, FB_EFORMAT, "more than %d added tokens", FB_ADDED_MAX);
    if (a->tokens == a->token_capacity) {
        size_t capacity = a->token_capacity ? a->token_capacity * 2 : 16;
        if (!(grown = fb_realloc(a->token, capacity, sizeof *grown, err))) return err->code;
        a->token = grown;
        a->token_capacity = capacity;
    }
    return (int32_t)a->tokens++;
}

int fb_added_add(struct fb_added *a, const char *content, size_t size, struct fb_added_token token,
                 struct fb_err *err) {
    unsigned char first = size ? (unsigned char)content[0] : 0;
    int32_t node = 0, index;
    uint32_t point;

    if (!size) return FB_OK;
    if (size > FB_ADDED_BYTES_MAX)
        return fb_fail(err, FB_EFORMAT, "an added token of %zu bytes, limit %d", size,
                       FB_ADDED_BYTES_MAX);
    if (!a->nodes && new_node(a, err) < 0) return err->code;
    for (size_t at = 0; at < size;) {
        at += fb_utf8_next(content + at, size - at, &point);
        if ((node = step_or_add(a, node, point, err)) < 0) return err->code;
    }
    if ((index = a->node[node].token) < 0 && (index = new_token(a, err)) < 0) return err->code;
    a->node[node].token = index;
    a->token[index] = token;
    if (token.cuts && !a->starts[first]) {
        a->starts[first] = true;
        a->starts_count++;
        a->start = first;
    }
    return FB_OK;
}

int32_t fb_added_find(const struct fb_added *a, const char *text, size_t size) {
    int32_t node = 0;
    uint32_t point;

    if (!a->nodes || !size || size > FB_ADDED_BYTES_MAX) return -1;
    for (size_t at = 0; at < size && node >= 0;) {
        at += fb_utf8_next(text + at, size - at, &point);
        node = step(a, node, point);
    }
    return node < 0 ? -1 : a->node[node].token;
}

bool fb_added_may_occur(const struct fb_added *a, const char *text, size_t size) {
    if (!a->starts_count || !size) return false;
    if (a->starts_count == 1) return memchr(text, a->start, size) != NULL;
    for (size_t i = 0; i < size; i++)
        if (a->starts[(unsigned char)text[i]]) return true;
    return false;
}

void fb_added_free(struct fb_added *a) {
    free(a->token);
    free(a->node);
    free(a->edge);
    *a = (struct fb_added){0};
}

/* ---- cutting: Trie.split of the reference, over characters ---- */

struct state {
    size_t start;
    int32_t node;
    bool failed; /* forgotten after this character, but still seen by a lookahead until then */
};

struct fb_added_room {
    uint32_t *point; /* the text's characters */
    size_t *byte;    /* where each begins; one more than characters */
    size_t length, capacity;
    struct state state[FB_ADDED_BYTES_MAX + 1];
    size_t states;
    size_t begin, end; /* the match that was found, in characters */
};

static bool ends_token(const struct fb_added *a, int32_t node) {
    return a->node[node].token >= 0 && a->token[a->node[node].token].cuts;
}

static int decode(struct fb_added_room *room, const char *text, size_t size, struct fb_err *err) {
    void *grown;

    if (size + 1 > room->capacity) {
        if (!(grown = fb_realloc(room->point, size + 1, sizeof *room->point, err)))
            return err->code;
        room->point = grown;
        if (!(grown = fb_realloc(room->byte, size + 1, sizeof *room->byte, err))) return err->code;
        room->byte = grown;
        room->capacity = size + 1;
    }
    room->length = 0;
    for (size_t at = 0; at < size; room->length++) {
        room->byte[room->length] = at;
        at += fb_utf8_next(text + at, size - at, &room->point[room->length]);
    }
    room->byte[room->length] = size;
    room->states = 0;
    return FB_OK;
}

/* The longest token from one state on; true when there is one. */
static bool look_ahead(const struct fb_added *a, struct fb_added_room *room, size_t start,
                       int32_t node, size_t at) {
    bool found = false;

    for (;;) {
        if (ends_token(a, node)) {
            room->begin = start;
            room->end = at;
            found = true;
        }
        if (at >= room->length || (node = step(a, node, room->point[at])) < 0) return found;
        at++;
    }
}

/* A token ends before character `now`, begun in state `which`: an earlier state that can still
 * become a token wins, and each takes the longest. Earlier states have seen `now` already. */
static void settle(const struct fb_added *a, struct fb_added_room *room, size_t which, size_t now) {
    for (size_t i = 0; i < which; i++)
        if (look_ahead(a, room, room->state[i].start, room->state[i].node, now + 1)) return;
    (void)look_ahead(a, room, room->state[which].start, room->state[which].node, now);
}

/* Feeds character `now` to the states; true when a match was found, which forgets them all. */
static bool advance(const struct fb_added *a, struct fb_added_room *room, size_t now) {
    size_t kept = 0;

    for (size_t i = 0; i < room->states; i++) {
        struct state *s = &room->state[i];
        int32_t next;
        if (ends_token(a, s->node)) {
            settle(a, room, i, now);
            room->states = 0;
            return true;
        }
        next = step(a, s->node, room->point[now]);
        s->failed = next < 0;
        if (next >= 0) s->node = next;
    }
    for (size_t i = 0; i < room->states; i++)
        if (!room->state[i].failed) room->state[kept++] = room->state[i];
    room->states = kept;
    return false;
}

static int add_segment(struct fb_segments *out, const char *text, size_t begin, size_t end,
                       struct fb_err *err) {
    struct fb_segment *grown;

    if (begin >= end) return FB_OK;
    if (out->count == out->capacity) {
        size_t capacity = out->capacity ? out->capacity * 2 : 16;
        if (!(grown = fb_realloc(out->item, capacity, sizeof *grown, err))) return err->code;
        out->item = grown;
        out->capacity = capacity;
    }
    out->item[out->count++] =
        (struct fb_segment){.text = text + begin, .size = end - begin, .token = -1};
    return FB_OK;
}

/* Cuts out the match in the room; what lies before it since `done` becomes a segment too. */
static int add_match(struct fb_segments *out, const char *text, size_t *done, struct fb_err *err) {
    const struct fb_added_room *room = out->room;
    size_t begin = room->byte[room->begin], end = room->byte[room->end];

    if (begin < *done) return FB_OK;
    if (add_segment(out, text, *done, begin, err) || add_segment(out, text, begin, end, err))
        return err->code;
    *done = end;
    return FB_OK;
}

static int cut(const struct fb_added *a, struct fb_segments *out, const char *text, size_t size,
               struct fb_err *err) {
    struct fb_added_room *room = out->room;
    size_t done = 0, skip = 0;

    for (size_t now = 0; now < room->length; now++) {
        int32_t node;
        if (now < skip) continue;
        if (advance(a, room, now)) {
            skip = room->end;
            if (add_match(out, text, &done, err)) return err->code;
        }
        if (now >= skip && (node = step(a, 0, room->point[now])) >= 0)
            room->state[room->states++] = (struct state){.start = now, .node = node};
    }
    for (size_t i = 0; i < room->states; i++) {
        if (!ends_token(a, room->state[i].node)) continue;
        room->begin = room->state[i].start;
        room->end = room->length;
        if (add_match(out, text, &done, err)) return err->code;
        break;
    }
    return add_segment(out, text, done, size, err);
}

/* ---- the flags ---- */

static void strip_left(struct fb_segment *s) {
    uint32_t point;

    while (s->size) {
        size_t n = fb_utf8_next(s->text, s->size, &point);
        if (!fb_char_is_blank(point)) break;
        s->text += n;
        s->size -= n;
    }
}

static void strip_right(struct fb_segment *s) {
    uint32_t point;

    while (s->size) {
        size_t n = 1;
        while (n < s->size && ((unsigned char)s->text[s->size - n] & 0xc0) == 0x80)
            n++;
        fb_utf8_next(s->text + s->size - n, n, &point);
        if (!fb_char_is_blank(point)) break;
        s->size -= n;
    }
}

/* `into` becomes the text of a followed by that of b; `gone` becomes empty. */
static int concatenate(struct fb_segment *into, struct fb_segment *gone, const struct fb_segment *a,
                       const struct fb_segment *b, struct fb_err *err) {
    char *text = fb_malloc(a->size + b->size, err);
    size_t size = a->size + b->size;

    if (!text) return err->code;
    memcpy(text, a->text, a->size);
    memcpy(text + a->size, b->text, b->size);
    free(into->owned);
    into->text = into->owned = text;
    into->size = size;
    gone->size = 0;
    return FB_OK;
}

static int apply_flags(const struct fb_added *a, struct fb_segments *out, struct fb_err *err) {
    for (size_t i = 0; i < out->count; i++) {
        struct fb_segment *s = &out->item[i], *left = i ? s - 1 : NULL;
        struct fb_segment *right = i + 1 < out->count ? s + 1 : NULL;
        int32_t index = fb_added_find(a, s->text, s->size);
        const struct fb_added_token *token = index < 0 ? NULL : &a->token[index];
        bool left_open, right_open;
        if (!token) continue;
        /* single_word looks at the neighbours as they were before the stripping. */
        left_open = left && left->size && left->text[left->size - 1] != ' ';
        right_open = right && right->size && right->text[0] != ' ';
        if (token->rstrip && right) strip_left(right);
        if (token->lstrip && left) strip_right(left);
        if (token->single_word && left_open) {
            if (concatenate(left, s, left, s, err)) return err->code;
        } else if (token->single_word && right_open) {
            if (concatenate(right, s, s, right, err)) return err->code;
        }
    }
    for (size_t i = 0; i < out->count; i++)
        out->item[i].token = fb_added_find(a, out->item[i].text, out->item[i].size);
    return FB_OK;
}

static void forget(struct fb_segments *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->item[i].owned);
    s->count = 0;
}

int fb_added_cut(const struct fb_added *a, struct fb_segments *out, const char *text, size_t size,
                 struct fb_err *err) {
    forget(out);
    if (!out->room && !(out->room = fb_calloc(1, sizeof *out->room, err))) return err->code;
    if (decode(out->room, text, size, err)) return err->code;
    if (cut(a, out, text, size, err)) return err->code;
    return apply_flags(a, out, err);
}

void fb_segments_free(struct fb_segments *s) {
    forget(s);
    free(s->item);
    if (s->room) {
        free(s->room->point);
        free(s->room->byte);
    }
    free(s->room);
    *s = (struct fb_segments){0};
}
