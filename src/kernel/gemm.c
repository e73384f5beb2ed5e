/* gemm.c - blocking and threads of the matrix product; the arithmetic is isa->tile.
 *
 * Inputs are taken BLOCK_IN at a time, which is what an element's sum is cut into. All rows are
 * packed once for all products that they are part of, by all threads, some blocks of inputs after
 * another: strips as high as a tile. Then the tasks, each a range of strips times a range of
 * panels, add the products to y. A block of a panel of weights (16 KB with AVX2), once read from
 * memory, stays in the first-level cache while it meets all rows of the task, and so many blocks
 * follow each other as let these rows stay in the second-level cache for all panels. The block that
 * comes next is fetched meanwhile: few rows are done with one before. Fewer rows per task make the
 * stream of weights the limit. */
#include "kernel/gemm.h"

#include "base/alloc.h"
#include "kernel/cpu.h"
#include "kernel/prefetch.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_IN = 256, BLOCK_ROWS = 384, TASKS_PER_THREAD = 4 };
enum { NEAR = 1 << 17 };    /* values of packed rows that stay in the second-level cache */
enum { SCRATCH = 1 << 20 }; /* values packed at a time, if that is more than a block of inputs */

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
    size_t limit = SIZE_MAX / 2 / sizeof(float) - FB_ALIGN;

    *packed = (struct fb_packed){0};
    if ((size_t)in + 1 > limit / (size_t)(panels * cols))
        return fb_fail(err, FB_ENOMEM, "out of memory: a %jd x %jd matrix", (intmax_t)in,
                       (intmax_t)out);
    packed->block = fb_malloc((size_t)((in + 1) * panels * cols) * sizeof(float) + FB_ALIGN, err);
    if (!packed->block) return err->code;
    fb_want_huge_pages(packed->block,
                       (size_t)((in + 1) * panels * cols) * sizeof(float) + FB_ALIGN);
    packed->isa = isa;
    packed->in = in;
    packed->out = out;
    packed->data = fb_aligned(packed->block);
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
        fb_prefetch(add + r * g->ldadd);
        fb_prefetch(add + r * g->ldadd + cols - 1);
    }
    isa->tile_part(c, g->ldy, a, w->data + (panel * w->in + from) * cols, count, from > 0,
                   isa->rows, ahead);
    if (last) isa->finish(c, g->ldy, w->bias + panel * cols, add, g->ldadd, g->activation);
}

/* How the columns of a product are cut: ranges of `width` panels, about equal. */
struct cut {
    int64_t first, last; /* panels */
    int64_t parts, width;
};

/* Products of the same rows; a task is a block of `height` rows times one range of panels. */
struct job {
    const struct fb_gemm *g; /* [count] */
    int count;
    struct cut cut[FB_GEMM_JOINT];
    int64_t rows;                   /* rounded up to whole strips */
    int64_t blocks, height, ranges; /* ranges: of all products */
    int64_t at_once;                /* inputs that are packed at a time, whole blocks */
    int64_t run;                    /* inputs that are taken panel by panel, whole blocks */
    float *packed;                  /* for each block of inputs: [strips][count, strip] */
};

/* Packed rows [row, end) times inputs [from, from + count) of one panel; `next` is fetched
 * meanwhile. */
static void meet(const struct fb_gemm *g, const float *a, int64_t row, int64_t end, int64_t panel,
                 int64_t from, int64_t count, const float *next) {
    const struct fb_isa *isa = g->weight->isa;
    int64_t cols = isa->cols, part = count * cols / FB_AHEAD;
    bool whole = panel * cols >= g->column && (panel + 1) * cols <= g->column + g->columns;
    int parts = FB_AHEAD;

    for (int64_t r = row; r < end; r += isa->rows, a += isa->rows * count, next += part, parts--)
        (whole && r + isa->rows <= end ? whole_tile : edge_tile)(g, a, r, panel, from, count,
                                                                 parts > 0 ? next : NULL);
}

/* Rows [row, bottom) times panels [panel, last) of a product. */
struct task {
    const struct fb_gemm *g;
    int64_t row, bottom, panel, last;
};

static struct task task_at(const struct job *job, int64_t t) {
    int64_t row = t / job->ranges * job->height, range = t % job->ranges;
    const struct cut *c = job->cut;
    struct task task = {job->g, row, least(row + job->height, job->g->rows), 0, 0};

    for (; range >= c->parts; c++, task.g++)
        range -= c->parts;
    task.panel = c->first + range * c->width;
    task.last = least(task.panel + c->width, c->last);
    return task;
}

