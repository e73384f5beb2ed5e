/* gemm.c - are our own matrix products as fast as a library's, and what would a library give up?
 *
 *     bench_gemm [--repeat N] [--rows LARGEST] [--least SMALLEST]
 *
 * For the four matrices of a GPT-2 block and 1 .. 4096 rows: the best f32 GFLOP/s of N passes of
 * our product (alone, and with the bias and what the model does to the result) and of oneDNN with
 * weights as [in, out] and as [out, in], measured in turns; the ratio of our product to the faster
 * of the two. "same": whether each implementation computes a row to the same bits as when it stands
 * among LARGEST rows, which evaluation relies on. */
#include "kernel/gemm.h"
#include "args.h"
#include "base/alloc.h"
#include "base/log.h"

#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OWN, FINISHED, IN_OUT, OUT_IN, WAYS, REPEAT = 20, REPEAT_MAX = 999 };

static const struct matrix {
    const char *name;
    int64_t in, out;
    enum fb_activation activation;
    bool add;
} matrices[] = {
    {"c_attn", 768, 2304, FB_LINEAR, false},
    {"c_proj", 768, 768, FB_LINEAR, true},
    {"c_fc", 768, 3072, FB_GELU_TANH, false},
    {"mlp.c_proj", 3072, 768, FB_LINEAR, true},
};
enum { MATRICES = sizeof matrices / sizeof *matrices };

struct settings {
    long repeat, rows, least;
};

/* One matrix: x [rows, in], w [in, out] and transposed, results of `rows` and of all rows. */
struct product {
    const struct matrix *matrix;
    float *x, *w, *wt, *bias, *add, *y, *all[WAYS];
    struct fb_packed packed;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

static void fill(float *x, int64_t count, uint32_t seed) {
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) * 0x1p-23f - 1.0f;
    }
}

static void product_close(struct product *p) {
    float *const arrays[] = {p->x, p->w, p->wt, p->bias, p->add, p->y};

    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
    for (int way = 0; way < WAYS; way++)
        free(p->all[way]);
    fb_packed_free(&p->packed);
    dnnl_stream_destroy(p->stream);
    dnnl_engine_destroy(p->engine);
}

static int product_open(struct product *p, const struct matrix *m, int64_t rows,
                        struct fb_err *err) {
    struct {
        float **at;
        int64_t count;
    } arrays[] = {{&p->x, rows * m->in},       {&p->w, m->in * m->out},
                  {&p->wt, m->in * m->out},    {&p->bias, m->out},
                  {&p->add, rows * m->out},    {&p->y, rows * m->out},
                  {&p->all[0], rows * m->out}, {&p->all[1], rows * m->out},
                  {&p->all[2], rows * m->out}, {&p->all[3], rows * m->out}};

    *p = (struct product){.matrix = m};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i].at = fb_malloc((size_t)arrays[i].count * sizeof(float), err);
        if (!*arrays[i].at) return err->code;
        fill(*arrays[i].at, arrays[i].count, (uint32_t)i);
    }
    for (int64_t i = 0; i < m->in; i++)
        for (int64_t j = 0; j < m->out; j++)
            p->wt[j * m->in + i] = p->w[i * m->out + j];
    if (dnnl_engine_create(&p->engine, dnnl_cpu, 0) ||
        dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags))
        return fb_fail(err, FB_EUNSUPPORTED, "oneDNN has no engine for this machine");
    return fb_pack(&p->packed, p->w, FB_IN_OUT, p->bias, m->in, m->out, NULL, err);
}

/* oneDNN's primitive for `rows` rows with its three memories. */
struct library {
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[3];
};

static void library_close(struct library *l) {
    for (int i = 0; i < 3; i++)
        dnnl_memory_destroy(l->memory[i]);
    dnnl_primitive_destroy(l->primitive);
}

static int library_open(struct library *l, const struct product *p, int64_t rows, bool transposed,
                        struct fb_err *err) {
    int64_t in = p->matrix->in, out = p->matrix->out;
    dnnl_dims_t x = {rows, in}, w = {in, out}, y = {rows, out};
    float *data[3] = {p->x, transposed ? p->wt : p->w, p->y};
    dnnl_memory_desc_t md[3];
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    int failed =
        dnnl_memory_desc_init_by_tag(&md[0], 2, x, dnnl_f32, dnnl_ab) ||
        dnnl_memory_desc_init_by_tag(&md[1], 2, w, dnnl_f32, transposed ? dnnl_ba : dnnl_ab) ||
        dnnl_memory_desc_init_by_tag(&md[2], 2, y, dnnl_f32, dnnl_ab) ||
        dnnl_matmul_desc_init(&desc, &md[0], &md[1], NULL, &md[2]) ||
        dnnl_primitive_desc_create(&pd, &desc, NULL, p->engine, NULL) ||
        dnnl_primitive_create(&l->primitive, pd);

    dnnl_primitive_desc_destroy(pd);
    for (int i = 0; i < 3 && !failed; i++)
        failed = dnnl_memory_create(&l->memory[i], &md[i], p->engine, data[i]) != dnnl_success;
    return failed ? fb_fail(err, FB_EUNSUPPORTED, "oneDNN refused the matrix product") : FB_OK;
}

