/* eval.c - how near to the machine's matrix product rate does an evaluation run?
 *
 *     bench_eval [--repeat N] [--limit ROWS] [--tokens N] MODEL TOKENIZER DATA TASK [TASK ...]
 *
 * MODEL is a GPT-2 folder with a score head, DATA holds glue/<task>/. For each task: rows, tokens,
 * distinct prefix tokens, the FLOP that are executed, seconds (best and median of N passes over
 * prepared batches), GFLOP/s, and the ratio to the bound. The bound is the best f32 rate at
 * 2048 x 768 x 3072 of oneDNN and of our own product, each measured again around every pass. */
#include "args.h"
#include "bound.h"

#include "gpt2.h"

#include "base/alloc.h"
#include "base/log.h"
#include "nn/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { PASSES_MAX = 99 };

struct settings {
    long repeat, limit, tokens;
};

struct task {
    struct text text;
    struct fb_batches plan;
    float *hidden, *logits;
    double flop;
};

/* Executed operations: a multiplication and an addition count two; a query counts the keys it
 * sees. */
static double batch_flop(const struct fb_gpt2_config *c, const struct fb_batch *b) {
    double n = (double)c->n_embd, inner = (double)c->n_inner, rows = (double)b->tokens;
    double last = (double)b->segments, blocks = (double)c->n_layer - 1, seen = 0, seen_last = 0;

    for (int64_t t = 0; t < b->tokens; t++)
        seen += b->position[t] + 1;
    for (int64_t s = 0; s < b->segments; s++)
        seen_last += (double)(b->segment[s].position + b->segment[s].count);
    return blocks * (rows * (8 * n * n + 4 * n * inner) + 4 * n * seen) + rows * 4 * n * n +
           last * (4 * n * n + 4 * n * inner) + 4 * n * seen_last;
}

static int task_open(struct task *t, const struct model *m, const struct settings *s,
                     const struct fb_tokenizer *tokenizer, const char *folder, const char *name,
                     struct fb_err *err) {
    struct fb_sequences sequences;

    if (text_open(&t->text, tokenizer, folder, name, s->limit, err)) return err->code;
    sequences = (struct fb_sequences){t->text.data.rows, t->text.ids.id, t->text.offset};
    if (fb_batches_plan(&t->plan, &sequences, s->tokens, s->tokens, err)) return err->code;
    for (int64_t b = 0; b < t->plan.count; b++)
        t->flop += batch_flop(&m->config, &t->plan.batch[b]);
    t->hidden = fb_calloc((size_t)t->text.data.rows, (size_t)m->config.n_embd * sizeof(float), err);
    t->logits =
        fb_calloc((size_t)t->text.data.rows, (size_t)m->config.num_labels * sizeof(float), err);
    return t->hidden && t->logits ? FB_OK : err->code;
}

static void task_close(struct task *t) {
    fb_batches_free(&t->plan);
    text_close(&t->text);
    free(t->hidden);
    free(t->logits);
}

/* ---- one pass, and the table ---- */

static int pass(struct task *t, const struct model *m, struct fb_graph *g, struct fb_err *err) {
    const struct fb_weight *score = fb_weights_find(&m->weights, "score.weight");
    int64_t at = 0, n = m->config.n_embd;

    if (!score) return fb_fail(err, FB_ENOTFOUND, "the model has no score.weight");
    for (int64_t b = 0; b < t->plan.count; b++) {
        const struct fb_batch *batch = &t->plan.batch[b];
        if (fb_gpt2_last_hidden(m->gpt2, batch, t->hidden + at * n, g, err)) return err->code;
        at += batch->sequences;
    }
    return fb_gpt2_logits(t->logits, t->hidden, at, n, score, err);
}

static int measure(struct task *t, const char *name, const struct model *m, struct bound *bound,
                   long repeat, struct fb_err *err) {
    struct fb_graph graph = {0};
    struct rusage usage;
    double seconds[PASSES_MAX], best, median, top;
    int rc = bound_measure(bound, err);

    for (long i = 0; !rc && i < repeat; i++) {
        double start = fb_now();
        rc = pass(t, m, &graph, err);
        seconds[i] = fb_now() - start;
        if (!rc) rc = bound_measure(bound, err);
    }
    fb_graph_free(&graph);
    if (rc) return rc;
    qsort(seconds, (size_t)repeat, sizeof *seconds, by_value);
    best = seconds[0];
    median = seconds[repeat / 2];
    top = bound_best(bound);
    getrusage(RUSAGE_SELF, &usage);
    printf("%-5s %6jd %8jd %8jd %7.2f %8.3f %8.3f %7.0f %7.1f %7.1f %6.2f %6.2f %6ld\n", name,
           (intmax_t)t->text.data.rows, (intmax_t)t->plan.tokens, (intmax_t)t->plan.rows,
           t->flop * 1e-12, best, median, (double)t->plan.tokens / median, t->flop * 1e-9 / best,
           t->flop * 1e-9 / median, t->flop * 1e-9 / best / top, t->flop * 1e-9 / median / top,
           usage.ru_maxrss / 1024);
    fflush(stdout);
    return FB_OK;
}

static int run(const struct settings *s, char **argv, int argc, struct fb_err *err) {
    struct bound bound = {0};
    struct model m = {0};
    struct fb_tokenizer *tokenizer = NULL;
    int rc = FB_OK;

    if (model_open(&m, argv[0], err) || fb_tokenizer_open(&tokenizer, argv[1], err) ||
        bound_open(&bound, err))
        return err->code;
    printf("%-5s %6s %8s %8s %7s %8s %8s %7s %7s %7s %6s %6s %6s\n", "task", "rows", "tokens",
           "distinct", "TFLOP", "best s", "median s", "tok/s", "GF/s", "median", "ratio", "median",
           "MB");
    for (int i = 3; !rc && i < argc; i++) {
        struct task t = {0};
        rc = task_open(&t, &m, s, tokenizer, argv[2], argv[i], err);
        if (!rc) rc = measure(&t, argv[i], &m, &bound, s->repeat, err);
        task_close(&t);
    }
    printf("bound: f32 %d x %d x %d, best of the run: oneDNN %.1f, own %.1f GFLOP/s\n", GEMM_ROWS,
           GEMM_IN, GEMM_OUT, bound.dnnl, bound.own);
    return rc;
}

int main(int argc, char **argv) {
    struct settings s = {3, -1, 2048};
    struct fb_err err = {0};
    const struct option options[] = {
        {"--repeat", &s.repeat, 1, PASSES_MAX, NULL},
        {"--limit", &s.limit, 1, INT32_MAX, NULL},
        {"--tokens", &s.tokens, 1, INT32_MAX, NULL},
        {0},
    };
    int at = args_parse(
        argc, argv,
        "bench_eval [--repeat N] [--limit ROWS] [--tokens N] MODEL TOKENIZER DATA TASK [TASK ...]",
        options, 4, INT32_MAX);

    if (run(&s, argv + at, argc - at, &err)) {
        fprintf(stderr, "bench_eval: %s\n", err.msg);
        return 1;
    }
    return 0;
}