/* Inputs [from, end) of the packed rows, of which the first is `begin`, for a task. */
static void run(const struct job *job, const struct task *task, int64_t begin, int64_t from,
                int64_t end) {
    const struct fb_gemm *g = task->g;
    int64_t in = g->weight->in, cols = g->weight->isa->cols;

    for (int64_t panel = task->panel; panel < task->last; panel++)
        for (int64_t f = from; f < end; f += BLOCK_IN) {
            int64_t count = least(BLOCK_IN, in - f), then = f + count;
            const float *next = g->weight->data + (panel * in + then) * cols;
            if (then == end && panel + 1 < task->last) next += (in - then + from) * cols;
            meet(g, job->packed + (f - begin) * job->rows + task->row * count, task->row,
                 task->bottom, panel, f, count, next);
        }
}

/* Inputs [begin, end): a thread comes here with all others. */
static void run_some(const struct job *job, int64_t begin, int64_t end) {
    const struct fb_gemm *g = job->g;
    const struct fb_isa *isa = g->weight->isa;
    int64_t strips = job->rows / isa->rows;
    int64_t pieces = (end - begin + BLOCK_IN - 1) / BLOCK_IN * strips;

#pragma omp for schedule(static)
    for (int64_t i = 0; i < pieces; i++) {
        int64_t from = begin + i / strips * BLOCK_IN, row = i % strips * isa->rows;
        int64_t count = least(BLOCK_IN, end - from);
        isa->pack(job->packed + (from - begin) * job->rows + row * count,
                  g->x + row * g->ldx + from, g->ldx, least(isa->rows, g->rows - row), count);
    }
#pragma omp for schedule(dynamic, 1)
    for (int64_t t = 0; t < job->blocks * job->ranges; t++) {
        struct task task = task_at(job, t);
        for (int64_t from = begin; from < end; from += job->run)
            run(job, &task, begin, from, least(from + job->run, end));
    }
}

/* Few rows: the columns are split as well, so that every thread gets several tasks. */
static struct cut cut(const struct job *job, const struct fb_gemm *g, int64_t threads) {
    int64_t cols = g->weight->isa->cols, tasks = threads * TASKS_PER_THREAD / job->count;
    struct cut c = {g->column / cols, (g->column + g->columns + cols - 1) / cols, 1, 0};

    while (threads > 1 && c.parts < c.last - c.first &&
           (job->blocks * c.parts < tasks || job->blocks * c.parts % threads))
        c.parts++;
    c.width = (c.last - c.first + c.parts - 1) / c.parts;
    return c;
}

static void cut_all(struct job *job, int64_t threads) {
    int64_t unit = job->g->weight->isa->rows, rows = job->g->rows;
    int64_t most = BLOCK_ROWS / unit * unit;

    job->rows = (rows + unit - 1) / unit * unit;
    job->blocks = (rows + most - 1) / most;
    job->height = ((rows + job->blocks - 1) / job->blocks + unit - 1) / unit * unit;
    for (int i = 0; i < job->count; i++) {
        job->cut[i] = cut(job, &job->g[i], threads);
        job->ranges += job->cut[i].parts;
    }
}

/* Whole blocks of inputs of which `rows` are at most `values`; at least one. */
static int64_t blocks_of(int64_t values, int64_t rows) {
    int64_t blocks = values / rows / BLOCK_IN;

    return (blocks > 1 ? blocks : 1) * BLOCK_IN;
}

int fb_gemm_joint(const struct fb_gemm *g, int count, struct fb_err *err) {
    int64_t in = g->weight->in;
    struct job job = {.g = g, .count = count};
    void *block;

    assert(count <= FB_GEMM_JOINT);
    for (int i = 0; i < count; i++)
        assert(g[i].x == g->x && g[i].ldx == g->ldx && g[i].rows == g->rows && g[i].columns > 0 &&
               g[i].weight->in == in && g[i].weight->isa == g->weight->isa);
    if (g->rows == 0) return FB_OK;
    cut_all(&job, omp_get_max_threads());
    job.at_once = least(blocks_of(SCRATCH, job.rows), in);
    job.run = blocks_of(NEAR, job.height);
    block = fb_malloc((size_t)(job.rows * job.at_once) * sizeof(float) + FB_ALIGN, err);
    if (!block) return err->code;
    job.packed = fb_aligned(block);
#pragma omp parallel
    for (int64_t begin = 0; begin < in; begin += job.at_once)
        run_some(&job, begin, least(begin + job.at_once, in));
    free(block);
    return FB_OK;
}

int fb_gemm(const struct fb_gemm *g, struct fb_err *err) {
    return g->columns ? fb_gemm_joint(g, 1, err) : FB_OK;
}
