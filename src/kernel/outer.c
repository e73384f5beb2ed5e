/* outer.c - blocking and threads of products over rows; the arithmetic is isa->tile.
 *
 * For each block of BLOCK rows, x and y are packed once, by all threads: x in strips as wide as a
 * tile is high, y in panels as wide as a tile. Both are copies of runs, since the rows that are
 * summed over are the rows of x and y. Then the tasks, each a block of strips times a range of
 * panels, add the block's sums to c. As in gemm.c, a task's strips stay in the second-level cache
 * while a panel, once read, stays in the first. */
#include "kernel/outer.h"

#include "base/alloc.h"
#include "kernel/cpu.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, HEIGHT = 384, ALIGN = 64, TASKS_PER_THREAD = 8, MIRROR = 64 };

/* One product: its operands packed, and how its result is cut. */
struct job {
    const struct fb_outer *o;
    const struct fb_isa *isa;
    int64_t strips, panels;
    float *x, *y;           /* packed: [strips][count, rows], [panels][count, cols] */
    int64_t height, blocks; /* strips of a task, tasks downwards */
    int64_t width, parts;   /* panels of a task, tasks across */
};

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t pieces(int64_t whole, int64_t size) {
    return (whole + size - 1) / size;
}

/* Columns [at, at + width) of `count` rows, side by side; those from n on are zero. A known width
 * is copied without calling memcpy. */
static inline void copy_columns(float *to, const float *from, int64_t ld, int64_t count,
                                int width) {
    for (int64_t p = 0; p < count; p++, to += width, from += ld)
        memcpy(to, from, (size_t)width * sizeof *to);
}

static void pack(float *to, const float *x, int64_t ld, int64_t count, int64_t n, int width) {
    if (n >= width) {
        switch (width) {
        case 32: copy_columns(to, x, ld, count, 32); return;
        case 16: copy_columns(to, x, ld, count, 16); return;
        case 12: copy_columns(to, x, ld, count, 12); return;
        case 6: copy_columns(to, x, ld, count, 6); return;
        default: copy_columns(to, x, ld, count, width); return;
        }
    }
    memset(to, 0, (size_t)(count * width) * sizeof *to);
    for (int64_t p = 0; p < count; p++)
        memcpy(to + p * width, x + p * ld, (size_t)n * sizeof *to);
}

/* Strip or panel i of rows [from, from + count). */
static void pack_piece(const struct job *job, int64_t i, int64_t from, int64_t count) {
    const struct fb_outer *o = job->o;
    int rows = job->isa->rows, cols = job->isa->cols;
    int64_t panel = i - job->strips;

    if (i < job->strips)
        pack(job->x + i * rows * count, o->x + from * o->ldx + i * rows, o->ldx, count,
             o->m - i * rows, rows);
    else
        pack(job->y + panel * cols * count, o->y + from * o->ldy + panel * cols, o->ldy, count,
             o->n - panel * cols, cols);
}

/* A tile that sticks out of the result is computed whole in a buffer, copied in and out. */
static void tile(const struct job *job, int64_t strip, int64_t panel, int64_t count, bool add) {
    const struct fb_outer *o = job->o;
    const struct fb_isa *isa = job->isa;
    const float *a = job->x + strip * isa->rows * count, *b = job->y + panel * isa->cols * count;
    int64_t rows = least(isa->rows, o->m - strip * isa->rows);
    int64_t cols = least(isa->cols, o->n - panel * isa->cols);
    float *c = o->c + strip * isa->rows * o->ldc + panel * isa->cols;
    float whole[FB_TILE_ROWS * FB_TILE_COLS] = {0};

    if (rows == isa->rows && cols == isa->cols) {
        isa->tile(c, o->ldc, a, b, count, add);
        return;
    }
    for (int64_t r = 0; r < rows && add; r++)
        memcpy(whole + r * isa->cols, c + r * o->ldc, (size_t)cols * sizeof *c);
    isa->tile(whole, isa->cols, a, b, count, add);
    for (int64_t r = 0; r < rows; r++)
        memcpy(c + r * o->ldc, whole + r * isa->cols, (size_t)cols * sizeof *c);
}

