/* generate.c - prompts to generated ids, group by group: a group is encoded batch by batch and
 * decoded together. Prompts are sorted by length, so that a step's sequences are equally long; who
 * shares a group or a batch has no effect on what is generated. */
#include "model/generate.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "model/decoder.h"

#include <stdlib.h>
#include <string.h>

/* The kept keys and values are the larger part of the memory: for the base model 74 kB a token. */
enum { BATCH_TOKENS = 1024, GROUP_SEQUENCES = 512, KEPT_BYTES = 420 << 20 };

/* Sequences that are decoded together. */
struct group {
    int64_t first, count;
};

struct fb_generator {
    const struct fb_t5 *m;
    struct fb_decoder *decoder; /* NULL until there are prompts */
    struct fb_graph graph;
};

struct job {
    struct fb_generator *generator;
    const struct fb_t5 *m;
    const struct fb_generation *how;
    const int64_t *order; /* [prompts] of a planned sequence: which prompt it is */
    struct fb_generated *out;
    int64_t batch_tokens;
    struct fb_decoder_room room;
    struct fb_decoder *decoder; /* borrowed from the generator */
    float *hidden;              /* [room.sequences, d_model] */
    int32_t *id;                /* [room.sequences] */
    bool *keep;                 /* [room.sequences] */
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

/* ---- a group ---- */

/* Writes down the ids of a step; says which rows go on. */
static int64_t record(struct job *job, const struct group *group) {
    int64_t going = 0;

    for (int64_t i = 0; i < fb_decoder_rows(job->decoder); i++) {
        int64_t prompt = job->order[group->first + fb_decoder_sequence(job->decoder, i)];
        job->out->id[prompt * job->out->most + job->out->length[prompt]++] = job->id[i];
        job->keep[i] = !ends(job->how, job->id[i]);
        going += job->keep[i];
    }
    return going;
}

static int decode(struct job *job, const struct group *group, struct fb_err *err) {
    for (int64_t i = 0; i < group->count; i++)
        job->id[i] = job->how->start;
    for (int64_t step = 0; step < job->out->most; step++) {
        int64_t rows = fb_decoder_rows(job->decoder), next = 0;
        if (fb_interrupted(err) || fb_decoder_step(job->decoder, job->id, job->hidden, err) ||
            fb_t5_argmax(job->m, job->hidden, rows, job->id, err))
            return err->code;
        if (!record(job, group)) return FB_OK;
        for (int64_t i = 0; i < rows; i++)
            if (job->keep[i]) job->id[next++] = job->id[i];
        fb_decoder_keep(job->decoder, job->keep);
    }
    return FB_OK;
}

static int encode(struct job *job, const struct fb_batch *batch, struct fb_err *err) {
    size_t width = (size_t)fb_t5_config(job->m)->d_model;
    float *states = fb_calloc((size_t)batch->tokens, width * sizeof *states, err);
    int rc = states ? fb_t5_encode(job->m, batch, states, &job->generator->graph, err) : err->code;

    if (!rc) rc = fb_decoder_add(job->decoder, batch, states, err);
    free(states);
    return rc;
}

static int run_group(struct job *job, const struct fb_sequences *sorted, const struct group *group,
                     struct fb_err *err) {
    struct fb_sequences part = {group->count, sorted->id, sorted->offset + group->first};
    struct fb_batches batches = {0};
    int rc = fb_batches_plan_unshared(&batches, &part, job->batch_tokens, group->count, err);

