#include "train/training.h"

#include "base/file.h"
#include "base/map.h"
#include "hub/hub.h"
#include "train/adapter.h"
#include "train/base_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A training while it is set up and runs. */
struct session {
    const struct fb_training *how;
    const struct fb_training_options *o;
    enum fb_objective objective;
    struct fb_base_model base;
    struct fb_corpus train, eval;
    bool evaluates;
    struct fb_classes classes;
    struct fb_tokenizer *tokenizer;
    struct fb_encoder *encoder;
    char *tokenizer_folder; /* owned */
    int32_t pad, end;
    struct fb_learner learner;
    struct fb_checkpoint files;
    const struct fb_node *state; /* trainer_state.json to go on from, or NULL */
    struct fb_trainer trainer;
};

/* ---- options that go together ---------------------------------------------------------------- */

static int check_options(const struct fb_training_options *o, struct fb_err *err) {
    if (!o->model == !o->config)
        return fb_fail(
            err, FB_EUSAGE,
            "expects --model DIR (a model to go on from) or --config FILE (a new one with "
            "random weights)%s",
            o->model ? ", not both" : "");
    if (!o->output_dir) return fb_fail(err, FB_EUSAGE, "expects --output-dir DIR");
    if (!o->task && !o->train_file)
        return fb_fail(err, FB_EUSAGE, "expects --task TASK (GLUE) or --train-file FILE");
    if (o->eval_file && !o->train_file)
        return fb_fail(err, FB_EUSAGE, "--eval-file goes with --train-file");
    if (o->task && (o->text_columns.count || o->label_column))
        return fb_fail(
            err, FB_EUSAGE,
            "--text-columns and --label-column do not go with --task, which has its own");
    if (o->text_columns.count > 2)
        return fb_fail(err, FB_EUSAGE, "--text-columns: one or two, found %jd",
                       (intmax_t)o->text_columns.count);
    if (!o->lora_r && (o->target_modules.count || o->lora_dropout > 0))
        return fb_fail(err, FB_EUSAGE,
                       "--target-modules and --lora-dropout go with --lora-r, the rank of an "
                       "adapter");
    if (o->lora_r && o->config)
        return fb_fail(err, FB_EUSAGE, "an adapter (--lora-r) needs the --model that it is for");
    if (o->config && !o->tokenizer)
        return fb_fail(err, FB_EUSAGE, "--config needs --tokenizer DIR");
    return FB_OK;
}

/* Whether the architecture can learn that; the number of classes is not known yet. */
static int check_model(struct session *s, struct fb_err *err) {
    struct fb_learner probe;
    int rc = fb_learner_configure(&probe, s->objective, s->base.config, 2, err);

    fb_learner_free(&probe);
    return rc ? fb_context(err, "%s", s->o->model ? s->o->model : s->o->config) : FB_OK;
}

static int choose_objective(struct session *s, struct fb_err *err) {
    const char *name = s->o->objective;
    const struct fb_glue_task *task = s->o->task ? fb_glue_find(s->o->task) : NULL;

    if (!strcmp(name, "auto"))
        name = fb_base_model_is(&s->base, "t5") ? "text-to-text" : "classification";
    s->objective = FB_LANGUAGE_MODEL;
    if (!strcmp(name, "text-to-text")) s->objective = FB_TEXT_TO_TEXT;
    if (!strcmp(name, "classification")) s->objective = FB_CLASSIFICATION;
    if (s->o->block_size && s->objective != FB_LANGUAGE_MODEL)
        return fb_fail(err, FB_EUSAGE, "--block-size goes with --objective language-model");
    if (s->objective == FB_CLASSIFICATION && task && !task->labels)
        return fb_fail(err, FB_EUSAGE,
                       "task '%s' has scores and no classes: it needs a text-to-text model (T5)",
                       task->name);
    return FB_OK;
}

/* ---- the output folder ----------------------------------------------------------------------- */

/* Whether "<output_dir>/<name>" is a checkpoint; something else of that name is refused, since a
 * checkpoint would take its place. */
static int look_at(const char *output_dir, const char *name, bool *there, struct fb_err *err) {
    char *folder = fb_path_join(output_dir, name, err);
    char *state = folder ? fb_path_join(folder, "trainer_state.json", err) : NULL;
    int rc = state ? FB_OK : err->code;

    if (!rc) *there = fb_is_dir(folder);
    if (!rc && ((*there && !fb_is_file(state)) || fb_is_file(folder)))
        rc = fb_fail(err, FB_EIO, "'%s' is there and is not a checkpoint of a training", folder);
    free(folder);
    free(state);
    return rc;
}