static void task(const struct job *job, int64_t t, int64_t count, bool add) {
    int64_t strip = t / job->parts * job->height, last = least(strip + job->height, job->strips);
    int64_t panel = t % job->parts * job->width, end = least(panel + job->width, job->panels);

    for (; panel < end; panel++) {
        int64_t s = strip;
        /* The first strip whose last row is on or below the diagonal. */
        if (job->o->lower && panel * job->isa->cols / job->isa->rows > s)
            s = panel * job->isa->cols / job->isa->rows;
        for (; s < last; s++)
            tile(job, s, panel, count, add);
    }
}

static void cut(struct job *job, int64_t threads) {
    job->height = HEIGHT / job->isa->rows;
    job->blocks = pieces(job->strips, job->height);
    job->height = pieces(job->strips, job->blocks);
    job->parts = least(job->panels, pieces(threads * TASKS_PER_THREAD, job->blocks));
    job->width = pieces(job->panels, job->parts);
    job->parts = pieces(job->panels, job->width);
}

static void run(const struct job *job) {
    int64_t rows = job->o->rows;

#pragma omp parallel
    for (int64_t from = 0; from < rows; from += BLOCK) {
        int64_t count = least(BLOCK, rows - from);
        bool add = job->o->add || from > 0;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < job->strips + job->panels; i++)
            pack_piece(job, i, from, count);
            /* Backwards: below a diagonal the last tasks are the longest. */
#pragma omp for schedule(dynamic, 1)
        for (int64_t t = job->blocks * job->parts - 1; t >= 0; t--)
            task(job, t, count, add);
    }
}

int fb_outer(const struct fb_outer *o, struct fb_err *err) {
    struct job job = {.o = o, .isa = o->isa ? o->isa : fb_cpu_isa()};
    int64_t count = least(BLOCK, o->rows), wide;
    void *block;

    for (int64_t i = 0; i < o->m && o->rows == 0 && !o->add; i++)
        memset(o->c + i * o->ldc, 0, (size_t)o->n * sizeof *o->c);
    if (o->rows == 0 || o->m == 0 || o->n == 0) return FB_OK;
    job.strips = pieces(o->m, job.isa->rows);
    job.panels = pieces(o->n, job.isa->cols);
    wide = job.strips * job.isa->rows + job.panels * job.isa->cols;
    if (!(block = fb_malloc((size_t)(wide * count) * sizeof(float) + ALIGN, err))) return err->code;
    job.y = block;
    job.y += (ALIGN - (uintptr_t)block % ALIGN) % ALIGN / sizeof(float);
    job.x = job.y + job.panels * job.isa->cols * count;
    cut(&job, omp_get_max_threads());
    run(&job);
    free(block);
    return FB_OK;
}

int fb_gram(float *c, const float *x, int64_t ldx, int64_t rows, int64_t n, bool add,
            struct fb_err *err) {
    const struct fb_outer o = {.c = c,
                               .ldc = n,
                               .x = x,
                               .ldx = ldx,
                               .y = x,
                               .ldy = ldx,
                               .rows = rows,
                               .m = n,
                               .n = n,
                               .add = add,
                               .lower = true};

    return fb_outer(&o, err);
}

/* By squares, so that neither side is read across a whole row. */
void fb_gram_mirror(float *c, int64_t n) {
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i0 = 0; i0 < n; i0 += MIRROR)
        for (int64_t j0 = i0; j0 < n; j0 += MIRROR)
            for (int64_t i = i0; i < least(i0 + MIRROR, n); i++)
                for (int64_t j = j0 > i ? j0 : i + 1; j < least(j0 + MIRROR, n); j++)
                    c[i * n + j] = c[j * n + i];
}