    fb_decoder_clear(job->decoder);
    for (int64_t b = 0; !rc && b < batches.count; b++)
        rc = fb_interrupted(err) ? err->code : encode(job, &batches.batch[b], err);
    fb_batches_free(&batches);
    return rc ? rc : decode(job, group, err);
}

/* ---- all groups ---- */

static int64_t places_of(const struct job *job, const struct fb_sequences *sorted, int64_t i) {
    return sorted->offset[i + 1] - sorted->offset[i] + job->room.steps;
}

/* The next group: about `share` places. */
static struct group next_group(const struct job *job, const struct fb_sequences *sorted,
                               int64_t first, int64_t share) {
    struct group group = {first, 0};
    int64_t places = 0;

    while (first + group.count < sorted->count && group.count < job->room.sequences &&
           places < share)
        places += places_of(job, sorted, first + group.count++);
    return group;
}

/* How much is kept at once. Returns the share of a group: groups are about equal, so that the last
 * one is not a small one, and there is room for the sequence with which one reaches its share. */
static int64_t make_room(struct job *job, const struct fb_sequences *sorted,
                         const struct fb_generate_limits *limits) {
    const struct fb_t5_config *c = fb_t5_config(job->m);
    int64_t each = 2 * c->num_heads * c->d_kv * c->num_decoder_layers * (int64_t)sizeof(float);
    int64_t all = 0, longest, groups, most = limits->places ? limits->places : limits->batch_tokens;

    job->batch_tokens = limits->batch_tokens ? limits->batch_tokens : BATCH_TOKENS;
    job->room.steps = job->out->most;
    job->room.sequences = limits->batch_sequences ? limits->batch_sequences : GROUP_SEQUENCES;
    if (job->room.sequences > sorted->count) job->room.sequences = sorted->count;
    longest = places_of(job, sorted, 0);
    for (int64_t i = 0; i < sorted->count; i++)
        all += places_of(job, sorted, i);
    job->room.places = most ? most : KEPT_BYTES / each;
    if (job->room.places < longest) job->room.places = longest;
    if (job->room.places >= all) {
        job->room.places = all;
        return all;
    }
    most = job->room.places - longest + 1;
    groups = (all + most - 1) / most;
    return (all + groups - 1) / groups;
}

static int take_decoder(struct job *job, struct fb_err *err) {
    struct fb_generator *g = job->generator;

    if (g->decoder && !fb_decoder_fits(g->decoder, &job->room)) {
        fb_decoder_free(g->decoder);
        g->decoder = NULL;
    }
    if (!g->decoder && fb_decoder_open(&g->decoder, g->m, &job->room, err)) return err->code;
    job->decoder = g->decoder;
    return FB_OK;
}

static int open_job(struct job *job, struct fb_err *err) {
    size_t rows = (size_t)job->room.sequences, width = (size_t)fb_t5_config(job->m)->d_model;

    job->hidden = fb_calloc(rows, width * sizeof *job->hidden, err);
    job->id = fb_calloc(rows, sizeof *job->id, err);
    job->keep = fb_calloc(rows, sizeof *job->keep, err);
    if (!job->hidden || !job->id || !job->keep) return err->code;
    return take_decoder(job, err);
}

static void close_job(struct job *job) {
    free(job->hidden);
    free(job->id);
    free(job->keep);
}

static int run_groups(struct job *job, const struct fb_sequences *sorted,
                      const struct fb_generate_limits *limits, struct fb_progress *progress,
                      struct fb_err *err) {
    struct group group = {0};
    int64_t share;
    int rc;

    if (!sorted->count) return FB_OK;
    share = make_room(job, sorted, limits);
    rc = open_job(job, err);
    while (!rc && group.first + group.count < sorted->count) {
        group = next_group(job, sorted, group.first + group.count, share);
        rc = run_group(job, sorted, &group, err);
        if (progress) fb_progress_add(progress, group.count);
    }
    close_job(job);
    return rc;
}

static int allocate(struct fb_generated *out, int64_t count, int64_t most, struct fb_err *err) {
    *out = (struct fb_generated){.count = count, .most = most};
    out->id = fb_calloc((size_t)count + 1, (size_t)most * sizeof *out->id, err);
    out->length = fb_calloc((size_t)count + 1, sizeof *out->length, err);
    return out->id && out->length ? FB_OK : err->code;
}

int fb_generator_open(struct fb_generator **out, const struct fb_t5 *m, struct fb_err *err) {
    if (!(*out = fb_calloc(1, sizeof **out, err))) return err->code;
    (*out)->m = m;
    return FB_OK;
}

void fb_generator_free(struct fb_generator *g) {
    if (!g) return;
    fb_decoder_free(g->decoder);
    fb_graph_free(&g->graph);
    free(g);
}

int fb_generate(struct fb_generated *out, struct fb_generator *g, const struct fb_generation *how,
                const struct fb_sequences *prompts, const struct fb_generate_limits *limits,
                struct fb_progress *progress, struct fb_err *err) {
    struct job job = {.generator = g, .m = g->m, .how = how, .out = out};
    struct sorted sorted = {0};
    int rc = allocate(out, prompts->count, how->max_length - 1, err);

    if (!rc) rc = sort(&sorted, prompts, err);
    job.order = sorted.order;
    if (!rc)
        rc = run_groups(&job, &(struct fb_sequences){prompts->count, sorted.id, sorted.offset},
                        limits, progress, err);
    sorted_free(&sorted);
    if (rc) fb_generated_free(out);
    return rc;
}

void fb_generated_free(struct fb_generated *g) {
    free(g->id);
    free(g->length);
    *g = (struct fb_generated){0};
}
