/* fisher.c - how near to the machine's rates are Fisher weights measured?
 *
 *     bench_fisher [--batch N] [--examples N] [--repeat N] POOL DATA
 *
 * POOL is a folder of tools/bench_pool.py (with a tokenizer), DATA holds glue/cola/. Merges the
 * base and the one expert "cola" by gpt2_fisher_merging, training examples in file order, and
 * prints the seconds of the whole method and the sum of two bounds that are measured in the same
 * run: the FLOP that are executed (forward, and twice that on the way back) at the best f32 matrix
 * product rate, and the traffic of the squares (read and write the sum: 8 bytes per element and
 * batch) at the rate of y[i] += x[i].
 *
 * The same again in seconds of the processor, which a busy machine changes less: the rates are then
 * those of our own product and of y[i] += x[i] per such second. With OMP_WAIT_POLICY=passive a
 * thread that waits costs none. */
#include "args.h"
#include "bound.h"

#include "config/yaml.h"
#include "data/examples.h"
#include "kernel/grad.h"
#include "method/method.h"
#include "model/gpt2.h"
#include "text/tokenizer_choice.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { STREAM = 1 << 26, REPEATS_MAX = 99, TOKENS = 512 };

struct settings {
    long batch, examples, repeat;
    const char *pool, *data;
};

/* What a run has to do. */
struct work {
    double flop, bytes;
    int64_t tokens, examples;
};

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Seconds by the clock on the wall, and of the processor. */
struct seconds {
    double wall, processor;
};

static struct seconds now(void) {
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (struct seconds){fb_now(), (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                                          1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec)};
}

static struct seconds since(struct seconds start) {
    struct seconds end = now();

    return (struct seconds){end.wall - start.wall, end.processor - start.processor};
}

/* Work per second, the best so far. */
static void keep_best(struct seconds *rate, double work, struct seconds took) {
    if (work / took.wall > rate->wall) rate->wall = work / took.wall;
    if (work / took.processor > rate->processor) rate->processor = work / took.processor;
}

/* Bytes of y[i] += x[i] over arrays that no cache holds. */
static int measure_stream(struct seconds *rate, struct fb_err *err) {
    size_t size = STREAM * sizeof(float);
    float *x = fb_malloc(size, err), *y = x ? fb_malloc(size, err) : NULL;

    if (y) {
        fb_want_huge_pages(x, size);
        fb_want_huge_pages(y, size);
        /* Pages that nobody wrote would all be the same one. */
        memset(x, 1, size);
        memset(y, 1, size);
    }
    for (int i = 0; y && i < 5; i++) {
        struct seconds start = now();
        fb_add_to(y, x, STREAM);
        if (i) keep_best(rate, 3.0 * sizeof *x * STREAM, since(start));
    }
    free(x);
    free(y);
    return y ? FB_OK : err->code;
}

/* FLOP of our own product. */
static int measure_product(struct seconds *rate, struct bound *b, struct fb_err *err) {
    const struct fb_gemm own = {.y = b->y,
                                .ldy = GEMM_OUT,
                                .x = b->x,
                                .ldx = GEMM_IN,
                                .rows = GEMM_ROWS,
                                .weight = &b->packed,
                                .columns = GEMM_OUT};

    for (int i = 0; i < 12; i++) {
        struct seconds start = now();
        if (fb_gemm(&own, err)) return err->code;
        keep_best(rate, 2.0 * GEMM_ROWS * GEMM_IN * GEMM_OUT, since(start));
    }
    return FB_OK;
}

/* Forward, of which the last block needs more than keys and values of the last tokens only. */
static double forward_flop(const struct fb_gpt2_config *c, int64_t tokens) {
    double n = (double)c->n_embd, inner = (double)c->n_inner, t = (double)tokens;
    double blocks = (double)c->n_layer - 1, seen = t * (t + 1) / 2;

    return blocks * (t * (8 * n * n + 4 * n * inner) + 4 * n * seen) + t * 4 * n * n +
           (4 * n * n + 4 * n * inner) + 4 * n * t;
}

static int count_work(struct work *out, const struct settings *s, const struct fb_gpt2_config *c,
                      struct fb_err *err) {
    struct fb_glue_item item = {.name = "cola", .task = fb_glue_find("cola"), .split = "train"};
    struct fb_tokenizer_choice choice = {NULL, "pool", s->pool};
    int64_t n = c->n_embd, batches = (s->examples + s->batch - 1) / s->batch;
    struct fb_tokenizer *tokenizer = NULL;
    struct fb_encoder *encoder = NULL;
    struct fb_examples e = {0};
    char folder[4096];
    int rc;

    snprintf(folder, sizeof folder, "%s/_pretrained_", s->pool);
    choice.fallback = folder;
    rc = fb_tokenizer_open_chosen(&tokenizer, &choice, err);
    if (!rc) rc = fb_encoder_open(&encoder, tokenizer, err);
    if (!rc) rc = fb_examples_open(&e, &item, s->data, batches * s->batch, err);
    if (!rc) rc = fb_examples_encode(&e, encoder, TOKENS, -1, err);
    for (int64_t i = 0; !rc && i < e.count; i++)
        out->flop += 3 * forward_flop(c, e.offset[i + 1] - e.offset[i]);
    out->examples = e.count;
    out->tokens = e.ids.count;
    out->bytes = 8.0 * (double)((e.count + s->batch - 1) / s->batch) * (double)c->n_layer *
                 (double)(4 * n * n + 2 * n * c->n_inner);
    fb_examples_free(&e);
    fb_encoder_close(encoder);
    fb_tokenizer_close(tokenizer);
    return rc;
}

