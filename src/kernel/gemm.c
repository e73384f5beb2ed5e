/* gemm.c - blocking and threads of the matrix product; the arithmetic is isa->tile.
 *
 * A task is a block of rows times a range of panels. For each block of BLOCK_IN inputs the loop
 * over panels is outside and over tiles of rows inside, so that a panel (16 KB with AVX2) stays in
 * the first-level cache, the rows of the task in the second, and the packed weights stream from
 * the third. x is read in place: a tile needs a few lines of it at a time. */
#include "kernel/gemm.h"

#include "base/alloc.h"
#include "kernel/cpu.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_IN = 256, BLOCK_ROWS = 96, ALIGN = 64, TASKS_PER_THREAD = 4 };

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

int fb_pack(struct fb_packed *packed, const float *weight, enum fb_weight_order order,
            const float *bias, int64_t in, int64_t out, const struct fb_isa *isa,
            struct fb_err *err) {
    int64_t cols, panels;
    size_t limit = SIZE_MAX / 2 / sizeof(float) - ALIGN;

    *packed = (struct fb_packed){0};
    if (!isa) isa = fb_cpu_isa();
    cols = isa->cols;
    panels = (out + cols - 1) / cols;
    if ((size_t)in + 1 > limit / (size_t)(panels * cols))
        return fb_fail(err, FB_ENOMEM, "out of memory: a %jd x %jd matrix", (intmax_t)in,
                       (intmax_t)out);
    packed->block = fb_malloc((size_t)((in + 1) * panels * cols) * sizeof(float) + ALIGN, err);
    if (!packed->block) return err->code;
    packed->isa = isa;
    packed->in = in;
    packed->out = out;
    packed->data = packed->block;
    packed->data += (ALIGN - (uintptr_t)packed->block % ALIGN) % ALIGN / sizeof(float);
    packed->bias = packed->data + in * panels * cols;
    for (int64_t j = 0; j < panels * cols; j++)
        packed->bias[j] = bias && j < out ? bias[j] : 0.0f;
#pragma omp parallel for schedule(static)
    for (int64_t panel = 0; panel < panels; panel++)
        pack_panel(packed->data + panel * cols * in, weight, order, in, out, panel * cols, cols);
    return FB_OK;
}

void fb_packed_free(struct fb_packed *packed) {
    free(packed->block);
    *packed = (struct fb_packed){0};
}

/* One tile that sticks out of the result: computed whole in a buffer, copied in and out. Rows that
 * do not exist repeat the last one. */
static void edge_tile(const struct fb_gemm *g, int64_t row, int64_t panel, int64_t from,
                      int64_t count) {
    const struct fb_packed *w = g->weight;
    const struct fb_isa *isa = w->isa;
    float c[FB_TILE_ROWS * FB_TILE_COLS], a[FB_TILE_ROWS * BLOCK_IN],
        add[FB_TILE_ROWS * FB_TILE_COLS] = {0};
    int64_t cols = isa->cols, rows = least(isa->rows, g->rows - row), first = panel * cols;
    int64_t left = first < g->column ? g->column - first : 0;
    int64_t right = least(cols, g->column + g->columns - first), width = right - left;
    int64_t at = first + left - g->column;

    for (int64_t r = 0; r < isa->rows; r++) {
        const float *x = g->x + (row + least(r, rows - 1)) * g->ldx;
        memcpy(a + r * BLOCK_IN, x + from, (size_t)count * sizeof *a);
    }
    for (int64_t r = 0; r < rows && from; r++)
        memcpy(c + r * cols + left, g->y + (row + r) * g->ldy + at, (size_t)width * sizeof *c);
    for (int64_t i = 0; i < isa->rows * cols && from; i++) {
        int64_t r = i / cols, j = i % cols;
        if (r >= rows || j < left || j >= right) c[i] = 0.0f;
    }
    isa->tile(c, cols, a, BLOCK_IN, w->data + (panel * w->in + from) * cols, count, from > 0);
    if (from + count == w->in) {
        for (int64_t r = 0; r < rows && g->add; r++)
            memcpy(add + r * cols + left, g->add + (row + r) * g->ldadd + at,
                   (size_t)width * sizeof *add);
        isa->finish(c, cols, w->bias + first, g->add ? add : NULL, cols, g->activation);
    }
    for (int64_t r = 0; r < rows; r++)
        memcpy(g->y + (row + r) * g->ldy + at, c + r * cols + left, (size_t)width * sizeof *c);
}

static void whole_tile(const struct fb_gemm *g, int64_t row, int64_t panel, int64_t from,
                       int64_t count) {
    const struct fb_packed *w = g->weight;
    const struct fb_isa *isa = w->isa;
    int64_t cols = isa->cols, at = panel * cols - g->column;
    float *c = g->y + row * g->ldy + at;

    isa->tile(c, g->ldy, g->x + row * g->ldx + from, g->ldx,
              w->data + (panel * w->in + from) * cols, count, from > 0);
    if (from + count == w->in)
        isa->finish(c, g->ldy, w->bias + panel * cols, g->add ? g->add + row * g->ldadd + at : NULL,
                    g->ldadd, g->activation);
}

/* Rows [row, end) times panels [panel, last). */
static void task(const struct fb_gemm *g, int64_t row, int64_t end, int64_t panel, int64_t last) {
    const struct fb_isa *isa = g->weight->isa;
    int64_t in = g->weight->in, cols = isa->cols;

    for (int64_t from = 0; from < in; from += BLOCK_IN)
        for (int64_t p = panel; p < last; p++) {
            bool whole = p * cols >= g->column && (p + 1) * cols <= g->column + g->columns;
            for (int64_t r = row; r < end; r += isa->rows)
                if (whole && r + isa->rows <= end)
                    whole_tile(g, r, p, from, least(BLOCK_IN, in - from));
                else edge_tile(g, r, p, from, least(BLOCK_IN, in - from));
        }
}

void fb_gemm(const struct fb_gemm *g) {
    int64_t cols = g->weight->isa->cols, threads = omp_get_max_threads();
    int64_t panel = g->column / cols, last = (g->column + g->columns + cols - 1) / cols;
    int64_t blocks = (g->rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    /* Few rows: split the columns as well, so that every thread gets several tasks. */
    int64_t parts = (threads * TASKS_PER_THREAD + blocks - 1) / (blocks ? blocks : 1);
    int64_t width;

    if (g->rows == 0 || g->columns == 0) return;
    parts = threads == 1 ? 1 : least(parts, last - panel);
    width = (last - panel + parts - 1) / parts;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t t = 0; t < blocks * parts; t++) {
        int64_t row = t / parts * BLOCK_ROWS, from = panel + t % parts * width;
        task(g, row, least(row + BLOCK_ROWS, g->rows), from, least(from + width, last));
    }
}
