/* generate.c - prompts to generated ids, batch by batch. Prompts of about the same length share a
 * batch, so that batches are equally large; who shares one has no effect on what is generated. */
#include "model/generate.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "model/decoder.h"

#include <stdlib.h>
#include <string.h>

/* The kept keys and values are the larger part of a batch's memory: for the base model 74 kB a
 * prompt token, so 4096 tokens take 0.3 GB. */
enum { BATCH_TOKENS = 4096, BATCH_SEQUENCES = 512 };

struct job {
    const struct fb_t5 *m;
    const struct fb_generation *how;
    const int64_t *order; /* [prompts] of a planned sequence: which prompt it is */
    struct fb_generated *out;
    struct fb_graph graph;
};

/* Planned sequence -> prompt, long ones first. */
struct sorted {
    int64_t *order;
    int32_t *id;
    int64_t *offset;
};

struct key {
    int64_t length, index;
};

static int by_length(const void *a, const void *b) {
    const struct key *x = a, *y = b;

    if (x->length != y->length) return x->length < y->length ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

static int sort(struct sorted *s, const struct fb_sequences *prompts, struct fb_err *err) {
    size_t n = (size_t)prompts->count;
    struct key *key = fb_calloc(n + 1, sizeof *key, err);
    int64_t at = 0;

    s->order = fb_calloc(n + 1, sizeof *s->order, err);
    s->offset = fb_calloc(n + 1, sizeof *s->offset, err);
    s->id = fb_calloc((size_t)prompts->offset[n] + 1, sizeof *s->id, err);
    if (!key || !s->order || !s->offset || !s->id) {
        free(key);
        return err->code;
    }
    for (int64_t i = 0; i < prompts->count; i++)
        key[i] = (struct key){prompts->offset[i + 1] - prompts->offset[i], i};
    qsort(key, n, sizeof *key, by_length);
    for (int64_t i = 0; i < prompts->count; i++) {
        s->order[i] = key[i].index;
        memcpy(s->id + at, prompts->id + prompts->offset[key[i].index],
               (size_t)key[i].length * sizeof *s->id);
        s->offset[i + 1] = at += key[i].length;
    }
    free(key);
    return FB_OK;
}

static void sorted_free(struct sorted *s) {
    free(s->order);
    free(s->offset);
    free(s->id);
}

static bool ends(const struct fb_generation *how, int32_t id) {
    for (int i = 0; i < how->eos_count; i++)
        if (how->eos[i] == id) return true;
    return false;
}

/* Writes down the ids of a step; says which rows go on. */
static int64_t record(struct job *job, const struct fb_decoder *d, const struct fb_batch *batch,
                      const int32_t *id, bool *keep) {
    int64_t going = 0;

    for (int64_t i = 0; i < fb_decoder_rows(d); i++) {
        int64_t prompt = job->order[batch->sequence[fb_decoder_sequence(d, i)]];
        job->out->id[prompt * job->out->most + job->out->length[prompt]++] = id[i];
        keep[i] = !ends(job->how, id[i]);
        going += keep[i];
    }
    return going;
}

static int decode(struct job *job, struct fb_decoder *d, const struct fb_batch *batch,
                  float *hidden, int32_t *id, bool *keep, struct fb_err *err) {
    for (int64_t i = 0; i < batch->sequences; i++)
        id[i] = job->how->start;
    for (int64_t step = 0; step < job->out->most; step++) {
        int64_t rows = fb_decoder_rows(d), next = 0;
        if (fb_interrupted(err) || fb_decoder_step(d, id, hidden, err) ||
            fb_t5_argmax(job->m, hidden, rows, id, err))
            return err->code;
        if (!record(job, d, batch, id, keep)) return FB_OK;
        for (int64_t i = 0; i < rows; i++)
            if (keep[i]) id[next++] = id[i];
        fb_decoder_keep(d, keep);
    }
    return FB_OK;
}

static int run_batch(struct job *job, const struct fb_batch *batch, struct fb_err *err) {
    size_t width = (size_t)fb_t5_config(job->m)->d_model, rows = (size_t)batch->sequences;
    float *states = fb_calloc((size_t)batch->tokens, width * sizeof *states, err);
    float *hidden = fb_calloc(rows, width * sizeof *hidden, err);
    int32_t *id = fb_calloc(rows, sizeof *id, err);
    bool *keep = fb_calloc(rows, sizeof *keep, err);
    struct fb_decoder *d = NULL;
    int rc = states && hidden && id && keep ? FB_OK : err->code;

    if (!rc) rc = fb_t5_encode(job->m, batch, states, &job->graph, err);
    if (!rc) rc = fb_decoder_begin(&d, job->m, batch, states, job->out->most, err);
    free(states);
    if (!rc) rc = decode(job, d, batch, hidden, id, keep, err);
    fb_decoder_free(d);
    free(hidden);
    free(id);
    free(keep);
    return rc;
}

static int allocate(struct fb_generated *out, int64_t count, int64_t most, struct fb_err *err) {
    *out = (struct fb_generated){.count = count, .most = most};
    out->id = fb_calloc((size_t)count + 1, (size_t)most * sizeof *out->id, err);
    out->length = fb_calloc((size_t)count + 1, sizeof *out->length, err);
    return out->id && out->length ? FB_OK : err->code;
}

int fb_t5_generate(struct fb_generated *out, const struct fb_t5 *m, const struct fb_generation *how,
                   const struct fb_sequences *prompts, const struct fb_generate_limits *limits,
                   struct fb_progress *progress, struct fb_err *err) {
    struct job job = {.m = m, .how = how, .out = out};
    struct sorted sorted = {0};
    struct fb_batches batches = {0};
    int rc = allocate(out, prompts->count, how->max_length - 1, err);

    if (!rc) rc = sort(&sorted, prompts, err);
    job.order = sorted.order;
    if (!rc)
        rc = fb_batches_plan_unshared(
            &batches, &(struct fb_sequences){prompts->count, sorted.id, sorted.offset},
            limits->batch_tokens ? limits->batch_tokens : BATCH_TOKENS,
            limits->batch_sequences ? limits->batch_sequences : BATCH_SEQUENCES, err);
    for (int64_t b = 0; !rc && b < batches.count; b++) {
        rc = run_batch(&job, &batches.batch[b], err);
        if (progress) fb_progress_add(progress, batches.batch[b].sequences);
    }
    fb_graph_free(&job.graph);
    fb_batches_free(&batches);
    sorted_free(&sorted);
    if (rc) fb_generated_free(out);
    return rc;
}

void fb_generated_free(struct fb_generated *g) {
    free(g->id);
    free(g->length);
    *g = (struct fb_generated){0};
}
