/* regmean.c - how near to the machine's matrix product rate do RegMean's statistics run?
 *
 *     bench_regmean [--repeat N] [--examples N] [--layers N]
 *
 * A GPT-2 of full width with random weights and N layers (4) over N examples (8) of 20 tokens,
 * filled up to 512, with the Gram matrices of all layers' inputs: the FLOP that are executed (a
 * symmetric product counts its half), seconds (best and median of N passes), GFLOP/s, and the ratio
 * to the bound, the best f32 rate at 2048 x 768 x 3072 of oneDNN and of our own product, each
 * measured again around every pass. */
#include "args.h"
#include "bound.h"

#include "base/str.h"
#include "method/grams.h"
#include "model/gpt2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES_MAX = 99, LENGTH = 512, REAL = 20, WIDTH = 768, VOCABULARY = 1000 };

struct settings {
    long repeat, examples, layers;
};

struct bench {
    struct fb_weights weights;
    struct fb_gpt2 *model;
    struct fb_grams grams;
    struct fb_batches batches;
    double flop;
};

static void fill(float *x, int64_t count, uint32_t seed, float size) {
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = ((float)(seed >> 8) * 0x1p-23f - 1.0f) * size;
    }
}

/* A matrix [rows, cols], or a vector for rows 0. */
static int add(struct bench *b, const char *name, int64_t rows, int64_t cols, struct fb_err *err) {
    int64_t shape[2] = {rows ? rows : cols, cols};
    struct fb_weight *w = fb_weights_add(&b->weights, name, rows ? 2 : 1, shape, err);

    if (!w) return err->code;
    fill(w->owned, w->numel, (uint32_t)b->weights.names.count, 0.03f);
    for (int64_t i = 0; !rows && fb_ends_with(name, "weight") && i < cols; i++)
        w->owned[i] += 1.0f;
    return FB_OK;
}

static int add_layer(struct bench *b, const char *name, int64_t in, int64_t out,
                     struct fb_err *err) {
    char full[64];

    snprintf(full, sizeof full, "%s.weight", name);
    if (add(b, full, in, out, err)) return err->code;
    snprintf(full, sizeof full, "%s.bias", name);
    return add(b, full, 0, out, err);
}

static const struct {
    const char *name;
    int64_t in, out; /* in 0: a norm */
} parts[] = {
    {"ln_1", 0, WIDTH}, {"attn.c_attn", WIDTH, 3 * WIDTH}, {"attn.c_proj", WIDTH, WIDTH},
    {"ln_2", 0, WIDTH}, {"mlp.c_fc", WIDTH, 4 * WIDTH},    {"mlp.c_proj", 4 * WIDTH, WIDTH}};
enum { PARTS = sizeof parts / sizeof *parts };

static int open_model(struct bench *b, int layers, char names[][64], struct fb_err *err) {
    const struct fb_gpt2_config config = {.n_layer = layers,
                                          .n_head = 12,
                                          .n_embd = WIDTH,
                                          .n_inner = 4 * WIDTH,
                                          .n_positions = LENGTH,
                                          .vocab_size = VOCABULARY,
                                          .activation = FB_GELU_TANH,
                                          .layer_norm_epsilon = 1e-5,
                                          .scale_attn_weights = true,
                                          .num_labels = 2,
                                          .pad_token_id = 0};
    struct fb_gram gram[4 * PASSES_MAX];
    int64_t count = 0;

    if (add(b, "wte.weight", VOCABULARY, WIDTH, err) || add(b, "wpe.weight", LENGTH, WIDTH, err))
        return err->code;
    for (int i = 0; i < layers; i++)
        for (int k = 0; k < PARTS; k++) {
            snprintf(names[count], sizeof names[count], "h.%d.%s", i, parts[k].name);
            if (add_layer(b, names[count], parts[k].in, parts[k].out, err)) return err->code;
            if (!parts[k].in) continue;
            gram[count] = (struct fb_gram){.layer = names[count], .n = parts[k].in};
            count++;
        }
    if (add_layer(b, "ln_f", 0, WIDTH, err) || fb_grams_open(&b->grams, gram, count, err))
        return err->code;
    return fb_gpt2_create(&b->model, &config, &b->weights, err);
}

