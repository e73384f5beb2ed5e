/* outer.c - are products over rows (gradients of weights, Gram matrices) as fast as the matrix
 * product of the forward pass?
 *
 *     bench_outer [--repeat N]
 *
 * For the matrices of a GPT-2 block and an ordinary number of rows: the best f32 GFLOP/s of N
 * passes of x^T y, added to what is there, and of the symmetric x^T x (over the half that is
 * computed, n (n + 1) FLOP for each row), and their ratio to fb_gemm at 2048x768x3072, measured in
 * turns. */
#include "kernel/outer.h"
#include "args.h"
#include "base/alloc.h"
#include "base/log.h"
#include "kernel/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT = 20, REPEAT_MAX = 999, ROWS = 4096, IN = 768, OUT = 3072, GEMM_ROWS = 2048 };

/* n = 0: the Gram matrix of x [rows, m]. */
static const struct shape {
    int64_t rows, m, n;
} shapes[] = {
    {16, 768, 3072},  {80, 768, 2304},  {80, 768, 768},    {80, 768, 3072},   {80, 3072, 768},
    {512, 768, 3072}, {512, 3072, 768}, {4096, 768, 3072}, {4096, 3072, 768}, {512, 768, 0},
    {512, 3072, 0},   {4096, 768, 0},   {4096, 3072, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

struct bench {
    float *x, *y, *c;
    struct fb_packed weight;
};

static void fill(float *x, int64_t count, uint32_t seed) {
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) * 0x1p-23f - 1.0f;
    }
}

static void bench_close(struct bench *b) {
    free(b->x);
    free(b->y);
    free(b->c);
    fb_packed_free(&b->weight);
}

static int bench_open(struct bench *b, struct fb_err *err) {
    float **arrays[] = {&b->x, &b->y, &b->c};
    int64_t count[] = {ROWS * OUT, ROWS * OUT, OUT * OUT};

    for (int i = 0; i < 3; i++) {
        if (!(*arrays[i] = fb_malloc((size_t)count[i] * sizeof(float), err))) return err->code;
        fb_want_huge_pages(*arrays[i], (size_t)count[i] * sizeof(float));
        fill(*arrays[i], count[i], (uint32_t)i);
    }
    return fb_pack(&b->weight, b->y, FB_IN_OUT, NULL, IN, OUT, NULL, err);
}

static int run(const struct bench *b, const struct shape *s, struct fb_err *err) {
    const struct fb_outer o = {.c = b->c,
                               .ldc = s->n,
                               .x = b->x,
                               .ldx = s->m,
                               .y = b->y,
                               .ldy = s->n,
                               .rows = s->rows,
                               .m = s->m,
                               .n = s->n,
                               .into = FB_OUTER_ADD};

    return s->n ? fb_outer(&o, err) : fb_gram(b->c, b->x, s->m, s->rows, s->m, true, err);
}

static int run_gemm(const struct bench *b, struct fb_err *err) {
    const struct fb_gemm g = {.y = b->c,
                              .ldy = OUT,
                              .x = b->x,
                              .ldx = IN,
                              .rows = GEMM_ROWS,
                              .weight = &b->weight,
                              .columns = OUT};

    return fb_gemm(&g, err);
}

static int measure(const struct bench *b, const struct shape *s, long repeat, struct fb_err *err) {
    double best[2] = {0}, width = s->n ? 2.0 * (double)s->n : (double)(s->m + 1);
    double work = 1e-9 * (double)s->rows * (double)s->m * width, rate;
    double bound = 2e-9 * GEMM_ROWS * IN * OUT;

    for (long i = 0; i < repeat; i++)
        for (int way = 0; way < 2; way++) {
            double start = fb_now(), seconds;
            if (way ? run_gemm(b, err) : run(b, s, err)) return err->code;
            seconds = fb_now() - start;
            if (!i || seconds < best[way]) best[way] = seconds;
        }
    rate = work / best[0];
    bound /= best[1];
    printf("%-6s %5jd %5jd x %5jd %8.1f %8.1f %6.2f\n", s->n ? "x^T y" : "x^T x", (intmax_t)s->rows,
           (intmax_t)s->m, (intmax_t)(s->n ? s->n : s->m), rate, bound, rate / bound);
    fflush(stdout);
    return FB_OK;
}

int main(int argc, char **argv) {
    struct bench b = {0};
    struct fb_err err = {0};
    long repeat = REPEAT;
    const struct option options[] = {{"--repeat", &repeat, 1, REPEAT_MAX, NULL}, {0}};
    int rc;

    (void)args_parse(argc, argv, "bench_outer [--repeat N]", options, 0, 0);
    rc = bench_open(&b, &err);
    if (!rc)
        printf("%-6s %5s %5s   %5s %8s %8s %6s\n", "", "rows", "m", "n", "GFLOP/s", "gemm", "");
    for (int i = 0; i < SHAPES && !rc; i++)
        rc = measure(&b, &shapes[i], repeat, &err);
    bench_close(&b);
    if (rc) fprintf(stderr, "bench_outer: %s\n", err.msg);
    return rc ? 1 : 0;
}
