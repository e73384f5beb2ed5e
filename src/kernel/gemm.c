/* gemm.c - blocking and threads of the matrix product; the arithmetic is isa->tile.
 *
 * A task is a block of rows times a range of panels. For each block of BLOCK_IN inputs the task's
 * rows are packed (384 x 256: 0.4 MB, which stays in the second-level cache); then each panel of
 * weights (16 KB with AVX2), once read from the third level or from memory, stays in the first
 * while it meets all of them. Fewer rows per block make the stream of weights the limit: rows so
 * few that all of their inputs find room are packed once for all tasks of a thread, and meet the
 * weights in the order in which these lie in memory, the next ones being fetched meanwhile. */
#include "kernel/gemm.h"

#include "base/alloc.h"
#include "kernel/cpu.h"
#include "kernel/prefetch.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_IN = 256, BLOCK_ROWS = 384, ALIGN = 64, TASKS_PER_THREAD = 3 };

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void pack_panel(float *to, const float *w, enum fb_weight_order order, int64_t in,
                       int64_t out, int64_t first, int64_t cols) {
    int64_t n = least(cols, out - first);

    for (int64_t p = 0; p < in; p++, to += cols) {
        const float *from = order == FB_IN_OUT ? w + p * out + first : w + first * in + p;
        int64_t step = order == FB_IN_OUT ? 1 : in;
        for (int64_t j = 0; j < n; j++)
            to[j] = from[j * step];
        for (int64_t j = n; j < cols; j++)
            to[j] = 0.0f;
    }
}

/* Memory for a matrix and its bias. */
static int allocate(struct fb_packed *packed, int64_t in, int64_t out, const struct fb_isa *isa,
                    struct fb_err *err) {
    int64_t cols = isa->cols, panels = (out + cols - 1) / cols;
    size_t limit = SIZE_MAX / 2 / sizeof(float) - ALIGN;

    *packed = (struct fb_packed){0};
    if ((size_t)in + 1 > limit / (size_t)(panels * cols))
        return fb_fail(err, FB_ENOMEM, "out of memory: a %jd x %jd matrix", (intmax_t)in,
                       (intmax_t)out);
    packed->block = fb_malloc((size_t)((in + 1) * panels * cols) * sizeof(float) + ALIGN, err);
    if (!packed->block) return err->code;
    fb_want_huge_pages(packed->block, (size_t)((in + 1) * panels * cols) * sizeof(float) + ALIGN);
    packed->isa = isa;
    packed->in = in;
    packed->out = out;
    packed->data = packed->block;
    packed->data += (ALIGN - (uintptr_t)packed->block % ALIGN) % ALIGN / sizeof(float);
    packed->bias = packed->data + in * panels * cols;
    return FB_OK;
}

void fb_pack_again(struct fb_packed *packed, const float *weight, enum fb_weight_order order,
                   const float *bias) {
    int64_t in = packed->in, out = packed->out, cols = packed->isa->cols;
    int64_t panels = (out + cols - 1) / cols;

    for (int64_t j = 0; j < panels * cols; j++)
        packed->bias[j] = bias && j < out ? bias[j] : 0.0f;
#pragma omp parallel for schedule(static)
    for (int64_t panel = 0; panel < panels; panel++)
        pack_panel(packed->data + panel * cols * in, weight, order, in, out, panel * cols, cols);
}

int fb_pack(struct fb_packed *packed, const float *weight, enum fb_weight_order order,
            const float *bias, int64_t in, int64_t out, const struct fb_isa *isa,
            struct fb_err *err) {
    if (allocate(packed, in, out, isa ? isa : fb_cpu_isa(), err)) return err->code;
    fb_pack_again(packed, weight, order, bias);
    return FB_OK;
}

/* Panel of the transpose: its columns are rows [first, first + cols) of W. What is read of a panel
 * of W, cols x cols values, stays in the cache for all of its columns. */
static void turn_panel(float *to, const struct fb_packed *w, int64_t first, int64_t column,
                       int64_t columns) {
    int64_t cols = w->isa->cols, n = least(cols, w->in - first);

    for (int64_t o = 0; o < columns; o++, to += cols) {
        int64_t from = column + o;
        const float *x = w->data + (from / cols * w->in + first) * cols + from % cols;
        for (int64_t j = 0; j < n; j++)
            to[j] = x[j * cols];
        for (int64_t j = n; j < cols; j++)
            to[j] = 0.0f;
    }
}

