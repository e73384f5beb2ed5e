/* bpe.c - the merge table and the two ways of joining.
 *
 * A short word is an array that shrinks: each round finds the lowest rank and joins in one pass,
 * which is quadratic but fast for the few symbols that words have. A long word (a text without
 * spaces) is a doubly linked list with a heap of (rank, position), n log n. Both give the same
 * symbols; the tests compare them. */
#include "text/bpe.h"

#include "base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_WORD = 48, NO_RANK = INT32_MAX, NOT_RANKED = -1 };

static size_t slot_of(const struct fb_bpe *bpe, int32_t left, int32_t right) {
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t at = (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (bpe->slots - 1);

    while (bpe->slot[at].left >= 0 && (bpe->slot[at].left != left || bpe->slot[at].right != right))
        at = (at + 1) & (bpe->slots - 1);
    return at;
}

static int grow(struct fb_bpe *bpe, struct fb_err *err) {
    struct fb_bpe larger = {.slots = bpe->slots ? bpe->slots * 2 : 256, .count = bpe->count};

    if (!(larger.slot = fb_realloc(NULL, larger.slots, sizeof *larger.slot, err))) return err->code;
    for (size_t i = 0; i < larger.slots; i++)
        larger.slot[i].left = -1;
    for (size_t i = 0; i < bpe->slots; i++) {
        const struct fb_merge *m = &bpe->slot[i];
        if (m->left >= 0) larger.slot[slot_of(&larger, m->left, m->right)] = *m;
    }
    free(bpe->slot);
    bpe->slot = larger.slot;
    bpe->slots = larger.slots;
    return FB_OK;
}

int fb_bpe_add(struct fb_bpe *bpe, int32_t left, int32_t right, int32_t rank, int32_t joined,
               struct fb_err *err) {
    size_t at;

    if (bpe->count * 2 >= bpe->slots && grow(bpe, err)) return err->code;
    at = slot_of(bpe, left, right);
    if (bpe->slot[at].left < 0) bpe->count++;
    bpe->slot[at] = (struct fb_merge){.left = left, .right = right, .rank = rank, .joined = joined};
    return FB_OK;
}

const struct fb_merge *fb_bpe_find(const struct fb_bpe *bpe, int32_t left, int32_t right) {
    const struct fb_merge *m;

    if (!bpe->slots) return NULL;
    m = &bpe->slot[slot_of(bpe, left, right)];
    return m->left < 0 ? NULL : m;
}

void fb_bpe_free(struct fb_bpe *bpe) {
    free(bpe->slot);
    *bpe = (struct fb_bpe){0};
}

struct fb_bpe_link {
    int32_t previous, next; /* positions; -1 at the ends */
    int32_t rank;           /* of the pair that begins here */
};

struct fb_bpe_entry {
    int32_t rank, at;
};

static int32_t rank_of(const struct fb_bpe *bpe, int32_t left, int32_t right) {
    const struct fb_merge *m = fb_bpe_find(bpe, left, right);

    return m ? m->rank : NO_RANK;
}

/* ---- short words ---- */

/* Joins all occurrences of m's pair, the first at `first`; the ranks of pairs that changed become
 * NOT_RANKED. Returns the new length. */
static size_t join_all(const struct fb_merge *m, int32_t *symbol, int32_t *rank, size_t first,
                       size_t n) {
    size_t to = first;

    for (size_t i = first; i < n; to++) {
        if (i + 1 < n && symbol[i] == m->left && symbol[i + 1] == m->right) {
            symbol[to] = m->joined;
            rank[to] = NOT_RANKED;
            if (to) rank[to - 1] = NOT_RANKED;
            i += 2;
        } else {
            symbol[to] = symbol[i];
            rank[to] = rank[i];
            i++;
        }
    }
    return to;
}

static size_t encode_short(const struct fb_bpe *bpe, int32_t *symbol, size_t n) {
    int32_t rank[SHORT_WORD];

    for (size_t i = 0; i < n; i++)
        rank[i] = NOT_RANKED;
    while (n > 1) {
        const struct fb_merge *m;
        size_t first = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            if (rank[i] == NOT_RANKED) rank[i] = rank_of(bpe, symbol[i], symbol[i + 1]);
            if (rank[i] < rank[first]) first = i;
        }
        if (rank[first] == NO_RANK) break;
        m = fb_bpe_find(bpe, symbol[first], symbol[first + 1]);
        n = join_all(m, symbol, rank, first, n);
    }
    return n;
}

/* ---- long words ---- */