/* ---- the method ------------------------------------------------------------------------------ */

static int open_pool(struct fb_pool **out, const struct settings *s, struct fb_arena *a,
                     struct fb_err *err) {
    struct fb_str yaml = {0};
    struct fb_node *node;
    int rc = fb_str_printf(&yaml, err,
                           "{type: HF_GPT2ForSequenceClassification, models: {_pretrained_: "
                           "'%s/_pretrained_', cola: '%s/cola'}, tokenizer: '%s/_pretrained_'}",
                           s->pool, s->pool, s->pool);

    if (!rc) rc = fb_yaml_parse(&node, a, yaml.data, yaml.size, "pool", err);
    if (!rc) rc = fb_pool_create(out, node, NULL, err);
    fb_str_free(&yaml);
    return rc;
}

static int run(const struct settings *s, struct fb_gpt2_config *config, struct seconds *took,
               struct fb_err *err) {
    struct fb_arena arena = {0};
    struct fb_merge merge = {.arena = &arena, .data_dir = s->data};
    const struct fb_method *method;
    const struct fb_node *json;
    struct fb_node *node;
    struct fb_str yaml = {0};
    void *opts;
    int rc = open_pool(&merge.pool, s, &arena, err);

    if (!rc)
        rc = fb_str_printf(&yaml, err,
                           "{name: gpt2_fisher_merging, shuffle: false, batch_size: %ld, "
                           "num_fisher_examples: %ld}",
                           s->batch, s->examples);
    if (!rc) rc = fb_yaml_parse(&node, &arena, yaml.data, yaml.size, "method", err);
    if (!rc) rc = fb_method_read(&method, &opts, node, &arena, err);
    if (!rc) rc = fb_pool_config(merge.pool, 0, &json, err);
    if (!rc) rc = fb_gpt2_config_read(config, json, err);
    *took = now();
    if (!rc) rc = fb_method_run(method, opts, &merge, err);
    *took = since(*took);
    fb_merge_free(&merge);
    fb_pool_close(merge.pool);
    fb_str_free(&yaml);
    fb_arena_free(&arena);
    return rc;
}

static void print(const char *clock, const struct work *w, double *seconds, long runs, double flops,
                  double stream) {
    double computed = w->flop / flops, moved = w->bytes / stream;

    qsort(seconds, (size_t)runs, sizeof *seconds, by_value);
    printf("%s\n", clock);
    printf("  GFLOP executed     %8.1f at %6.1f GFLOP/s: %7.2f s\n", w->flop * 1e-9, flops * 1e-9,
           computed);
    printf("  GB of the squares  %8.1f at %6.1f GB/s:    %7.2f s\n", w->bytes * 1e-9, stream * 1e-9,
           moved);
    printf("  method             %8.2f s best, %.2f s median of %ld: %.2f x the sum\n", seconds[0],
           seconds[runs / 2], runs, seconds[0] / (computed + moved));
}

static int bench(const struct settings *s, struct fb_err *err) {
    struct fb_gpt2_config config;
    struct bound bound = {0};
    struct work work = {0};
    struct seconds took, product = {0}, stream = {0};
    double wall[REPEATS_MAX], processor[REPEATS_MAX];
    struct rusage usage;

    for (long i = 0; i < s->repeat; i++) {
        if (run(s, &config, &took, err)) return err->code;
        wall[i] = took.wall;
        processor[i] = took.processor;
    }
    getrusage(RUSAGE_SELF, &usage);
    if (bound_open(&bound, err) || count_work(&work, s, &config, err)) return err->code;
    for (int i = 0; i < 3; i++)
        if (bound_measure(&bound, err) || measure_product(&product, &bound, err) ||
            measure_stream(&stream, err))
            return err->code;
    printf("examples %jd, tokens %jd, peak memory of the runs %.0f MB\n", (intmax_t)work.examples,
           (intmax_t)work.tokens, (double)usage.ru_maxrss / 1024);
    print("by the clock", &work, wall, s->repeat, bound_best(&bound) * 1e9, stream.wall);
    print("of the processor", &work, processor, s->repeat, product.processor, stream.processor);
    return FB_OK;
}

int main(int argc, char **argv) {
    struct settings s = {.batch = 8, .examples = 512, .repeat = 3};
    struct fb_err err = {0};
    const struct option options[] = {
        {"--batch", &s.batch, 1, 65536, NULL},
        {"--examples", &s.examples, 1, 1000000000, NULL},
        {"--repeat", &s.repeat, 1, REPEATS_MAX, NULL},
        {0},
    };
    int at =
        args_parse(argc, argv, "bench_fisher [--batch N] [--examples N] [--repeat N] POOL DATA",
                   options, 2, 2);

    s.pool = argv[at];
    s.data = argv[at + 1];
    if (!bench(&s, &err)) return 0;
    fprintf(stderr, "bench_fisher: %s\n", err.msg);
    return 1;
}
