/* each.c - streaming: work items are (key, block), handed out in order to whichever thread is free.
 *
 * Every element is computed from the same elements of the models alone, so neither the thread nor
 * the block it falls into can change it. Nothing but one block per model and thread is held; the
 * models are mapped files, and what has been read is given back to the kernel. */
#include "method/each.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "ckpt/write.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* 64 Ki elements of 8 models are 2 MiB: long enough to read at full speed, and small enough that
 * the last threads of a run do not wait for each other. */
enum { BLOCK = 1 << 16, BLOCK_MAX = 1 << 24, AROUND = 1 << 14, ALIGNMENT = 64 };

/* Pages are given back this many elements at a time, and a thread gets so many neighbouring items
 * at once: giving back interrupts the other processors, each time. */
enum { SPENT = 1 << 19 };

struct item {
    int64_t key, begin, count;
};

/* How keys are cut: into pieces of `length` elements, of which each `stride`-th is an item. */
struct cut {
    int64_t length, stride;
};

/* Which models, cut into which blocks. */
struct plan {
    struct fb_merge *merge;
    int base;          /* model index or -1 */
    const int *expert; /* model indices */
    int experts;
    struct cut cut;
    int64_t longest; /* elements of the longest item */
    struct item *item;
    int64_t items;
};

/* Where results go: `weights` of the merge, or a file. */
struct sink {
    struct fb_weights *weights;
    struct fb_ckpt_writer *writer;
};

struct loop {
    const struct plan *plan;
    fb_block_fn *fn;
    fb_scan_fn *scan;
    const bool *mark; /* NULL: every block */
    const void *state;
    void *const *accumulators;
    const struct sink *sink;
    struct fb_progress progress;
    int64_t failed; /* first item that failed, or `items` */
    struct fb_err failure;
};

/* What one thread owns: a conversion buffer per model, one for the result, one for narrowing. */
struct lane {
    float *memory;
    float **buffer; /* [experts + 3]: base, experts, result, narrow */
    const float **expert;
    struct item spent; /* what has been read, from its first element to its last */
};

/* ---- the plan -------------------------------------------------------------------------------- */

static int64_t block_size(const struct fb_merge *merge) {
    if (merge->block <= 0) return BLOCK;
    return merge->block < BLOCK_MAX ? merge->block : BLOCK_MAX;
}

static struct cut cut_blocks(const struct fb_merge *merge) {
    return (struct cut){block_size(merge), 1};
}

static struct cut cut_sample(const struct fb_merge *merge) {
    int64_t block = block_size(merge);

    return (struct cut){block < FB_EACH_PIECE ? block : FB_EACH_PIECE, FB_EACH_STRIDE};
}

static int64_t count_items(const struct fb_merge *merge, struct cut cut) {
    int64_t n = 0;

    for (int64_t k = 0; k < fb_pool_keys(merge->pool); k++)
        n += (fb_pool_key(merge->pool, k)->numel + cut.length - 1) / cut.length;
    return (n + cut.stride - 1) / cut.stride;
}

int64_t fb_each_blocks(const struct fb_merge *merge) {
    return count_items(merge, cut_blocks(merge));
}

static int plan_make(struct plan *plan, struct fb_merge *merge, struct cut cut,
                     struct fb_err *err) {
    int64_t n = 0;

    plan->merge = merge;
    plan->cut = cut;
    plan->items = count_items(merge, cut);
    plan->item = fb_calloc((size_t)plan->items, sizeof *plan->item, err);
    if (!plan->item) return err->code;
    for (int64_t k = 0; k < fb_pool_keys(merge->pool); k++) {
        int64_t left = fb_pool_key(merge->pool, k)->numel;
        for (int64_t begin = 0; left > 0; begin += cut.length, left -= cut.length) {
            int64_t count = left < cut.length ? left : cut.length;
            if (n++ % cut.stride) continue;
            plan->item[(n - 1) / cut.stride] = (struct item){k, begin, count};
            if (count > plan->longest) plan->longest = count;
        }
    }
    return FB_OK;
}

static int plan_pool(struct plan *plan, struct fb_merge *merge, bool with_base, struct cut cut,
                     struct fb_err *err) {
    struct fb_pool *pool = merge->pool;
    int *expert = fb_arena_calloc(merge->arena, (size_t)fb_pool_experts(pool), sizeof *expert, err);

    *plan = (struct plan){.base = -1, .expert = expert, .experts = fb_pool_experts(pool)};
    if (!expert) return err->code;
    for (int i = 0; i < plan->experts; i++)
        expert[i] = fb_pool_expert(pool, i);
    if (with_base && (plan->base = fb_pool_base(pool, err)) < 0) return err->code;
    return plan_make(plan, merge, cut, err);
}

