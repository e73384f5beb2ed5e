/* gradient.c - how near to the machine's matrix product rate do gradients of GPT-2 come?
 *
 *     bench_gradient [--repeat N] [--limit ROWS] [--batch N] MODEL TOKENIZER DATA TASK [TASK ...]
 *
 * MODEL is a GPT-2 folder with a score head, DATA holds glue/<task>/. For each task, in batches of
 * N sequences (8) in the order of the data: the forward pass, the loss and the way back to all
 * parameters. The FLOP are those that are executed: three products for each product of the forward
 * pass, and of attention two forward and five back. The bound is that of bench_eval. Seconds are
 * the best and the median of N passes; `forward` is the part of the median pass that computes
 * values. */
#include "args.h"
#include "bound.h"
#include "gpt2.h"

#include "kernel/grad.h"
#include "nn/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { PASSES_MAX = 99 };

struct settings {
    long repeat, limit, batch;
};

/* Of a pass over all batches. */
struct seconds {
    double all, forward;
};

struct bench {
    struct settings settings;
    struct model model;
    struct fb_linear head;
    struct fb_grads grads;
    struct fb_tape tape;
    struct fb_graph graph;
    struct bound bound;
};

/* As in bench_eval, but no row is shared. */
static double batch_flop(const struct fb_gpt2_config *c, const struct fb_batch *b) {
    double n = (double)c->n_embd, inner = (double)c->n_inner, rows = (double)b->tokens;
    double last = (double)b->segments, blocks = (double)c->n_layer - 1, pairs = 0, linear;

    for (int64_t t = 0; t < b->tokens; t++)
        pairs += b->position[t] + 1;
    linear = blocks * rows * (8 * n * n + 4 * n * inner) + rows * 4 * n * n +
             last * (4 * n * n + 4 * n * inner);
    return 3 * linear + 3.5 * 4 * n * (blocks * pairs + rows);
}

static int step(struct bench *b, const struct fb_batch *batch, struct seconds *s,
                struct fb_err *err) {
    double start = fb_now();
    struct fb_tensor *hidden = fb_gpt2_forward(b->model.gpt2, batch, &b->graph, err), *logits;
    int32_t *label = fb_calloc((size_t)batch->sequences, sizeof *label, err);
    float *d;
    int rc;

    logits = fb_op_linear(&b->graph, hidden, &b->head, FB_LINEAR, NULL, err);
    s->forward += fb_now() - start;
    if (!label || !logits ||
        !(d = fb_calloc((size_t)(logits->rows * logits->cols), sizeof *d, err))) {
        free(label);
        return err->code;
    }
    for (int64_t i = 0; i < batch->sequences; i++)
        label[i] = (int32_t)(batch->sequence[i] % logits->cols);
    fb_softmax_cross_entropy(d, logits->data, label, logits->rows, logits->cols, 1.0f);
    fb_grads_zero(&b->grads);
    rc = fb_backward(&b->graph, logits, d, err);
    s->all += fb_now() - start;
    free(label);
    free(d);
    return rc;
}

static int by_all(const void *a, const void *b) {
    double x = ((const struct seconds *)a)->all, y = ((const struct seconds *)b)->all;

    return (x > y) - (x < y);
}