static int open_batches(struct bench *b, int64_t examples, struct fb_err *err) {
    int32_t *id = fb_calloc((size_t)examples, REAL * sizeof *id, err);
    int64_t *offset = fb_calloc((size_t)examples + 1, sizeof *offset, err);
    int rc = id && offset ? FB_OK : err->code;

    for (int64_t i = 0; !rc && i < examples; i++) {
        offset[i + 1] = offset[i] + REAL;
        for (int t = 0; t < REAL; t++)
            id[i * REAL + t] = (int32_t)((i * 37 + t * 11) % VOCABULARY);
    }
    if (!rc)
        rc = fb_batches_plan_padded(&b->batches, &(struct fb_sequences){examples, id, offset},
                                    LENGTH, 0, 8 * LENGTH, err);
    free(id);
    free(offset);
    return rc;
}

/* Two for a multiplication and an addition; a query counts the keys it sees. */
static void count_flop(struct bench *b, const struct settings *s) {
    double rows = (double)s->examples * LENGTH, w = WIDTH, products = 0, grams = 0;

    for (int k = 0; k < PARTS; k++) {
        products += 2.0 * (double)(parts[k].in * parts[k].out);
        grams += (double)(parts[k].in * (parts[k].in + 1));
    }
    b->flop = (double)s->layers * rows * (products + grams + 4.0 * w * REAL);
}

static int pass(struct bench *b, struct fb_err *err) {
    struct fb_observer observer = fb_grams_observer(&b->grams);
    struct fb_graph graph = {.observer = &observer};
    int rc = FB_OK;

    fb_grams_clear(&b->grams);
    for (int64_t i = 0; !rc && i < b->batches.count; i++)
        if (!fb_gpt2_forward(b->model, &b->batches.batch[i], &graph, err)) rc = err->code;
    fb_graph_free(&graph);
    return rc;
}

static int measure(struct bench *b, struct bound *bound, long repeat, struct fb_err *err) {
    double seconds[PASSES_MAX], best, median, top;
    int rc = bound_measure(bound, err);

    for (long i = 0; !rc && i < repeat; i++) {
        double start = fb_now();
        rc = pass(b, err);
        seconds[i] = fb_now() - start;
        if (!rc) rc = bound_measure(bound, err);
    }
    if (rc) return rc;
    qsort(seconds, (size_t)repeat, sizeof *seconds, by_value);
    best = seconds[0];
    median = seconds[repeat / 2];
    top = bound_best(bound);
    printf("%8s %8s %8s %8s %8s %6s %6s\n", "TFLOP", "best s", "median s", "GF/s", "median",
           "ratio", "median");
    printf("%8.3f %8.3f %8.3f %8.1f %8.1f %6.2f %6.2f\n", b->flop * 1e-12, best, median,
           b->flop * 1e-9 / best, b->flop * 1e-9 / median, b->flop * 1e-9 / best / top,
           b->flop * 1e-9 / median / top);
    printf("bound: f32 %d x %d x %d, best of the run: oneDNN %.1f, own %.1f GFLOP/s\n", GEMM_ROWS,
           GEMM_IN, GEMM_OUT, bound->dnnl, bound->own);
    return FB_OK;
}

static int run(const struct settings *s, struct fb_err *err) {
    static char names[4 * PASSES_MAX + 1][64];
    struct bound bound = {0};
    struct bench b = {0};
    int rc = open_model(&b, (int)s->layers, names, err);

    if (!rc) rc = open_batches(&b, s->examples, err);
    if (!rc) rc = bound_open(&bound, err);
    count_flop(&b, s);
    if (!rc) rc = measure(&b, &bound, s->repeat, err);
    fb_batches_free(&b.batches);
    fb_grams_free(&b.grams);
    fb_gpt2_free(b.model);
    fb_weights_free(&b.weights);
    return rc;
}

int main(int argc, char **argv) {
    struct settings s = {5, 8, 4};
    struct fb_err err = {0};
    const struct option options[] = {
        {"--repeat", &s.repeat, 1, PASSES_MAX, NULL},
        {"--examples", &s.examples, 1, 1 << 16, NULL},
        {"--layers", &s.layers, 1, PASSES_MAX, NULL},
        {0},
    };

    (void)args_parse(argc, argv, "bench_regmean [--repeat N] [--examples N] [--layers N]", options,
                     0, 0);
    if (run(&s, &err)) {
        fprintf(stderr, "bench_regmean: %s\n", err.msg);
        return 1;
    }
    return 0;
}