void fb_pack_turned_again(struct fb_packed *turned, const struct fb_packed *packed,
                          int64_t column) {
    int64_t cols = turned->isa->cols, panels = (turned->out + cols - 1) / cols;

#pragma omp parallel for schedule(static)
    for (int64_t panel = 0; panel < panels; panel++)
        turn_panel(turned->data + panel * cols * turned->in, packed, panel * cols, column,
                   turned->in);
}

int fb_pack_turned(struct fb_packed *turned, const struct fb_packed *packed, int64_t column,
                   int64_t columns, struct fb_err *err) {
    int64_t cols = packed->isa->cols;

    if (allocate(turned, columns, packed->in, packed->isa, err)) return err->code;
    memset(turned->bias, 0, (size_t)((packed->in + cols - 1) / cols * cols) * sizeof(float));
    fb_pack_turned_again(turned, packed, column);
    return FB_OK;
}

void fb_packed_free(struct fb_packed *packed) {
    free(packed->block);
    *packed = (struct fb_packed){0};
}

/* One tile that sticks out of the result: computed in a buffer, copied in and out. `ahead`: what to
 * fetch meanwhile, or NULL. */
static void edge_tile(const struct fb_gemm *g, const float *a, int64_t row, int64_t panel,
                      int64_t from, int64_t count, const float *ahead) {
    const struct fb_packed *w = g->weight;
    const struct fb_isa *isa = w->isa;
    float c[FB_TILE_ROWS * FB_TILE_COLS] = {0}, add[FB_TILE_ROWS * FB_TILE_COLS] = {0};
    int64_t cols = isa->cols, rows = least(isa->rows, g->rows - row), first = panel * cols;
    int64_t left = first < g->column ? g->column - first : 0;
    int64_t right = least(cols, g->column + g->columns - first);
    int64_t at = first + left - g->column;
    size_t width = (size_t)(right - left) * sizeof *c;

    for (int64_t r = 0; r < rows && from; r++)
        memcpy(c + r * cols + left, g->y + (row + r) * g->ldy + at, width);
    isa->tile_part(c, cols, a, w->data + (panel * w->in + from) * cols, count, from > 0, rows,
                   ahead);
    if (from + count == w->in) {
        for (int64_t r = 0; r < rows && g->add; r++)
            memcpy(add + r * cols + left, g->add + (row + r) * g->ldadd + at, width);
        isa->finish(c, cols, w->bias + first, g->add ? add : NULL, cols, g->activation);
    }
    for (int64_t r = 0; r < rows; r++)
        memcpy(g->y + (row + r) * g->ldy + at, c + r * cols + left, width);
}

static void whole_tile(const struct fb_gemm *g, const float *a, int64_t row, int64_t panel,
                       int64_t from, int64_t count, const float *ahead) {
    const struct fb_packed *w = g->weight;
    const struct fb_isa *isa = w->isa;
    int64_t cols = isa->cols, at = panel * cols - g->column;
    const float *add = g->add ? g->add + row * g->ldadd + at : NULL;
    float *c = g->y + row * g->ldy + at;
    bool last = from + count == w->in;

    for (int64_t r = 0; r < isa->rows && add && last; r++) {
        FB_PREFETCH(add + r * g->ldadd);
        FB_PREFETCH(add + r * g->ldadd + cols - 1);
    }
    isa->tile_part(c, g->ldy, a, w->data + (panel * w->in + from) * cols, count, from > 0,
                   isa->rows, ahead);
    if (last) isa->finish(c, g->ldy, w->bias + panel * cols, add, g->ldadd, g->activation);
}

/* Packed rows [row, end) times inputs [from, from + count) of one panel. What comes `next`, if it
 * is not NULL, is fetched meanwhile: few rows are done with a panel before it would have come. */
static void meet(const struct fb_gemm *g, const float *a, int64_t row, int64_t end, int64_t panel,
                 int64_t from, int64_t count, const float *next) {
    const struct fb_isa *isa = g->weight->isa;
    int64_t cols = isa->cols, part = count * cols / FB_AHEAD;
    bool whole = panel * cols >= g->column && (panel + 1) * cols <= g->column + g->columns;
    int parts = next ? FB_AHEAD : 0;

    for (int64_t r = row; r < end; r += isa->rows, a += isa->rows * count, parts--) {
        (whole && r + isa->rows <= end ? whole_tile : edge_tile)(g, a, r, panel, from, count,
                                                                 parts > 0 ? next : NULL);
        if (parts > 1) next += part;
    }
}

/* How the product is cut: blocks of `height` rows times ranges of `width` panels, about equal, and
 * `depth` inputs at a time. */
struct cuts {
    int64_t first, last; /* panels */
    int64_t blocks, height, parts, width, depth;
};

