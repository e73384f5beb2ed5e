/* step.c - attention of single queries, as decoding asks for it: one pass over the keys and one
 * over the values of a sequence, whose rows hold all heads side by side. */
#include "base/alloc.h"
#include "kernel/cpu.h"

#include <omp.h>
#include <stdlib.h>

struct job {
    const struct fb_step *how;
    const struct fb_isa *isa;
    const float *q;
    float *out;
};

static void attend(const struct job *job, int64_t row, float *scaled, float *score) {
    const struct fb_step *how = job->how;
    const struct fb_span *span = &how->span[row];
    int64_t width = how->heads * how->dim;
    const float *q = job->q + row * width;
    float *out = job->out + row * width;

    for (int64_t i = 0; i < width; i++)
        scaled[i] = q[i] * how->scale;
    job->isa->scores(score, scaled, span->k, how->ldkv, span->keys, how->heads, how->dim);
    for (int64_t h = 0; h < how->heads; h++) {
        float *s = score + h * span->keys, inverse;
        for (int64_t j = 0; how->bias && j < span->keys; j++)
            s[j] += how->bias[h * how->ldbias + j];
        inverse = 1.0f / job->isa->exponentials(s, span->keys, span->keys);
        for (int64_t j = 0; j < span->keys; j++)
            s[j] *= inverse;
    }
    job->isa->mix(out, score, span->v, how->ldkv, span->keys, how->heads, how->dim);
}

int fb_attend_step(float *out, const float *q, const struct fb_step *how, struct fb_err *err) {
    struct job job = {how, fb_cpu_isa(), q, out};
    int64_t width = how->heads * how->dim, keys = 1;
    size_t each;
    float *memory;

    for (int64_t i = 0; i < how->rows; i++)
        if (how->span[i].keys > keys) keys = how->span[i].keys;
    each = (size_t)(width + how->heads * keys);
    memory = fb_calloc((size_t)omp_get_max_threads() * each, sizeof *memory, err);
    if (!memory) return err->code;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < how->rows; i++) {
        float *mine = memory + (size_t)omp_get_thread_num() * each;
        attend(&job, i, mine, mine + width);
    }
    free(memory);
    return FB_OK;
}
