/* outer.c - blocking and threads of products over rows; the arithmetic is isa->tile.
 *
 * Rows are taken some blocks at a time. x and y are packed once, by all threads: x in strips as
 * wide as a tile is high, y in panels as wide as a tile, block by block. Both are copies of runs,
 * since the rows that are summed over are the rows of x and y. Then the tasks, each a range of
 * strips times a range of panels, add the sums of one block after another to c. A task's panels
 * stay in the second-level cache while a strip stays in the first and meets all of them: c is read
 * and written along its rows, which the machine sees coming. Threads wait for each other twice for
 * each packing, so as much is packed as SCRATCH allows. A tile's sum must be complete before it is
 * squared: then all rows are packed at once. */
#include "kernel/outer.h"

#include "base/alloc.h"
#include "kernel/cpu.h"
#include "kernel/prefetch.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, TASKS_PER_THREAD = 8, MIRROR = 64 };
enum { SCRATCH = 1 << 22 }; /* values packed at a time, if that is more than a block */
enum { NEAR = 1 << 18 };    /* values of y that stay in the second-level cache */
enum { FAR = 1 << 20 };     /* values of a result that the caches do not hold until it is used */

/* One product: its operands packed, and how its result is cut. */
struct job {
    const struct fb_outer *o;
    const struct fb_isa *isa;
    int64_t strips, panels;
    int64_t wide;           /* columns of all of them */
    int64_t block;          /* rows of a block */
    int64_t at_once;        /* rows that are packed at a time */
    float *packed;          /* for each block: [panels][count, cols], [strips][count, rows] */
    int64_t height, blocks; /* strips of a task, tasks downwards */
    int64_t width, parts;   /* panels of a task, tasks across */
    enum fb_into first;     /* what becomes of the first block's sums */
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

/* Rows that are packed: `count` of x and y from row `from` on, and where they are put. */
struct rows {
    int64_t from, count;
    float *x, *y;
};

static struct rows block_of(const struct job *job, int64_t from, int64_t block) {
    int64_t begin = from + block * job->block;
    float *y = job->packed + block * job->block * job->wide;
    int64_t count = least(job->block, least(from + job->at_once, job->o->rows) - begin);

    return (struct rows){begin, count, y + job->panels * job->isa->cols * count, y};
}

/* Panel i, or strip i - panels. */
static void pack_piece(const struct job *job, int64_t i, const struct rows *r) {
    const struct fb_outer *o = job->o;
    int rows = job->isa->rows, cols = job->isa->cols;
    int64_t strip = i - job->panels;

    if (i < job->panels)
        pack(r->y + i * cols * r->count, o->y + r->from * o->ldy + i * cols, o->ldy, r->count,
             o->n - i * cols, cols);
    else
        pack(r->x + strip * rows * r->count, o->x + r->from * o->ldx + strip * rows, o->ldx,
             r->count, o->m - strip * rows, rows);
}

/* A tile that sticks out of the result is computed in a buffer, copied in and out. */
static void edge_tile(const struct job *job, float *c, const float *a, const float *b,
                      int64_t count, int64_t rows, int64_t cols, enum fb_into into) {
    const struct fb_isa *isa = job->isa;
    float whole[FB_TILE_ROWS * FB_TILE_COLS] = {0};

    for (int64_t i = 0; i < rows; i++)
        memcpy(whole + i * isa->cols, c + i * job->o->ldc, (size_t)cols * sizeof *c);
    isa->tile_along(whole, isa->cols, a, b, count, into == FB_INTO_FAR ? FB_INTO_NEW : into);
    for (int64_t i = 0; i < rows; i++)
        memcpy(c + i * job->o->ldc, whole + i * isa->cols, (size_t)cols * sizeof *c);
}

static void tile(const struct job *job, const struct rows *r, int64_t strip, int64_t panel,
                 enum fb_into into) {
    const struct fb_outer *o = job->o;
    const struct fb_isa *isa = job->isa;
    const float *a = r->x + strip * isa->rows * r->count;
    const float *b = r->y + panel * isa->cols * r->count;
    int64_t rows = least(isa->rows, o->m - strip * isa->rows);
    int64_t cols = least(isa->cols, o->n - panel * isa->cols);
    float *c = o->c + strip * isa->rows * o->ldc + panel * isa->cols;