/* Inputs [from, end) of rows [row, last), one block of inputs after the other. */
static void pack_rows(const struct fb_gemm *g, float *a, const struct cuts *c, int64_t row,
                      int64_t last, int64_t from, int64_t end) {
    const struct fb_isa *isa = g->weight->isa;

    for (; from < end; from += BLOCK_IN, a += c->height * BLOCK_IN) {
        int64_t count = least(BLOCK_IN, end - from);
        for (int64_t r = row; r < last; r += isa->rows)
            isa->pack(a + (r - row) * count, g->x + r * g->ldx + from, g->ldx,
                      least(isa->rows, last - r), count);
    }
}

/* Packed rows [row, end) times inputs [from, to) of panels [panel, last). */
static void meet_all(const struct fb_gemm *g, const float *a, const struct cuts *c, int64_t row,
                     int64_t end, int64_t panel, int64_t last, int64_t from, int64_t to) {
    const struct fb_packed *w = g->weight;
    int64_t cols = w->isa->cols;

    for (int64_t p = panel; p < last; p++)
        for (int64_t at = from; at < to; at += BLOCK_IN) {
            int64_t count = least(BLOCK_IN, to - at);
            const float *here = w->data + (p * w->in + at) * cols, *next = here + count * cols;
            if (at + count == to) next = p + 1 < last ? here + (from - at + w->in) * cols : NULL;
            meet(g, a + (at - from) * c->height, row, end, p, at, count, next);
        }
}

static struct cuts cut(const struct fb_gemm *g, int64_t threads) {
    const struct fb_isa *isa = g->weight->isa;
    int64_t most = BLOCK_ROWS / isa->rows * isa->rows, cols = isa->cols;
    struct cuts c = {g->column / cols, (g->column + g->columns + cols - 1) / cols, .parts = 1};

    c.blocks = (g->rows + most - 1) / most;
    if (c.blocks >= threads) c.blocks = (c.blocks + threads - 1) / threads * threads;
    c.height = ((g->rows + c.blocks - 1) / c.blocks + isa->rows - 1) / isa->rows * isa->rows;
    c.depth = BLOCK_ROWS * BLOCK_IN / c.height / BLOCK_IN * BLOCK_IN;
    /* Few rows: split the columns as well, so that every thread gets several tasks. */
    while (threads > 1 && c.parts < c.last - c.first &&
           (c.blocks * c.parts < threads * TASKS_PER_THREAD || c.blocks * c.parts % threads))
        c.parts++;
    c.width = (c.last - c.first + c.parts - 1) / c.parts;
    return c;
}

/* A task packs its rows. */
static void multiply(const struct fb_gemm *g, const struct cuts *c, float *scratch, size_t each) {
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t t = 0; t < c->blocks * c->parts; t++) {
        float *a = scratch + (size_t)omp_get_thread_num() * each;
        int64_t row = t / c->parts * c->height, end = least(row + c->height, g->rows);
        int64_t panel = c->first + t % c->parts * c->width, last = least(panel + c->width, c->last);
        for (int64_t from = 0; from < g->weight->in; from += c->depth) {
            int64_t to = least(from + c->depth, g->weight->in);
            pack_rows(g, a, c, row, end, from, to);
            meet_all(g, a, c, row, end, panel, last, from, to);
        }
    }
}

/* All inputs of all rows find room: a thread packs them once. Its panels are neighbours, so that
 * what it fetches ahead is its own. */
static void multiply_few(const struct fb_gemm *g, const struct cuts *c, float *scratch,
                         size_t each) {
    int64_t panels = c->last - c->first, in = g->weight->in;

#pragma omp parallel
    {
        int64_t threads = omp_get_num_threads(), i = omp_get_thread_num();
        int64_t panel = c->first + panels * i / threads,
                last = c->first + panels * (i + 1) / threads;
        float *a = scratch + (size_t)i * each;
        for (int64_t from = 0; from < in && panel < last; from += c->depth) {
            int64_t to = least(from + c->depth, in);
            pack_rows(g, a, c, 0, g->rows, from, to);
            meet_all(g, a, c, 0, g->rows, panel, last, from, to);
        }
    }
}

int fb_gemm(const struct fb_gemm *g, struct fb_err *err) {
    size_t each = (size_t)BLOCK_ROWS * BLOCK_IN;
    int64_t threads = omp_get_max_threads();
    struct cuts c;
    float *scratch;

    if (g->rows == 0 || g->columns == 0) return FB_OK;
    if (!(scratch = fb_malloc((size_t)threads * each * sizeof *scratch, err))) return err->code;
    c = cut(g, threads);
    (c.blocks == 1 ? multiply_few : multiply)(g, &c, scratch, each);
    free(scratch);
    return FB_OK;
}
