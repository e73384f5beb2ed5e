#include "train/trainer.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "config/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEASURED_AT_ONCE = 256, STATUS = 100 };

static const struct fb_place nowhere = {0};

/* Numbers for different ends out of one seed. */
static const uint64_t dropout_key = 0x64726f706f757401u;

/* ---- counting -------------------------------------------------------------------------------- */

/* Batches that a step takes. */
static int64_t per_step(const struct fb_trainer *t) {
    return t->recipe.accumulation < t->batches ? t->recipe.accumulation : t->batches;
}

static double epoch_at(const struct fb_trainer *t, int64_t step) {
    return (double)(step * per_step(t)) / (double)t->batches;
}

static int64_t whole_epochs(const struct fb_trainer *t, int64_t step) {
    return step * per_step(t) / t->batches;
}

static struct fb_schedule schedule_of(const struct fb_trainer *t) {
    const struct fb_recipe *r = &t->recipe;

    return (struct fb_schedule){r->scheduler, r->learning_rate,
                                fb_schedule_warmup(r->warmup_steps, r->warmup_ratio, t->steps),
                                t->steps};
}

/* Trainer: ceil(epochs * (batches // accumulation or 1)). */
static int64_t count_steps(const struct fb_trainer *t) {
    int64_t each = t->batches / t->recipe.accumulation;

    if (t->recipe.max_steps > 0) return t->recipe.max_steps;
    return (int64_t)ceil(t->recipe.epochs * (double)(each ? each : 1));
}

/* ---- state ----------------------------------------------------------------------------------- */

static double real_of(const struct fb_node *map, const char *key) {
    const struct fb_node *node = fb_node_get(map, key);

    if (!node || (node->kind != FB_REAL && node->kind != FB_INT)) return NAN;
    return node->kind == FB_REAL ? node->value.real : (double)node->value.integer;
}

static int64_t int_of(const struct fb_node *map, const char *key) {
    const struct fb_node *node = fb_node_get(map, key);

    return node && node->kind == FB_INT ? node->value.integer : -1;
}

static int print_value(struct fb_str *out, const struct fb_node *node, struct fb_err *err) {
    return node ? fb_json_print(out, node, err) : fb_str_puts(out, "not there", err);
}

static int compare_settings(const struct fb_node *now, const struct fb_node *then,
                            struct fb_err *err) {
    for (int64_t i = 0; i < now->count; i++) {
        const struct fb_node *old = fb_node_get(then, now->key[i].text);
        struct fb_str text = {.max = 2048};
        int rc;
        if (old && fb_node_equal(now->item[i], old)) continue;
        rc = fb_str_printf(&text, err, "%s is ", now->key[i].text);
        if (!rc) rc = print_value(&text, now->item[i], err);
        if (!rc) rc = fb_str_puts(&text, ", but was ", err);
        if (!rc) rc = print_value(&text, old, err);
        if (!rc)
            rc = fb_fail(err, FB_EMISMATCH,
                         "%s when the checkpoint was made; a training goes on as it began",
                         fb_str_text(&text));
        fb_str_free(&text);
        return rc;
    }
    return FB_OK;
}

static int restore(struct fb_trainer *t, const struct fb_node *state, struct fb_err *err) {
    const struct fb_node *history = fb_node_get(state, "log_history");

    if (compare_settings(t->settings, fb_node_get(state, "settings"), err)) return err->code;
    t->step = int_of(state, "global_step");
    t->evaluated = int_of(state, "evaluated_step");
    t->best_step = int_of(state, "best_step");
    t->best = t->best_step > 0 ? real_of(state, "best_metric") : -INFINITY;
    t->loss_sum = real_of(state, "loss_sum");
    t->epoch_sum = real_of(state, "epoch_sum");
    t->loss_steps = int_of(state, "loss_steps");
    t->epoch_steps = int_of(state, "epoch_steps");
    if (t->step < 0 || t->step > t->steps || t->evaluated < 0 || t->best_step < 0 ||
        isnan(t->best) || isnan(t->loss_sum) || isnan(t->epoch_sum) || t->loss_steps < 0 ||
        t->epoch_steps < 0 || !history || history->kind != FB_LIST)
        return fb_fail(err, FB_EFORMAT, "trainer_state.json is not that of a training here");
    return (t->history = fb_node_copy(t->arena, history, err)) ? FB_OK : err->code;
}

