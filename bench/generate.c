/* generate.c - how near to the machine's matrix product rate does text generation with T5 run?
 *
 *     bench_generate [--repeat N] [--limit ROWS] [--max-length N] [--dump FILE] MODEL IDS
 *
 * MODEL is a T5 folder with F32 weights, IDS a file of JSON lines {"ids": [...]}, one prompt each
 * (fusion_bench tokenize writes such lines). Prints prompts, tokens, new tokens, the FLOP that are
 * needed, seconds (best and median of N passes), examples and tokens per second, GFLOP/s, and the
 * ratio to the bound of bound.h. Needed are, for every prompt of n tokens, the encoder's layers,
 * the keys and values of the states, and for every step up to the last one the decoder's layers
 * and the head. With --dump, writes for each prompt the state of its last token and the logits of
 * the first step as f32, and after them its new ids as i32, -1 behind the last; then measures
 * nothing. */
#include "args.h"
#include "bound.h"

#include "base/map.h"
#include "base/str.h"
#include "ckpt/ckpt.h"
#include "config/json.h"
#include "model/decoder.h"
#include "model/generate.h"
#include "text/tokenizer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { PASSES_MAX = 99 };

struct settings {
    long repeat, limit, max_length;
    const char *dump;
};

struct model {
    struct fb_arena arena;
    struct fb_ckpt *ckpt;
    struct fb_weights weights;
    struct fb_t5_config config;
    struct fb_generation how;
    struct fb_t5 *t5;
    struct fb_generator *generator;
};

struct prompts {
    struct fb_ids ids;
    int64_t *offset, count;
};

static int model_open(struct model *m, const char *folder, long max_length, struct fb_err *err) {
    struct fb_node *json;
    char path[4096];

    snprintf(path, sizeof path, "%s/config.json", folder);
    if (fb_json_load(&json, &m->arena, path, err) || fb_t5_config_read(&m->config, json, err) ||
        fb_generation_read(&m->how, &m->config, folder, err) || fb_ckpt_open(&m->ckpt, folder, err))
        return err->code;
    m->how.max_length = max_length;
    for (int64_t i = 0; i < fb_ckpt_count(m->ckpt); i++) {
        const struct fb_entry *e = fb_ckpt_at(m->ckpt, i);
        if (e->dtype != FB_F32) return fb_fail(err, FB_EUNSUPPORTED, "'%s' is not F32", e->name);
        if (!fb_weights_borrow_entry(&m->weights, e->name, m->ckpt, e, err)) return err->code;
    }
    if (fb_t5_create_from(&m->t5, &m->config, &m->weights, err)) return err->code;
    return fb_generator_open(&m->generator, m->t5, err);
}

static void model_close(struct model *m) {
    fb_generator_free(m->generator);
    fb_t5_free(m->t5);
    fb_weights_free(&m->weights);
    fb_ckpt_close(m->ckpt);
    fb_arena_free(&m->arena);
}

static int read_line(struct prompts *p, const char *line, size_t size, struct fb_err *err) {
    json_t *object = json_loadb(line, size, 0, NULL);
    const json_t *ids = json_object_get(object, "ids");
    int rc =
        json_array_size(ids)
            ? FB_OK
            : fb_fail(err, FB_EFORMAT, "line %jd: expected {\"ids\": [...]} with at least one id",
                      (intmax_t)p->count + 1);

    for (size_t i = 0; !rc && i < json_array_size(ids); i++) {
        int32_t id = (int32_t)json_integer_value(json_array_get(ids, i));
        rc = fb_ids_push(&p->ids, &id, 1, err);
    }
    json_decref(object);
    if (rc) return rc;
    p->offset = fb_realloc(p->offset, (size_t)p->count + 2, sizeof *p->offset, err);
    if (!p->offset) return err->code;
    p->offset[0] = 0;
    p->offset[++p->count] = p->ids.count;
    return FB_OK;
}