int fb_each_align(struct fb_merge *merge, bool with_base, struct fb_err *err) {
    struct fb_pool *pool = merge->pool;
    int experts = fb_pool_experts(pool), n = 0, base;
    int *models = fb_arena_calloc(merge->arena, (size_t)experts + 1, sizeof *models, err);

    if (!models) return err->code;
    if (experts < 1)
        return fb_fail(err, FB_EMISMATCH, "the model pool has no expert, only special models");
    if (with_base) {
        if ((base = fb_pool_base(pool, err)) < 0) return err->code;
        models[n++] = base;
    }
    for (int i = 0; i < experts; i++)
        models[n++] = fb_pool_expert(pool, i);
    return fb_pool_align(pool, models, n, err);
}

/* ---- the sink -------------------------------------------------------------------------------- */

static int open_memory(struct sink *sink, struct fb_merge *merge, struct fb_err *err) {
    merge->weights = (struct fb_weights){0};
    sink->weights = &merge->weights;
    for (int64_t k = 0; k < fb_pool_keys(merge->pool); k++) {
        const struct fb_pool_key *key = fb_pool_key(merge->pool, k);
        struct fb_weight *w = fb_weights_add(sink->weights, key->name, key->ndim, key->shape, err);
        if (!w) return err->code;
        w->trainable = true;
    }
    return FB_OK;
}

static int open_file(struct sink *sink, struct fb_merge *merge, struct fb_err *err) {
    int64_t keys = fb_pool_keys(merge->pool);
    struct fb_entry *entry = fb_calloc((size_t)keys, sizeof *entry, err);

    if (!entry) return err->code;
    for (int64_t k = 0; k < keys; k++) {
        const struct fb_pool_key *key = fb_pool_key(merge->pool, k);
        entry[k] = (struct fb_entry){.name = key->name, .ndim = key->ndim, .numel = key->numel};
        entry[k].dtype = merge->stream_as_stored ? key->dtype : merge->stream_dtype;
        memcpy(entry[k].shape, key->shape, sizeof entry[k].shape);
        entry[k].size = (size_t)key->numel * fb_dtype_size(entry[k].dtype);
    }
    if (fb_ckpt_create(&sink->writer, merge->stream_path, entry, keys, NULL, 0, err))
        sink->writer = NULL;
    free(entry);
    return err->code;
}

static int sink_open(struct sink *sink, struct fb_merge *merge, struct fb_err *err) {
    *sink = (struct sink){0};
    return merge->stream_path ? open_file(sink, merge, err) : open_memory(sink, merge, err);
}

/* Ends the sink: the result becomes visible, or nothing is left of it. */
static int sink_close(struct sink *sink, struct fb_merge *merge, int rc, struct fb_err *err) {
    if (rc && sink->weights) fb_weights_free(sink->weights);
    if (rc && sink->writer) fb_ckpt_abandon(sink->writer);
    if (rc || !sink->writer) return rc;
    merge->streamed = !fb_ckpt_commit(sink->writer, err);
    return err->code;
}

/* ---- one block ------------------------------------------------------------------------------- */

static int read_block(const struct plan *plan, const struct item *item, struct lane *lane,
                      struct fb_block *block, struct fb_err *err) {
    struct fb_pool *pool = plan->merge->pool;

    *block = (struct fb_block){.key = fb_pool_key(pool, item->key),
                               .key_index = item->key,
                               .index = item - plan->item,
                               .begin = item->begin,
                               .count = item->count,
                               .expert = lane->expert,
                               .experts = plan->experts};
    if (plan->base >= 0) {
        block->base = fb_pool_block(pool, plan->base, item->key, item->begin, item->count,
                                    lane->buffer[0], err);
        if (!block->base) return err->code;
    }
    for (int e = 0; e < plan->experts; e++) {
        lane->expert[e] = fb_pool_block(pool, plan->expert[e], item->key, item->begin, item->count,
                                        lane->buffer[1 + e], err);
        if (!lane->expert[e]) return err->code;
    }
    return FB_OK;
}

/* Gives back what the thread has read. The kernel maps up to AROUND elements on either side of what
 * is touched; where those are not read next, they go too. */