static bool precedes(struct fb_bpe_entry a, struct fb_bpe_entry b) {
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void heap_push(struct fb_bpe_entry *heap, size_t *n, struct fb_bpe_entry e) {
    size_t i = (*n)++;

    for (; i && precedes(e, heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = e;
}

static struct fb_bpe_entry heap_pop(struct fb_bpe_entry *heap, size_t *n) {
    struct fb_bpe_entry top = heap[0], last = heap[--*n];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < *n) {
        if (child + 1 < *n && precedes(heap[child + 1], heap[child])) child++;
        if (!precedes(heap[child], last)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

/* Ranks the pair that begins at `at` and remembers it for the next round. */
static void rank_pair(const struct fb_bpe *bpe, struct fb_bpe_work *w, int32_t at,
                      size_t *pending) {
    struct fb_bpe_link *link = &w->link[at];

    link->rank = link->next < 0 ? NO_RANK : rank_of(bpe, w->symbol[at], w->symbol[link->next]);
    if (link->rank != NO_RANK)
        w->pending[(*pending)++] = (struct fb_bpe_entry){.rank = link->rank, .at = at};
}

static void join(const struct fb_bpe *bpe, struct fb_bpe_work *w, int32_t at, size_t *pending) {
    struct fb_bpe_link *link = &w->link[at], *gone = &w->link[link->next];

    w->symbol[at] = fb_bpe_find(bpe, w->symbol[at], w->symbol[link->next])->joined;
    gone->rank = NO_RANK;
    link->next = gone->next;
    if (link->next >= 0) w->link[link->next].previous = at;
    rank_pair(bpe, w, at, pending);
    if (link->previous >= 0) rank_pair(bpe, w, link->previous, pending);
}

static size_t encode_long(const struct fb_bpe *bpe, struct fb_bpe_work *w, size_t n) {
    size_t heap = 0, pending = 0, count = 0;

    for (size_t i = 0; i < n; i++)
        w->link[i] = (struct fb_bpe_link){
            .previous = (int32_t)i - 1, .next = i + 1 < n ? (int32_t)i + 1 : -1, .rank = NO_RANK};
    for (size_t i = 0; i < n; i++)
        rank_pair(bpe, w, (int32_t)i, &pending);
    for (;;) {
        int32_t rank;
        while (pending)
            heap_push(w->heap, &heap, w->pending[--pending]);
        if (!heap) break;
        rank = w->heap[0].rank;
        while (heap && w->heap[0].rank == rank) {
            struct fb_bpe_entry e = heap_pop(w->heap, &heap);
            /* An entry is stale when its pair has changed since. */
            if (w->link[e.at].rank == rank) join(bpe, w, e.at, &pending);
        }
    }
    for (int32_t at = 0; at >= 0; at = w->link[at].next)
        w->symbol[count++] = w->symbol[at];
    return count;
}

static int reserve(struct fb_bpe_work *w, size_t n, struct fb_err *err) {
    void *grown;

    if (n > w->capacity) {
        size_t capacity = n < 256 ? 256 : n;
        if (!(grown = fb_realloc(w->symbol, capacity, sizeof *w->symbol, err))) return err->code;
        w->symbol = grown;
        w->capacity = capacity;
    }
    if (n > SHORT_WORD && n > w->heap_capacity) {
        if (!(grown = fb_realloc(w->link, n, sizeof *w->link, err))) return err->code;
        w->link = grown;
        /* n pairs at first, and at most two more for each of the n - 1 joins. */
        if (!(grown = fb_realloc(w->heap, 3 * n, sizeof *w->heap, err))) return err->code;
        w->heap = grown;
        if (!(grown = fb_realloc(w->pending, 3 * n, sizeof *w->pending, err))) return err->code;
        w->pending = grown;
        w->heap_capacity = n;
    }
    return FB_OK;
}

int fb_bpe_encode(const struct fb_bpe *bpe, struct fb_bpe_work *work, const char *bytes,
                  size_t size, size_t *count, struct fb_err *err) {
    *count = 0;
    if (reserve(work, size, err)) return err->code;
    for (size_t i = 0; i < size; i++)
        work->symbol[i] = bpe->byte[(unsigned char)bytes[i]];
    *count =
        size <= SHORT_WORD ? encode_short(bpe, work->symbol, size) : encode_long(bpe, work, size);
    return FB_OK;
}

void fb_bpe_work_free(struct fb_bpe_work *work) {
    free(work->symbol);
    free(work->link);
    free(work->heap);
    free(work->pending);
    *work = (struct fb_bpe_work){0};
}