static int prompts_open(struct prompts *p, const char *path, long limit, struct fb_err *err) {
    struct fb_map map;
    const char *at, *end, *stop;
    int rc = fb_map_open(&map, path, err);

    if (rc) return fb_context(err, "'%s'", path);
    at = (const char *)map.data;
    end = at + map.size;
    for (; !rc && at < end && (limit < 0 || p->count < limit); at = stop + 1) {
        if (!(stop = memchr(at, '\n', (size_t)(end - at)))) stop = end;
        rc = read_line(p, at, (size_t)(stop - at), err);
    }
    if (!rc && !p->count) rc = fb_fail(err, FB_EFORMAT, "there are no prompts in it");
    fb_map_close(&map);
    return rc ? fb_context(err, "'%s'", path) : FB_OK;
}

/* Needed operations: a multiplication and an addition count two. */
static double needed(const struct model *m, const struct prompts *p, const struct fb_generated *g) {
    const struct fb_t5_config *c = &m->config;
    double d = (double)c->d_model, inner = (double)(c->num_heads * c->d_kv), flop = 0;
    double feed = (c->gated ? 6 : 4) * d * (double)c->d_ff, vocab = (double)c->vocab_size;

    for (int64_t i = 0; i < p->count; i++) {
        double n = (double)(p->offset[i + 1] - p->offset[i]), steps = (double)g->length[i];
        flop += (double)c->num_layers * (n * (8 * d * inner + feed) + 4 * inner * n * n);
        flop += (double)c->num_decoder_layers *
                (n * 4 * d * inner + steps * (12 * d * inner + feed + 4 * inner * n) +
                 2 * inner * steps * (steps + 1));
        flop += steps * 2 * d * vocab;
    }
    return flop;
}

static int measure(const struct settings *s, struct model *m, struct prompts *p,
                   struct bound *bound, struct fb_err *err) {
    struct fb_sequences sequences = {p->count, p->ids.id, p->offset};
    struct fb_generate_limits limits = {0};
    double seconds[PASSES_MAX], flop = 0, best, median, top;
    int64_t new_tokens = 0;
    struct rusage usage;
    int rc = bound_measure(bound, err);

    for (long i = 0; !rc && i < s->repeat; i++) {
        struct fb_generated g;
        double start = fb_now();
        rc = fb_generate(&g, m->generator, &m->how, &sequences, &limits, NULL, err);
        seconds[i] = fb_now() - start;
        if (rc) break;
        flop = needed(m, p, &g);
        new_tokens = 0;
        for (int64_t k = 0; k < g.count; k++)
            new_tokens += g.length[k];
        fb_generated_free(&g);
        rc = bound_measure(bound, err);
    }
    if (rc) return rc;
    qsort(seconds, (size_t)s->repeat, sizeof *seconds, by_value);
    best = seconds[0];
    median = seconds[s->repeat / 2];
    top = bound_best(bound);
    getrusage(RUSAGE_SELF, &usage);
    printf("%7s %8s %8s %7s %8s %8s %7s %7s %7s %7s %6s %6s %6s\n", "prompts", "tokens", "new",
           "TFLOP", "best s", "median s", "ex/s", "tok/s", "GF/s", "median", "ratio", "median",
           "MB");
    printf("%7jd %8jd %8jd %7.2f %8.3f %8.3f %7.2f %7.0f %7.1f %7.1f %6.2f %6.2f %6ld\n",
           (intmax_t)p->count, (intmax_t)p->ids.count, (intmax_t)new_tokens, flop * 1e-12, best,
           median, (double)p->count / median, (double)p->ids.count / median, flop * 1e-9 / best,
           flop * 1e-9 / median, flop * 1e-9 / best / top, flop * 1e-9 / median / top,
           usage.ru_maxrss / 1024);
    printf("bound: f32 2048 x 768 x 3072, best of the run: oneDNN %.1f, own %.1f GFLOP/s\n",
           bound->dnnl, bound->own);
    return FB_OK;
}