static void forget_spent(const struct plan *plan, struct lane *lane) {
    struct fb_pool *pool = plan->merge->pool;
    const struct item spent = lane->spent;
    int64_t around = plan->cut.stride > 1 ? AROUND : 0, end = spent.begin + spent.count;
    int64_t begin = spent.begin > around ? spent.begin - around : 0, left;

    lane->spent.count = 0;
    if (!spent.count) return;
    left = fb_pool_key(pool, spent.key)->numel - end;
    end += left < around ? left : around;
    if (plan->base >= 0) fb_pool_forget(pool, plan->base, spent.key, begin, end - begin);
    for (int e = 0; e < plan->experts; e++)
        fb_pool_forget(pool, plan->expert[e], spent.key, begin, end - begin);
}

/* Notes that `item` has been read. */
static void spend(const struct plan *plan, struct lane *lane, const struct item *item) {
    struct item *spent = &lane->spent;
    int64_t end = item->begin + item->count;

    if (spent->count && (spent->key != item->key || end - spent->begin > SPENT))
        forget_spent(plan, lane);
    if (!spent->count) *spent = *item;
    spent->count = end - spent->begin;
}

static int merge_block(const struct loop *loop, const struct item *item, struct lane *lane,
                       const struct fb_block *block, struct fb_err *err) {
    const struct sink *sink = loop->sink;
    int experts = loop->plan->experts;
    float *out = lane->buffer[1 + experts];

    if (sink->weights) out = sink->weights->item[item->key].owned + item->begin;
    loop->fn(loop->state, block, out);
    if (!sink->writer) return FB_OK;
    return fb_ckpt_write_f32(sink->writer, item->key, item->begin, item->count, out,
                             lane->buffer[2 + experts], err);
}

static int run_item(const struct loop *loop, int64_t i, struct lane *lane, int thread,
                    struct fb_err *err) {
    const struct item *item = &loop->plan->item[i];
    struct fb_block block;
    int rc = FB_OK;

    if (loop->mark && !loop->mark[i]) return FB_OK;
    if (fb_interrupted(err)) return err->code;
    if (!read_block(loop->plan, item, lane, &block, err)) {
        if (loop->scan) loop->scan(loop->accumulators[thread], loop->state, &block);
        else rc = merge_block(loop, item, lane, &block, err);
        spend(loop->plan, lane, item);
    }
    return rc ? rc : err->code;
}

/* ---- all blocks ------------------------------------------------------------------------------ */

static int lane_make(struct lane *lane, const struct plan *plan, struct fb_err *err) {
    size_t buffers = (size_t)plan->experts + 3;
    size_t stride = ((size_t)plan->longest + 15) & ~(size_t)15;
    float *at;

    *lane = (struct lane){0};
    /* Pages of a buffer that no conversion needs are never touched. */
    lane->memory = fb_malloc(buffers * stride * sizeof(float) + ALIGNMENT, err);
    lane->buffer = fb_calloc(buffers, sizeof *lane->buffer, err);
    lane->expert = fb_calloc((size_t)plan->experts, sizeof *lane->expert, err);
    if (!lane->memory || !lane->buffer || !lane->expert) return err->code;
    at = lane->memory + (ALIGNMENT - (uintptr_t)lane->memory % ALIGNMENT) / sizeof(float);
    for (size_t b = 0; b < buffers; b++, at += stride)
        lane->buffer[b] = at;
    return FB_OK;
}

static void lane_free(struct lane *lane) {
    free(lane->memory);
    free(lane->buffer);
    free(lane->expert);
}

/* Remembers the failure of the earliest item, whatever the order in which threads meet them. */
static void note_failure(struct loop *loop, int64_t i, const struct fb_err *err) {
#pragma omp critical(fb_each_failure)
    if (i < loop->failed) {
        loop->failed = i;
        loop->failure = *err;
    }
}

static bool is_beyond_failure(struct loop *loop, int64_t i) {
    bool beyond;

#pragma omp critical(fb_each_failure)
    beyond = i > loop->failed;
    return beyond;
}

static void run_items(struct loop *loop, struct lane *lane) {
    const struct cut cut = loop->plan->cut;
    int64_t items = loop->plan->items, span = cut.length * cut.stride;
    int run = span < SPENT ? (int)(SPENT / span) : 1;

#pragma omp parallel for schedule(dynamic, run)
    for (int64_t i = 0; i < items; i++) {
        struct fb_err err;
        int thread = omp_get_thread_num();
        err.code = FB_OK;
        if (is_beyond_failure(loop, i)) continue;
        if (run_item(loop, i, &lane[thread], thread, &err)) note_failure(loop, i, &err);
#pragma omp critical(fb_each_progress)
        fb_progress_add(&loop->progress, 1);
    }
}