static int check_output(const struct fb_training_options *o, struct fb_err *err) {
    bool last, best;
    char *probe;
    int rc;

    if (look_at(o->output_dir, "last", &last, err) || look_at(o->output_dir, "best", &best, err))
        return err->code;
    if ((last || best) && !o->resume_from_checkpoint && !o->overwrite_output_dir)
        return fb_fail(err, FB_EIO,
                       "'%s' holds a training: --resume-from-checkpoint %s/last goes on with it, "
                       "--overwrite-output-dir begins anew",
                       o->output_dir, o->output_dir);
    if (!(probe = fb_path_join(o->output_dir, "probe", err))) return err->code;
    rc = fb_file_probe(probe, err);
    free(probe);
    return rc ? fb_context(err, "--output-dir") : FB_OK;
}

/* ---- data ------------------------------------------------------------------------------------ */

static struct fb_corpus_source source_of(const struct session *s, bool eval) {
    const struct fb_training_options *o = s->o;

    return (struct fb_corpus_source){.task = o->task ? fb_glue_find(o->task) : NULL,
                                     .data_dir = o->data_dir,
                                     .file = eval ? o->eval_file : o->train_file,
                                     .text_columns = o->text_columns,
                                     .label_column = o->label_column,
                                     .limit = eval ? o->max_eval_samples : o->max_train_samples};
}

static int open_data(struct session *s, struct fb_err *err) {
    struct fb_corpus_source train = source_of(s, false), eval = source_of(s, true);

    if (s->o->task && !train.task) return fb_glue_fail_unknown(s->o->task, FB_EUSAGE, err);
    train.split = "train";
    if (train.task) eval.split = train.task->validation;
    s->evaluates = s->o->eval_file || !s->o->train_file;
    if (fb_corpus_open(&s->train, s->objective, &train, err)) return err->code;
    if (s->evaluates && fb_corpus_open(&s->eval, s->objective, &eval, err)) return err->code;
    if (s->objective != FB_CLASSIFICATION) return FB_OK;
    if (fb_classes_find(&s->classes, &s->train, s->how->arena, err) ||
        fb_corpus_label(&s->train, &s->classes, err))
        return err->code;
    return s->evaluates ? fb_corpus_label(&s->eval, &s->classes, err) : FB_OK;
}

static int open_tokenizer(struct session *s, struct fb_err *err) {
    const char *name = s->o->tokenizer ? s->o->tokenizer : s->base.name;

    if (fb_hub_resolve(&s->tokenizer_folder, name, FB_HUB_MODEL, NULL, err) ||
        fb_tokenizer_open(&s->tokenizer, s->tokenizer_folder, err))
        return fb_context(err, "%s",
                          s->o->tokenizer ? "--tokenizer"
                                          : "the model's tokenizer (--tokenizer names another)");
    return fb_encoder_open(&s->encoder, s->tokenizer, err);
}

/* A token id of the configuration, or -1. */
static int32_t configured(const struct fb_node *config, const char *key) {
    const struct fb_node *node = fb_node_get(config, key);
    bool fits = node && node->kind == FB_INT && node->value.integer >= 0 &&
                node->value.integer <= INT32_MAX;

    return fits ? (int32_t)node->value.integer : -1;
}

/* The padding token is the end token where there is none, as in the reference's recipe. */
static int find_tokens(struct session *s, struct fb_err *err) {
    s->end = configured(s->base.config, "eos_token_id");
    if (s->end < 0) s->end = fb_tokenizer_id(s->tokenizer, "<|endoftext|>");
    s->pad = configured(s->base.config, "pad_token_id");
    if (s->pad < 0) s->pad = s->end;
    if (s->objective == FB_TEXT_TO_TEXT || s->pad >= 0) return FB_OK;
    return fb_fail(err, FB_EFORMAT,
                   "config.json has neither pad_token_id nor eos_token_id, and the tokenizer no "
                   "<|endoftext|>");
}

static int count_labels(const struct fb_corpus *c, struct fb_err *err) {
    for (int64_t i = 0; i < c->count; i++)
        if (fb_group_labels(c, i) > 0) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "%s: every text is a single token: nothing can be learnt",
                   c->examples.data.source);
}