static int run_library(const struct product *p, const struct library *l, struct fb_err *err) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, l->memory[0]},
                                    {DNNL_ARG_WEIGHTS, l->memory[1]},
                                    {DNNL_ARG_DST, l->memory[2]}};

    if (dnnl_primitive_execute(l->primitive, p->stream, 3, args) || dnnl_stream_wait(p->stream))
        return fb_fail(err, FB_EUNSUPPORTED, "oneDNN failed");
    return FB_OK;
}

static int run_own(const struct product *p, int64_t rows, bool finished, struct fb_err *err) {
    const struct matrix *m = p->matrix;
    struct fb_gemm g = {.y = p->y,
                        .ldy = m->out,
                        .x = p->x,
                        .ldx = m->in,
                        .rows = rows,
                        .weight = &p->packed,
                        .columns = m->out};

    if (finished) {
        g.activation = m->activation;
        g.add = m->add ? p->add : NULL;
        g.ldadd = m->out;
    }
    return fb_gemm(&g, err);
}

/* Best seconds of each way, and whether its rows are those of `all`. */
static int measure(const struct product *p, int64_t rows, const struct settings *s,
                   double best[WAYS], bool same[WAYS], struct fb_err *err) {
    size_t bytes = (size_t)(rows * p->matrix->out) * sizeof(float);
    struct library library[2] = {{0}};
    int rc = library_open(&library[0], p, rows, false, err);

    if (!rc) rc = library_open(&library[1], p, rows, true, err);
    for (long i = 0; !rc && i < s->repeat; i++)
        for (int way = 0; !rc && way < WAYS; way++) {
            double start = fb_now(), seconds;
            rc = way < IN_OUT ? run_own(p, rows, way == FINISHED, err)
                              : run_library(p, &library[way - IN_OUT], err);
            seconds = fb_now() - start;
            if (!i || seconds < best[way]) best[way] = seconds;
            if (!i && rows == s->rows) memcpy(p->all[way], p->y, bytes);
            same[way] = memcmp(p->y, p->all[way], bytes) == 0;
        }
    library_close(&library[0]);
    library_close(&library[1]);
    return rc;
}

static int report(const struct matrix *m, const struct settings *s, struct fb_err *err) {
    struct product p;
    double best[WAYS];
    bool same[WAYS];
    int rc = product_open(&p, m, s->rows, err);

    for (int64_t rows = s->rows; !rc && rows >= s->least; rows /= 2) {
        double work = 2e-9 * (double)(rows * m->in * m->out), rival;
        if ((rc = measure(&p, rows, s, best, same, err))) break;
        rival = best[IN_OUT] < best[OUT_IN] ? best[IN_OUT] : best[OUT_IN];
        printf("%-10s %5jd x %4jd x %4jd", m->name, (intmax_t)rows, (intmax_t)m->in,
               (intmax_t)m->out);
        for (int way = 0; way < WAYS; way++)
            printf(" %8.1f %-3s", work / best[way], same[way] ? "yes" : "no");
        printf(" %6.2f\n", rival / best[OWN]);
        fflush(stdout);
    }
    product_close(&p);
    return rc;
}

int main(int argc, char **argv) {
    struct settings s = {REPEAT, 4096, 1};
    struct fb_err err = {0};
    const struct option options[] = {
        {"--repeat", &s.repeat, 1, REPEAT_MAX, NULL},
        {"--rows", &s.rows, 1, 1 << 20, NULL},
        {"--least", &s.least, 1, 1 << 20, NULL},
        {0},
    };

    (void)args_parse(argc, argv, "bench_gemm [--repeat N] [--rows LARGEST] [--least SMALLEST]",
                     options, 0, 0);
    printf("%-29s %8s %-3s %8s %-3s %8s %-3s %8s %-3s %6s\n", "rows x in x out", "own", "same",
           "finished", "", "[in,out]", "", "[out,in]", "", "ratio");
    for (int i = 0; i < MATRICES; i++)
        if (report(&matrices[i], &s, &err)) {
            fprintf(stderr, "bench_gemm: %s\n", err.msg);
            return 1;
        }
    return 0;
}