static int run_loop(struct loop *loop, const char *what, struct fb_err *err) {
    int threads = fb_each_threads();
    struct lane *lane = fb_calloc((size_t)threads, sizeof *lane, err);

    if (!lane) return err->code;
    for (int t = 0; t < threads && !err->code; t++)
        if (lane_make(&lane[t], loop->plan, err)) break;
    if (!err->code) {
        loop->failed = loop->plan->items;
        fb_progress_begin(&loop->progress, loop->plan->merge->log, what, "blocks",
                          loop->plan->items);
        run_items(loop, lane);
        for (int t = 0; t < threads; t++)
            forget_spent(loop->plan, &lane[t]);
        fb_progress_end(&loop->progress);
        if (loop->failed < loop->plan->items) *err = loop->failure;
    }
    for (int t = 0; t < threads; t++)
        lane_free(&lane[t]);
    free(lane);
    return err->code;
}

int fb_each_threads(void) {
    return omp_get_max_threads();
}

/* What fb_merge_twice adds to a merge. */
struct second {
    fb_again_fn *again;
    void *state;
    const bool *mark;
};

static int merge_plan(const struct plan *plan, fb_block_fn *fn, const void *state,
                      const struct second *second, struct fb_err *err) {
    struct sink sink;
    struct loop loop = {.plan = plan, .fn = fn, .state = state, .sink = &sink};
    int rc = sink_open(&sink, plan->merge, err);

    if (!rc) rc = run_loop(&loop, "merge", err);
    if (!rc && second && second->again(second->state)) {
        loop.mark = second->mark;
        rc = run_loop(&loop, "merge", err);
    }
    return sink_close(&sink, plan->merge, rc, err);
}

static int merge_pool(struct fb_merge *merge, bool with_base, fb_block_fn *fn, const void *state,
                      const struct second *second, struct fb_err *err) {
    struct plan plan;
    int rc = plan_pool(&plan, merge, with_base, cut_blocks(merge), err);

    if (!rc) rc = merge_plan(&plan, fn, state, second, err);
    free(plan.item);
    return rc;
}

int fb_merge_each(struct fb_merge *merge, bool with_base, fb_block_fn *fn, const void *state,
                  struct fb_err *err) {
    return merge_pool(merge, with_base, fn, state, NULL, err);
}

int fb_merge_into(struct fb_merge *merge, struct fb_weights *weights, bool with_base,
                  fb_block_fn *fn, const void *state, struct fb_err *err) {
    struct plan plan;
    const struct sink sink = {.weights = weights};
    struct loop loop = {.plan = &plan, .fn = fn, .state = state, .sink = &sink};
    int rc = plan_pool(&plan, merge, with_base, cut_blocks(merge), err);

    if (!rc) rc = run_loop(&loop, "merge", err);
    free(plan.item);
    return rc;
}

int fb_merge_twice(struct fb_merge *merge, bool with_base, fb_block_fn *fn, void *state,
                   fb_again_fn *again, const bool *mark, struct fb_err *err) {
    struct second second = {again, state, mark};

    return merge_pool(merge, with_base, fn, state, &second, err);
}

static int scan_pool(struct fb_merge *merge, const char *what, bool with_base, struct cut cut,
                     struct loop loop, struct fb_err *err) {
    struct plan plan;
    int rc = plan_pool(&plan, merge, with_base, cut, err);

    loop.plan = &plan;
    if (!rc) rc = run_loop(&loop, what, err);
    free(plan.item);
    return rc;
}

int fb_scan_each(struct fb_merge *merge, const char *what, bool with_base, fb_scan_fn *fn,
                 const void *state, void *const *accumulators, struct fb_err *err) {
    struct loop loop = {.scan = fn, .state = state, .accumulators = accumulators};

    return scan_pool(merge, what, with_base, cut_blocks(merge), loop, err);
}

int fb_scan_sample(struct fb_merge *merge, const char *what, bool with_base, fb_scan_fn *fn,
                   const void *state, void *const *accumulators, struct fb_err *err) {
    struct loop loop = {.scan = fn, .state = state, .accumulators = accumulators};

    return scan_pool(merge, what, with_base, cut_sample(merge), loop, err);
}

static void copy_base(const void *state, const struct fb_block *in, float *out) {
    (void)state;
    memcpy(out, in->base, (size_t)in->count * sizeof *out);
}

int fb_merge_copy(struct fb_merge *merge, int model, struct fb_err *err) {
    struct plan plan = {.base = model};
    int rc;

    if (!merge->stream_path) return fb_pool_load(merge->pool, model, &merge->weights, err);
    if (fb_pool_align(merge->pool, &model, 1, err)) return err->code;
    rc = plan_make(&plan, merge, cut_blocks(merge), err);
    if (!rc) rc = merge_plan(&plan, copy_base, NULL, NULL, err);
    free(plan.item);
    return rc;
}