static int encode(struct session *s, struct fb_err *err) {
    const struct fb_training_options *o = s->o;
    int64_t longest = s->learner.longest;
    struct fb_corpus_coding how = {.encoder = s->encoder,
                                   .max_length = o->max_length,
                                   .max_target_length = o->max_target_length,
                                   .pad = s->pad,
                                   .end = s->end,
                                   .block_size = o->block_size};

    if (longest && how.max_length > longest) how.max_length = longest;
    if (longest && how.block_size > longest)
        return fb_fail(err, FB_EUSAGE, "--block-size %jd: the model has positions for %jd tokens",
                       (intmax_t)how.block_size, (intmax_t)longest);
    if (fb_corpus_encode(&s->train, &how, err) || count_labels(&s->train, err)) return err->code;
    if (!s->evaluates) return FB_OK;
    return fb_corpus_encode(&s->eval, &how, err) ? err->code : count_labels(&s->eval, err);
}

/* ---- the model ------------------------------------------------------------------------------- */

static void set_dropout(struct session *s) {
    double p = s->o->dropout;

    if (p < 0) return;
    s->learner.gpt2.embd_pdrop = s->learner.gpt2.attn_pdrop = s->learner.gpt2.resid_pdrop = p;
    s->learner.t5.dropout_rate = p;
}

static int configure(struct session *s, struct fb_err *err) {
    if (fb_learner_configure(&s->learner, s->objective, s->base.config, s->classes.count, err))
        return err->code;
    if (s->o->batch_tokens) s->learner.limits.tokens = s->o->batch_tokens;
    set_dropout(s);
    s->files.config =
        fb_checkpoint_config(s->base.config, &s->learner, &s->classes, s->pad, s->how->arena, err);
    return s->files.config ? FB_OK : err->code;
}

static int attach(struct session *s, struct fb_err *err) {
    const struct fb_training_options *o = s->o;
    const struct fb_adapter_options how = {.r = o->lora_r,
                                           .alpha = o->lora_alpha,
                                           .dropout = o->lora_dropout,
                                           .target_modules = o->target_modules,
                                           .base_model = o->model};

    if (!o->lora_r) return FB_OK;
    s->files.adapter = fb_adapter_config(&s->learner, &how, s->how->arena, err);
    if (!s->files.adapter) return err->code;
    return fb_adapter_attach(&s->learner, s->files.adapter, (uint64_t)o->seed, err);
}

static int load(struct session *s, struct fb_err *err) {
    int64_t added;

    if (fb_base_model_load(&s->base, &s->learner, s->how->log, err) ||
        fb_learner_create(&s->learner, (uint64_t)s->o->seed, &added, err) || attach(s, err) ||
        fb_learner_begin(&s->learner, err))
        return err->code;
    return FB_OK;
}

static void name_files(struct session *s) {
    s->files.tokenizer = s->tokenizer_folder;
    if (s->objective == FB_TEXT_TO_TEXT) s->files.generation = s->base.folder;
}

/* ---- the recipe ------------------------------------------------------------------------------ */

static enum fb_schedule_kind scheduler_of(const char *name) {
    if (!strcmp(name, "constant")) return FB_SCHEDULE_CONSTANT;
    if (!strcmp(name, "constant_with_warmup")) return FB_SCHEDULE_CONSTANT_WITH_WARMUP;
    return strcmp(name, "cosine") ? FB_SCHEDULE_LINEAR : FB_SCHEDULE_COSINE;
}

static struct fb_recipe recipe_of(const struct fb_training_options *o) {
    return (struct fb_recipe){
        .rule = {o->adam_beta1, o->adam_beta2, o->adam_epsilon, o->weight_decay, o->max_grad_norm},
        .scheduler = scheduler_of(o->lr_scheduler_type),
        .learning_rate = o->learning_rate,
        .warmup_ratio = o->warmup_ratio,
        .warmup_steps = o->warmup_steps,
        .epochs = o->num_train_epochs,
        .max_steps = o->max_steps,
        .batch = o->per_device_train_batch_size,
        .accumulation = o->gradient_accumulation_steps,
        .seed = (uint64_t)o->seed,
        .shuffle = o->shuffle,
        .logging_steps = o->logging_steps,
        .save_steps = o->save_steps};
}