int fb_trainer_begin(struct fb_trainer *t, const struct fb_node *state, struct fb_err *err) {
    t->batches = (t->train->count + t->recipe.batch - 1) / t->recipe.batch;
    t->steps = count_steps(t);
    t->started = fb_now();
    t->best = -INFINITY;
    if (!(t->order = fb_calloc((size_t)t->train->count, sizeof *t->order, err))) return err->code;
    if (state) return restore(t, state, err);
    return (t->history = fb_node_list(t->arena, nowhere, err)) ? FB_OK : err->code;
}

void fb_trainer_end(struct fb_trainer *t) {
    free(t->order);
    t->order = NULL;
}

static struct fb_node *describe(const struct fb_trainer *t, struct fb_arena *a,
                                struct fb_err *err) {
    struct fb_node *map = fb_node_map(a, nowhere, err), *best;

    best = t->best_step ? fb_node_real(a, t->best, nowhere, err) : fb_node_null(a, nowhere, err);
    if (fb_node_set(a, map, "best_metric", best, err) ||
        fb_node_set_int(a, map, "best_step", t->best_step, err) ||
        fb_node_set_real(a, map, "epoch", epoch_at(t, t->step), err) ||
        fb_node_set_int(a, map, "global_step", t->step, err) ||
        fb_node_set_int(a, map, "max_steps", t->steps, err) ||
        fb_node_set_int(a, map, "evaluated_step", t->evaluated, err) ||
        fb_node_set_real(a, map, "loss_sum", t->loss_sum, err) ||
        fb_node_set_int(a, map, "loss_steps", t->loss_steps, err) ||
        fb_node_set_real(a, map, "epoch_sum", t->epoch_sum, err) ||
        fb_node_set_int(a, map, "epoch_steps", t->epoch_steps, err) ||
        fb_node_set(a, map, "settings", fb_node_copy(a, t->settings, err), err) ||
        fb_node_set(a, map, "log_history", fb_node_copy(a, t->history, err), err))
        return NULL;
    return map;
}