static int measure(struct bench *b, const char *name, const struct text *text,
                   const struct fb_batches *plan, struct fb_err *err) {
    struct seconds pass[PASSES_MAX] = {{0}}, *median;
    struct rusage usage;
    double flop = 0, top;
    long repeat = b->settings.repeat;
    int rc = bound_measure(&b->bound, err);

    for (int64_t i = 0; i < plan->count; i++)
        flop += batch_flop(&b->model.config, &plan->batch[i]);
    for (long i = 0; !rc && i < repeat; i++) {
        for (int64_t k = 0; !rc && k < plan->count; k++)
            rc = step(b, &plan->batch[k], &pass[i], err);
        if (!rc) rc = bound_measure(&b->bound, err);
    }
    if (rc) return rc;
    qsort(pass, (size_t)repeat, sizeof *pass, by_all);
    median = &pass[repeat / 2];
    top = bound_best(&b->bound);
    getrusage(RUSAGE_SELF, &usage);
    printf("%-5s %5jd %7jd %7.1f %7.2f %8.3f %8.3f %8.3f %7.1f %7.1f %6.2f %6.2f %6ld\n", name,
           (intmax_t)text->data.rows, (intmax_t)plan->tokens,
           (double)plan->tokens / (double)plan->count, flop * 1e-12, pass[0].all, median->all,
           median->forward, flop * 1e-9 / pass[0].all, flop * 1e-9 / median->all,
           flop * 1e-9 / pass[0].all / top, flop * 1e-9 / median->all / top,
           usage.ru_maxrss / 1024);
    fflush(stdout);
    return FB_OK;
}

static int task(struct bench *b, const struct fb_tokenizer *tokenizer, const char *folder,
                const char *name, struct fb_err *err) {
    struct text text = {0};
    struct fb_batches plan = {0};
    int rc = text_open(&text, tokenizer, folder, name, b->settings.limit, err);
    struct fb_sequences sequences = {text.data.rows, text.ids.id, text.offset};

    if (!rc)
        rc = fb_batches_plan_unshared(&plan, &sequences, b->settings.batch * MAX_LENGTH,
                                      b->settings.batch, err);
    if (!rc) rc = measure(b, name, &text, &plan, err);
    fb_batches_free(&plan);
    text_close(&text);
    return rc;
}

static int run(struct bench *b, char **argv, int argc, struct fb_err *err) {
    struct fb_tokenizer *tokenizer = NULL;
    const struct fb_weight *score;
    int rc = FB_OK;

    if (model_open(&b->model, argv[0], err) || fb_tokenizer_open(&tokenizer, argv[1], err) ||
        bound_open(&b->bound, err))
        return err->code;
    if (!(score = fb_weights_find(&b->model.weights, "score.weight")))
        return fb_fail(err, FB_ENOTFOUND, "the model has no score.weight");
    if (fb_gpt2_head(&b->head, score, b->model.config.n_embd, err) ||
        fb_gpt2_grads(&b->grads, b->model.gpt2, NULL, err) ||
        fb_grads_add(&b->grads, "score.weight", score->shape[0], score->shape[1], false, err))
        return err->code;
    b->tape.grads = &b->grads;
    b->graph.tape = &b->tape;
    printf("%-5s %5s %7s %7s %7s %8s %8s %8s %7s %7s %6s %6s %6s\n", "task", "rows", "tokens",
           "a batch", "TFLOP", "best s", "median s", "forward", "GF/s", "median", "ratio", "median",
           "MB");
    for (int i = 3; !rc && i < argc; i++)
        rc = task(b, tokenizer, argv[2], argv[i], err);
    printf("bound: f32 %d x %d x %d, best of the run: oneDNN %.1f, own %.1f GFLOP/s; values and "
           "derivatives took at most %zu MB\n",
           GEMM_ROWS, GEMM_IN, GEMM_OUT, b->bound.dnnl, b->bound.own, b->tape.peak >> 20);
    return rc;
}

int main(int argc, char **argv) {
    struct bench b = {.settings = {3, -1, 8}};
    struct fb_err err = {0};
    const struct option options[] = {
        {"--repeat", &b.settings.repeat, 1, PASSES_MAX, NULL},
        {"--limit", &b.settings.limit, 1, INT32_MAX, NULL},
        {"--batch", &b.settings.batch, 1, 4096, NULL},
        {0},
    };
    int at = args_parse(argc, argv,
                        "bench_gradient [--repeat N] [--limit ROWS] [--batch N] MODEL TOKENIZER "
                        "DATA TASK [TASK ...]",
                        options, 4, INT32_MAX);

    if (run(&b, argv + at, argc - at, &err)) {
        fprintf(stderr, "bench_gradient: %s\n", err.msg);
        return 1;
    }
    return 0;
}