/* FNV-1a of what the model is shown: the same data from another place is the same data. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *p = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 1099511628211u;
    return hash;
}

static uint64_t hash_sequences(uint64_t hash, const struct fb_sequences *s) {
    if (!s->count) return hash;
    hash = hash_bytes(hash, s->offset, (size_t)(s->count + 1) * sizeof *s->offset);
    return hash_bytes(hash, s->id, (size_t)s->offset[s->count] * sizeof *s->id);
}

static uint64_t hash_corpus(uint64_t hash, const struct fb_corpus *c) {
    hash = hash_sequences(hash_sequences(hash, &c->input), &c->target);
    return c->label ? hash_bytes(hash, c->label, (size_t)c->count * sizeof *c->label) : hash;
}

/* The options and a hash of the data. */
static const struct fb_node *settings_of(const struct session *s, struct fb_err *err) {
    struct fb_node *map = fb_node_copy(s->how->arena, s->how->settings, err);
    uint64_t hash = hash_corpus(14695981039346656037u, &s->train);
    char text[24];

    if (s->evaluates) hash = hash_corpus(hash, &s->eval);
    snprintf(text, sizeof text, "%016jx", (uintmax_t)hash);
    return fb_node_set_text(s->how->arena, map, "data", text, err) ? NULL : map;
}

static int read_state(struct session *s, struct fb_err *err) {
    struct fb_node *state;

    if (!s->o->resume_from_checkpoint) return FB_OK;
    if (fb_checkpoint_state(&state, s->o->resume_from_checkpoint, s->how->arena, err))
        return fb_context(err, "--resume-from-checkpoint");
    s->state = state;
    return FB_OK;
}

static int prepare_trainer(struct session *s, struct fb_err *err) {
    struct fb_trainer *t = &s->trainer;

    *t = (struct fb_trainer){.recipe = recipe_of(s->o),
                             .learner = &s->learner,
                             .train = &s->train,
                             .eval = s->evaluates ? &s->eval : NULL,
                             .files = &s->files,
                             .output_dir = s->o->output_dir,
                             .log = s->how->log,
                             .arena = s->how->arena,
                             .report = s->how->report,
                             .self = s->how->self};
    if (!(t->settings = settings_of(s, err))) return err->code;
    if (fb_trainer_begin(t, s->state, err))
        return s->state
                   ? fb_context(err, "--resume-from-checkpoint %s", s->o->resume_from_checkpoint)
                   : err->code;
    return FB_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Everything that can be known without weights. */
static int check(struct session *s, struct fb_err *err) {
    if (check_options(s->o, err) || read_state(s, err) ||
        fb_base_model_open(&s->base, s->o->model, s->o->config, s->how->arena, err) ||
        choose_objective(s, err) || check_model(s, err) || open_data(s, err) ||
        open_tokenizer(s, err) || find_tokens(s, err) || configure(s, err) || encode(s, err) ||
        check_output(s->o, err))
        return err->code;
    name_files(s);
    return FB_OK;
}

static int train(struct session *s, struct fb_err *err) {
    if (prepare_trainer(s, err) || load(s, err)) return err->code;
    if (s->state &&
        fb_checkpoint_read(&s->learner, s->o->resume_from_checkpoint, s->trainer.step, err))
        return err->code;
    if (s->how->begin) s->how->begin(s->how->self, &s->learner, &s->trainer);
    return fb_trainer_run(&s->trainer, err);
}

static void close_session(struct session *s) {
    fb_trainer_end(&s->trainer);
    fb_learner_free(&s->learner);
    fb_encoder_close(s->encoder);
    fb_tokenizer_close(s->tokenizer);
    fb_corpus_free(&s->train);
    fb_corpus_free(&s->eval);
    fb_base_model_close(&s->base);
    free(s->tokenizer_folder);
}

int fb_training_run(const struct fb_training *t, struct fb_training_result *out,
                    struct fb_err *err) {
    struct session s = {.how = t, .o = t->options};
    double started = fb_now();
    int rc = check(&s, err);

    if (!rc) rc = train(&s, err);
    *out = (struct fb_training_result){.evaluated = s.evaluates,
                                       .best_step = s.trainer.best_step,
                                       .best = s.trainer.best,
                                       .seconds = fb_now() - started};
    if (!rc) out->memory = fb_learner_memory(&s.learner);
    close_session(&s);
    return rc;
}