static int dump_one(FILE *f, struct model *m, const struct prompts *p, int64_t i,
                    struct fb_graph *g, struct fb_err *err) {
    const int64_t offset[2] = {0, p->offset[i + 1] - p->offset[i]};
    struct fb_sequences one = {1, p->ids.id + p->offset[i], offset};
    size_t d = (size_t)m->config.d_model, vocab = (size_t)m->config.vocab_size;
    float *states = fb_calloc((size_t)offset[1], d * sizeof *states, err);
    float *logits = fb_calloc(vocab + d, sizeof *logits, err);
    struct fb_batches batches = {0};
    const struct fb_decoder_room room = {1, offset[1] + 1, 1};
    struct fb_decoder *decoder = NULL;
    struct fb_generated out = {0};
    struct fb_generate_limits limits = {0};
    int rc = states && logits ? FB_OK : err->code;

    if (!rc) rc = fb_batches_plan_unshared(&batches, &one, 1 << 20, 1, err);
    if (!rc) rc = fb_t5_encode(m->t5, batches.batch, states, g, err);
    if (!rc) rc = fb_decoder_open(&decoder, m->t5, &room, err);
    if (!rc) rc = fb_decoder_add(decoder, batches.batch, states, err);
    if (!rc) rc = fb_decoder_step(decoder, &m->how.start, logits + vocab, err);
    if (!rc) rc = fb_t5_logits(m->t5, logits + vocab, 1, logits, err);
    if (!rc) rc = fb_generate(&out, m->generator, &m->how, &one, &limits, NULL, err);
    for (int64_t k = out.length ? out.length[0] : 0; !rc && k < out.most; k++)
        out.id[k] = -1;
    if (!rc && (fwrite(states + (size_t)(offset[1] - 1) * d, sizeof *states, d, f) != d ||
                fwrite(logits, sizeof *logits, vocab, f) != vocab ||
                fwrite(out.id, sizeof *out.id, (size_t)out.most, f) != (size_t)out.most))
        rc = fb_fail_errno(err, "cannot write");
    fb_generated_free(&out);
    fb_decoder_free(decoder);
    fb_batches_free(&batches);
    free(states);
    free(logits);
    return rc;
}

static int dump(const char *path, struct model *m, const struct prompts *p, struct fb_err *err) {
    FILE *f = fopen(path, "wb");
    struct fb_graph g = {0};
    int rc = f ? FB_OK : fb_fail_errno(err, "'%s'", path);

    for (int64_t i = 0; !rc && i < p->count; i++)
        rc = dump_one(f, m, p, i, &g, err);
    if (f && fclose(f) && !rc) rc = fb_fail_errno(err, "'%s'", path);
    fb_graph_free(&g);
    return rc;
}

int main(int argc, char **argv) {
    struct settings s = {3, -1, 10, NULL};
    struct model m = {0};
    struct prompts p = {0};
    struct bound bound = {0};
    struct fb_err err = {0};
    const struct option options[] = {
        {"--repeat", &s.repeat, 1, PASSES_MAX, NULL},
        {"--limit", &s.limit, 1, INT32_MAX, NULL},
        {"--max-length", &s.max_length, 2, 65536, NULL},
        {"--dump", NULL, 0, 0, &s.dump},
        {0},
    };
    int at = args_parse(
        argc, argv,
        "bench_generate [--repeat N] [--limit ROWS] [--max-length N] [--dump FILE] MODEL IDS",
        options, 2, 2);
    int rc;

    rc = model_open(&m, argv[at], s.max_length, &err);
    if (!rc) rc = prompts_open(&p, argv[at + 1], s.limit, &err);
    if (!rc && s.dump) rc = dump(s.dump, &m, &p, &err);
    else if (!rc) rc = bound_open(&bound, &err) || measure(&s, &m, &p, &bound, &err);
    if (rc) fprintf(stderr, "bench_generate: %s\n", err.msg);
    model_close(&m);
    fb_ids_free(&p.ids);
    free(p.offset);
    return rc ? 1 : 0;
}
