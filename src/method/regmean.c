#include "method/regmean.h"

#include "method/exclude.h"
#include "method/statistics.h"

#include <stdlib.h>

struct job {
    const struct fb_regmean_kind *kind;
    const struct fb_regmean_opts *o;
    struct fb_merge *merge;
    struct fb_trainset set;
    struct fb_regression regression;
};

int fb_regmean_check(const struct fb_regmean_kind *kind, const struct fb_regmean_opts *options,
                     const struct fb_merge *merge, struct fb_err *err) {
    if (fb_pool_base(merge->pool, err) < 0 ||
        fb_exclude_check(&options->exclude_param_names_regex, err) ||
        fb_statistics_check(options->statistics_dir, err))
        return err->code;
    return fb_trainset_check(merge, &kind->data, err);
}

static int compute(struct job *job, struct fb_regmean_expert *x, struct fb_err *err) {
    struct fb_observer observer = fb_grams_observer(&job->regression.grams);

    x->observer = &observer;
    if (job->kind->forward(x, err)) return err->code;
    return fb_grams_finish(&job->regression.grams, err);
}

/* All that the matrices are a function of. */
static int identify(char **path, const struct job *job, const struct fb_regmean_expert *x,
                    struct fb_err *err) {
    const struct fb_regression *r = &job->regression;
    const char *method = job->kind->method;
    struct fb_digest id = {0};
    int rc;

    *path = NULL;
    if (!job->o->statistics_dir) return FB_OK;
    rc = fb_statistics_begin(&id, method, err);
    if (!rc) rc = fb_statistics_add_model(&id, x->pool, x->model, err);
    if (!rc) rc = fb_statistics_add_examples(&id, &x->examples, err);
    if (!rc) rc = job->kind->identify(&id, x, err);
    for (int64_t i = 0; !rc && i < r->inputs; i++)
        rc = fb_digest_add_text(&id, r->input[i].name, err);
    if (!rc)
        rc = fb_statistics_path(path, job->o->statistics_dir, method,
                                fb_pool_model_name(x->pool, x->model), &id, err);
    fb_digest_free(&id);
    return rc;
}

/* From a file of an earlier run, or computed and written to it. */
static int find_grams(struct job *job, struct fb_regmean_expert *x, struct fb_err *err) {
    struct fb_grams *g = &job->regression.grams;
    struct fb_ckpt *found = NULL;
    char *path;
    int rc = identify(&path, job, x, err);

    if (!rc) rc = fb_statistics_load(&found, path, g->entry, g->count, x->log, err);
    if (!rc && found) {
        fb_grams_read(g, found);
    } else if (!rc) {
        rc = compute(job, x, err);
        if (!rc) rc = fb_statistics_save(path, g->entry, g->count, x->log, err);
    }
    fb_ckpt_close(found);
    free(path);
    return rc;
}

static int add_expert(struct job *job, int expert, struct fb_err *err) {
    const struct fb_trainset_order order = {.examples = job->o->num_regmean_examples,
                                            .batch_size = job->o->batch_size,
                                            .shuffle = job->o->shuffle};
    struct fb_pool *pool = job->merge->pool;
    struct fb_regmean_expert x = {.pool = pool,
                                  .model = fb_pool_expert(pool, expert),
                                  .log = job->merge->log,
                                  .tokenizer = job->set.tokenizer,
                                  .encoder = job->set.encoder};
    int rc = fb_pool_config(pool, x.model, &x.config, err);

    if (!rc) rc = fb_trainset_pick(&job->set, expert, &order, &x.examples, err);
    if (!rc) rc = job->kind->encode(&x, err);
    if (!rc) rc = find_grams(job, &x, err);
    if (!rc) rc = fb_regression_add(&job->regression, x.model, err);
    fb_examples_free(&x.examples);
    return rc ? fb_context(err, "expert '%s'", fb_pool_model_name(pool, x.model)) : FB_OK;
}

int fb_regmean_run(const struct fb_regmean_kind *kind, const struct fb_regmean_opts *options,
                   struct fb_merge *merge, struct fb_err *err) {
    const struct fb_regression_form form = {.wants = kind->wants,
                                            .input_of = kind->input_of,
                                            .out_in = kind->out_in,
                                            .ratio = options->reduce_non_diagonal_ratio,
                                            .exclude = &options->exclude_param_names_regex};
    struct job job = {.kind = kind, .o = options, .merge = merge};
    int rc = fb_regression_open(&job.regression, merge, &form, err);

    if (!rc) rc = fb_trainset_open(&job.set, merge, &kind->data, err);
    for (int i = 0; !rc && i < fb_pool_experts(merge->pool); i++)
        rc = add_expert(&job, i, err);
    if (!rc) rc = fb_regression_merge(&job.regression, err);
    fb_trainset_close(&job.set);
    fb_regression_free(&job.regression);
    return rc;
}