    if (rows == isa->rows && cols == isa->cols) isa->tile_along(c, o->ldc, a, b, r->count, into);
    else edge_tile(job, c, a, b, r->count, rows, cols, into);
}

static void task(const struct job *job, const struct rows *r, int64_t t, enum fb_into into) {
    int64_t strip = t / job->parts * job->height, last = least(strip + job->height, job->strips);
    int64_t panel = t % job->parts * job->width, end = least(panel + job->width, job->panels);

    for (; strip < last; strip++) {
        int64_t stop = end;
        /* Panels that begin before the strip's last row has its diagonal. */
        if (job->o->lower) stop = least(end, pieces((strip + 1) * job->isa->rows, job->isa->cols));
        for (int64_t p = panel; p < stop; p++)
            tile(job, r, strip, p, into);
    }
    if (into == FB_INTO_FAR) fb_far_done();
}

/* What is written once, and will be gone from the caches when it is used, need not be read first.
 */
static enum fb_into into_of(const struct fb_outer *o) {
    bool whole_lines =
        (uintptr_t)o->c % FB_ALIGN == 0 && (size_t)o->ldc * sizeof *o->c % FB_ALIGN == 0;

    switch (o->into) {
    case FB_OUTER_ADD: return FB_INTO_SUM;
    case FB_OUTER_ADD_SQUARES: return FB_INTO_SQUARES;
    case FB_OUTER_SET: break;
    }
    return whole_lines && o->rows <= BLOCK && o->m >= FAR / o->n ? FB_INTO_FAR : FB_INTO_NEW;
}

static void cut(struct job *job, int64_t threads) {
    const struct fb_isa *isa = job->isa;
    int64_t blocks;

    job->first = into_of(job->o);
    job->block = job->first == FB_INTO_SQUARES ? job->o->rows : BLOCK;
    job->strips = pieces(job->o->m, isa->rows);
    job->panels = pieces(job->o->n, isa->cols);
    job->wide = job->strips * isa->rows + job->panels * isa->cols;
    blocks = SCRATCH / job->block / job->wide;
    job->at_once = least(job->o->rows, job->block * (blocks > 1 ? blocks : 1));
    job->parts = pieces(job->panels * isa->cols * least(job->block, job->o->rows), NEAR);
    job->width = pieces(job->panels, job->parts);
    job->parts = pieces(job->panels, job->width);
    job->blocks = least(job->strips, pieces(threads * TASKS_PER_THREAD, job->parts));
    job->height = pieces(job->strips, job->blocks);
    job->blocks = pieces(job->strips, job->height);
}

/* Rows [from, from + at_once): a thread comes here with all others. */
static void run_some(const struct job *job, int64_t from) {
    int64_t pieces_each = job->strips + job->panels, tasks = job->blocks * job->parts;
    int64_t blocks = pieces(least(job->at_once, job->o->rows - from), job->block);

#pragma omp for schedule(static)
    for (int64_t i = 0; i < blocks * pieces_each; i++) {
        struct rows r = block_of(job, from, i / pieces_each);
        pack_piece(job, i % pieces_each, &r);
    }
    /* Backwards: below a diagonal the last tasks are the longest. */
#pragma omp for schedule(dynamic, 1)
    for (int64_t t = tasks - 1; t >= 0; t--)
        for (int64_t block = 0; block < blocks; block++) {
            struct rows r = block_of(job, from, block);
            task(job, &r, t, r.from > 0 ? FB_INTO_SUM : job->first);
        }
}

int fb_outer(const struct fb_outer *o, struct fb_err *err) {
    struct job job = {.o = o, .isa = o->isa ? o->isa : fb_cpu_isa()};
    void *block;

    for (int64_t i = 0; i < o->m && o->rows == 0 && o->into == FB_OUTER_SET; i++)
        memset(o->c + i * o->ldc, 0, (size_t)o->n * sizeof *o->c);
    if (o->rows == 0 || o->m == 0 || o->n == 0) return FB_OK;
    cut(&job, omp_get_max_threads());
    block = fb_malloc((size_t)(job.wide * job.at_once) * sizeof(float) + FB_ALIGN, err);
    if (!block) return err->code;
    job.packed = fb_aligned(block);
#pragma omp parallel
    for (int64_t from = 0; from < o->rows; from += job.at_once)
        run_some(&job, from);
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
                               .into = add ? FB_OUTER_ADD : FB_OUTER_SET,
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