static int save(const struct fb_trainer *t, const char *name, bool resumable, struct fb_err *err) {
    struct fb_arena arena = {0};
    struct fb_node *state = describe(t, &arena, err);
    char *folder = state ? fb_path_join(t->output_dir, name, err) : NULL;
    int rc = folder ? fb_checkpoint_write(t->files, t->learner, folder, state, resumable, err)
                    : err->code;

    free(folder);
    fb_arena_free(&arena);
    return rc;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* The rows of batch `batch`, counted over all epochs. */
static const int64_t *rows_of(struct fb_trainer *t, int64_t batch, int64_t *count) {
    int64_t epoch = batch / t->batches, n = t->train->count;
    int64_t first = batch % t->batches * t->recipe.batch;

    if (t->order_epoch != epoch + 1) {
        if (t->recipe.shuffle) fb_rng_shuffle(t->order, n, t->recipe.seed, (uint64_t)epoch);
        else
            for (int64_t i = 0; i < n; i++)
                t->order[i] = i;
        t->order_epoch = epoch + 1;
    }
    *count = n - first < t->recipe.batch ? n - first : t->recipe.batch;
    return t->order + first;
}

/* Gradients of the batches of one step; `*loss` is the mean of their mean losses. */
static int collect(struct fb_trainer *t, double *loss, struct fb_err *err) {
    const double share = 1.0 / (double)t->recipe.accumulation;

    *loss = 0;
    for (int64_t i = 0; i < per_step(t); i++) {
        int64_t batch = t->step * per_step(t) + i, count;
        const int64_t *rows = rows_of(t, batch, &count);
        uint64_t seed = fb_rng_bits(t->recipe.seed ^ dropout_key, (uint64_t)batch);
        struct fb_loss one;
        if (fb_learner_gradients(t->learner, t->train, rows, count, share, seed, &one, err))
            return err->code;
        if (one.labels) *loss += one.sum / (double)one.labels * share;
    }
    return FB_OK;
}

static int record(struct fb_trainer *t, double rate, double norm, struct fb_err *err) {
    struct fb_node *map = fb_node_map(t->arena, nowhere, err);

    if (fb_node_set_real(t->arena, map, "epoch", epoch_at(t, t->step), err) ||
        fb_node_set_real(t->arena, map, "grad_norm", norm, err) ||
        fb_node_set_real(t->arena, map, "learning_rate", rate, err) ||
        fb_node_set_real(t->arena, map, "loss", t->loss_sum / (double)t->loss_steps, err) ||
        fb_node_set_int(t->arena, map, "step", t->step, err) ||
        fb_node_push(t->arena, t->history, map, err))
        return err->code;
    t->loss_sum = 0;
    t->loss_steps = 0;
    return FB_OK;
}

static bool ends_epoch(const struct fb_trainer *t) {
    return t->step &&
           (t->step == t->steps || whole_epochs(t, t->step) > whole_epochs(t, t->step - 1));
}

static int take_step(struct fb_trainer *t, double *loss, struct fb_err *err) {
    struct fb_schedule schedule = schedule_of(t);
    double rate = fb_schedule_rate(&schedule, t->step), norm;
    int64_t every = t->recipe.logging_steps;

    if (collect(t, loss, err) || fb_learner_step(t->learner, &t->recipe.rule, rate, &norm, err))
        return fb_context(err, "step %jd", (intmax_t)t->step + 1);
    t->step++;
    t->loss_sum += *loss;
    t->loss_steps++;
    t->epoch_sum += *loss;
    t->epoch_steps++;
    return (every ? t->step % every == 0 : ends_epoch(t)) ? record(t, rate, norm, err) : FB_OK;
}

/* ---- evaluation ------------------------------------------------------------------------------ */

/* Answers that were generated as they should be, to the last token. */
static int64_t count_exact(const struct fb_generated *g, const struct fb_sequences *target) {
    int64_t right = 0;

    for (int64_t i = 0; i < g->count; i++) {
        int64_t length = target->offset[i + 1] - target->offset[i];
        right +=
            g->length[i] == length && !memcmp(g->id + i * g->most, target->id + target->offset[i],
                                              (size_t)length * sizeof *g->id);
    }
    return right;
}

static int generate(struct fb_trainer *t, int64_t *right, struct fb_err *err) {
    const struct fb_t5_config *c = &t->learner->t5;
    const struct fb_sequences *target = &t->eval->target;
    struct fb_generation how = {
        .start = t->learner->start, .eos = {(int32_t)c->eos_token_id}, .eos_count = 1};
    struct fb_generate_limits limits = {0};
    struct fb_generator *generator = NULL;
    struct fb_generated out = {0};
    struct fb_progress progress;
    int rc;

    for (int64_t i = 0; i < target->count; i++)
        if (target->offset[i + 1] - target->offset[i] + 1 > how.max_length)
            how.max_length = target->offset[i + 1] - target->offset[i] + 1;
    fb_progress_begin(&progress, t->log, "generate", "answers", t->eval->count);
    rc = fb_generator_open(&generator, t->learner->model, err);
    if (!rc) rc = fb_generate(&out, generator, &how, &t->eval->input, &limits, &progress, err);
    fb_generator_free(generator);
    fb_progress_end(&progress);
    if (!rc) *right = count_exact(&out, target);
    fb_generated_free(&out);
    return rc;
}

static int measure(struct fb_trainer *t, struct fb_loss *loss, struct fb_err *err) {
    struct fb_progress progress;
    int64_t row[MEASURED_AT_ONCE], all = t->eval->count;
    int rc = FB_OK;

    fb_progress_begin(&progress, t->log, "evaluate", "rows", all);
    for (int64_t at = 0, n; !rc && at < all; at += n) {
        n = all - at < MEASURED_AT_ONCE ? all - at : MEASURED_AT_ONCE;
        for (int64_t i = 0; i < n; i++)
            row[i] = at + i;
        rc = fb_interrupted(err);
        if (!rc) rc = fb_learner_measure(t->learner, t->eval, row, n, loss, err);
        fb_progress_add(&progress, n);
    }
    fb_progress_end(&progress);
    return rc;
}

static int record_evaluation(struct fb_trainer *t, const struct fb_epoch *line,
                             struct fb_err *err) {
    static const char *const names[] = {"eval_accuracy", "eval_exact_match", "eval_accuracy"};
    struct fb_node *map = fb_node_map(t->arena, nowhere, err);

    if (fb_node_set_real(t->arena, map, "epoch", line->epoch, err) ||
        fb_node_set_real(t->arena, map, names[t->learner->objective], line->score, err) ||
        fb_node_set_real(t->arena, map, "eval_loss", line->eval_loss, err) ||
        fb_node_set_int(t->arena, map, "step", line->step, err))
        return err->code;
    return fb_node_push(t->arena, t->history, map, err);
}

static int evaluate(struct fb_trainer *t, struct fb_epoch *line, struct fb_err *err) {
    struct fb_loss loss = {0};

    if (measure(t, &loss, err)) return err->code;
    line->right = loss.right;
    line->total = loss.labels;
    if (t->learner->objective == FB_TEXT_TO_TEXT) {
        line->total = t->eval->count;
        if (generate(t, &line->right, err)) return err->code;
    }
    line->eval_loss = loss.labels ? loss.sum / (double)loss.labels : NAN;
    line->score = line->total ? (double)line->right / (double)line->total : NAN;
    return record_evaluation(t, line, err);
}

/* Of equal scores the earlier one is the best. */
static bool improves(struct fb_trainer *t, const struct fb_epoch *line) {
    double now = t->learner->objective == FB_LANGUAGE_MODEL ? -line->eval_loss : line->score;

    if (!(now > t->best)) return false;
    t->best = now;
    t->best_step = t->step;
    return true;
}

/* The end of an epoch: evaluation, line, checkpoints. */
static int end_epoch(struct fb_trainer *t, struct fb_err *err) {
    struct fb_epoch line = {.epoch = epoch_at(t, t->step),
                            .step = t->step,
                            .loss = t->epoch_steps ? t->epoch_sum / (double)t->epoch_steps : NAN,
                            .eval_loss = NAN,
                            .score = NAN};

    if (t->eval && evaluate(t, &line, err)) return err->code;
    t->evaluated = t->step;
    t->epoch_sum = 0;
    t->epoch_steps = 0;
    line.best = t->step && t->eval && improves(t, &line);
    if (line.best && save(t, "best", false, err)) return err->code;
    if (save(t, "last", true, err)) return err->code;
    line.seconds = fb_now() - t->started;
    if (t->report) t->report(t->self, &line);
    return FB_OK;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* What was done is kept, and the user is told how to go on. */
static int stop(struct fb_trainer *t, struct fb_err *err) {
    const intmax_t step = t->step, steps = t->steps;

    err->code = FB_OK;
    if (save(t, "last", true, err))
        return fb_context(err, "interrupted at step %jd of %jd, which could not be saved", step,
                          steps);
    return fb_fail(err, FB_EINTERRUPTED,
                   "interrupted at step %jd of %jd, which was saved; the same command with "
                   "--resume-from-checkpoint %s/last goes on",
                   step, steps, t->output_dir);
}

static int train(struct fb_trainer *t, struct fb_progress *progress, char status[STATUS],
                 struct fb_err *err) {
    double loss;

    if (!t->steps) return end_epoch(t, err); /* no epochs: the model as it is */
    while (t->step < t->steps || (ends_epoch(t) && t->evaluated < t->step)) {
        if (ends_epoch(t) && t->evaluated < t->step) {
            if (end_epoch(t, err)) return err->code;
            continue;
        }
        if (fb_interrupted(err)) return err->code;
        if (take_step(t, &loss, err)) return err->code;
        if (!ends_epoch(t) && t->recipe.save_steps && t->step % t->recipe.save_steps == 0 &&
            save(t, "last", true, err))
            return err->code;
        snprintf(status, STATUS, "train: epoch %.2f of %.4g, loss %.4f", epoch_at(t, t->step),
                 epoch_at(t, t->steps), loss);
        fb_progress_add(progress, 1);
    }
    return FB_OK;
}

int fb_trainer_run(struct fb_trainer *t, struct fb_err *err) {
    char status[STATUS] = "train";
    struct fb_progress progress;
    int rc;

    fb_progress_begin(&progress, t->log, status, "steps", t->steps - t->step);
    rc = train(t, &progress, status, err);
    fb_progress_end(&progress);
    return rc == FB_EINTERRUPTED ? stop(t, err) : rc;
}
