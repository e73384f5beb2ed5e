#include "train/checkpoint.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/map.h"
#include "ckpt/write.h"
#include "config/json.h"
#include "pool/companions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 320 };

#define STATE     "trainer_state.json"
#define OPTIMIZER "optimizer.safetensors"

static const struct fb_place nowhere = {0};

/* ---- config.json ----------------------------------------------------------------------------- */

static int set_labels(struct fb_node *map, const struct fb_classes *classes, struct fb_arena *a,
                      struct fb_err *err) {
    struct fb_node *names = fb_node_map(a, nowhere, err), *numbers = fb_node_map(a, nowhere, err);
    int64_t old = fb_node_index(map, (struct fb_key){"num_labels", FB_TEXT});

    if (old >= 0) fb_node_remove(map, old);
    for (int i = 0; i < classes->count; i++) {
        char number[24], label[24];
        const char *name = classes->name ? classes->name[i] : label;
        snprintf(number, sizeof number, "%d", i);
        snprintf(label, sizeof label, "LABEL_%d", i);
        if (fb_node_set_text(a, names, number, name, err) ||
            fb_node_set_int(a, numbers, name, i, err))
            return err->code;
    }
    if (fb_node_set(a, map, "id2label", names, err) ||
        fb_node_set(a, map, "label2id", numbers, err) ||
        fb_node_set_text(a, map, "problem_type", "single_label_classification", err))
        return err->code;
    return FB_OK;
}

struct fb_node *fb_checkpoint_config(const struct fb_node *config, const struct fb_learner *l,
                                     const struct fb_classes *classes, int32_t pad,
                                     struct fb_arena *a, struct fb_err *err) {
    static const char *const names[] = {"GPT2ForSequenceClassification",
                                        "T5ForConditionalGeneration", "GPT2LMHeadModel"};
    struct fb_node *map = fb_node_copy(a, config, err);

    if (!map || fb_companions_set_architecture(map, names[l->objective], a, err) ||
        fb_node_set_text(a, map, "model_type", l->type->model_type, err) ||
        fb_node_set_text(a, map, "torch_dtype", "float32", err))
        return NULL;
    if (l->objective != FB_CLASSIFICATION) return map;
    if (set_labels(map, classes, a, err) || fb_node_set_int(a, map, "pad_token_id", pad, err))
        return NULL;
    return map;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Name in a file of a tensor of the model: transformers' and, for adapters, PEFT's. */
static const char *disk_name(char out[NAME], const struct fb_learner *l, const char *name) {
    bool head = !strcmp(name, "score.weight");

    snprintf(out, NAME, "%s%s%s", l->adapter ? "base_model.model." : "",
             head ? "" : l->type->prefix, name);
    return out;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Tensors of one file. */
struct tensors {
    struct fb_entry *entry;
    char (*name)[NAME];
    int64_t count;
};

static int allocate(struct tensors *t, int64_t most, struct fb_err *err) {
    *t = (struct tensors){.entry = fb_calloc((size_t)most, sizeof *t->entry, err)};
    if (t->entry) t->name = fb_calloc((size_t)most, sizeof *t->name, err);
    return t->name ? FB_OK : err->code;
}

static void release(struct tensors *t) {
    free(t->entry);
    free(t->name);
}

/* The next tensor, whose name the caller has written to t->name[t->count]. */
static void add(struct tensors *t, int ndim, const int64_t *shape, int64_t numel,
                const float *values) {
    struct fb_entry *e = &t->entry[t->count];

    *e = (struct fb_entry){
        .name = t->name[t->count], .dtype = FB_F32, .ndim = ndim, .numel = numel, .data = values};
    memcpy(e->shape, shape, (size_t)ndim * sizeof *shape);
    t->count++;
}

static int write_tensors(const struct tensors *t, const char *folder, const char *name,
                         struct fb_err *err) {
    char *path = fb_path_join(folder, name, err);
    struct fb_ckpt_writer *w = NULL;
    int rc = path ? fb_ckpt_create(&w, path, t->entry, t->count, NULL, 0, err) : err->code;

    for (int64_t i = 0; !rc && i < t->count; i++)
        rc = fb_ckpt_write_f32(w, i, 0, t->entry[i].numel, t->entry[i].data, NULL, err);
    if (!rc) rc = fb_ckpt_commit(w, err);
    else if (w) fb_ckpt_abandon(w);
    free(path);
    return rc;
}

static void add_weight(struct tensors *t, const struct fb_learner *l, const struct fb_weight *w) {
    disk_name(t->name[t->count], l, w->name);
    add(t, w->ndim, w->shape, w->numel, w->data);
}

/* The whole model, or what an adapter consists of. */
static int write_model(const struct fb_learner *l, const char *folder, struct fb_err *err) {
    const struct fb_weights *from = l->adapter ? &l->factors : &l->weights;
    const struct fb_weight *score = fb_weights_find(&l->weights, "score.weight");
    struct tensors t;
    int rc = allocate(&t, from->names.count + 1, err);

    for (int64_t i = 0; !rc && i < from->names.count; i++)
        add_weight(&t, l, &from->item[i]);
    if (!rc && l->adapter && score) add_weight(&t, l, score);
    if (!rc)
        rc = write_tensors(&t, folder,
                           l->adapter ? "adapter_model.safetensors" : "model.safetensors", err);
    release(&t);
    return rc;
}

static int write_optimizer(const struct fb_learner *l, const char *folder, struct fb_err *err) {
    const struct fb_params *p = &l->params;
    struct tensors t;
    int rc = allocate(&t, 2 * p->names.count, err);

    for (int64_t i = 0; !rc && i < p->names.count; i++)
        for (int k = 0; k < 2; k++) {
            const struct fb_param *one = &p->item[i];
            snprintf(t.name[t.count], NAME, "%s.%s", k ? "exp_avg_sq" : "exp_avg", one->name);
            add(&t, 1, &one->count, one->count, k ? one->exp_avg_sq : one->exp_avg);
        }
    if (!rc) rc = write_tensors(&t, folder, OPTIMIZER, err);
    release(&t);
    return rc;
}

static int write_json(const struct fb_node *node, const char *folder, const char *name,
                      struct fb_err *err) {
    struct fb_str text = {0};
    char *path = fb_path_join(folder, name, err);
    int rc = path ? fb_json_print_indented(&text, node, err) : err->code;

    if (!rc) rc = fb_file_replace(path, fb_str_text(&text), text.size, err);
    fb_str_free(&text);
    free(path);
    return rc;
}

static int fill(const struct fb_checkpoint *c, const struct fb_learner *l, const char *folder,
                const struct fb_node *state, bool resumable, struct fb_err *err) {
    int rc = write_json(c->config, folder, "config.json", err);

    if (!rc && l->adapter) rc = write_json(c->adapter, folder, "adapter_config.json", err);
    if (!rc) rc = write_model(l, folder, err);
    if (!rc && c->tokenizer) rc = fb_companions_copy_tokenizer(c->tokenizer, folder, err);
    if (!rc && c->generation && !l->adapter)
        rc = fb_companions_copy_generation(c->generation, folder, err);
    if (!rc && resumable) rc = write_optimizer(l, folder, err);
    if (!rc) rc = write_json(state, folder, STATE, err);
    return rc;
}

int fb_checkpoint_write(const struct fb_checkpoint *c, const struct fb_learner *l,
                        const char *folder, const struct fb_node *state, bool resumable,
                        struct fb_err *err) {
    struct fb_folder f;
    int rc = fb_folder_begin(&f, folder, err);

    if (!rc && !(rc = fill(c, l, f.partial, state, resumable, err))) rc = fb_folder_commit(&f, err);
    else fb_folder_abandon(&f);
    return rc ? fb_context(err, "checkpoint '%s'", folder) : FB_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

int fb_checkpoint_state(struct fb_node **state, const char *folder, struct fb_arena *arena,
                        struct fb_err *err) {
    char *path = fb_path_join(folder, STATE, err);
    int rc = path ? FB_OK : err->code;

    if (!rc && !fb_is_file(path))
        rc = fb_fail(err, FB_ENOTFOUND, "'%s' is not a checkpoint of a training: it has no " STATE,
                     folder);
    if (!rc) rc = fb_json_load(state, arena, path, err);
    free(path);
    return rc;
}

static int read_values(float *to, int64_t count, const struct fb_ckpt *ckpt, const char *name,
                       struct fb_err *err) {
    const struct fb_entry *e = fb_ckpt_find(ckpt, name);

    if (!e) return fb_fail(err, FB_ENOTFOUND, "no tensor '%s'", name);
    if (e->dtype != FB_F32 || e->numel != count)
        return fb_fail(err, FB_EMISMATCH, "tensor '%s' holds %jd values of %s, expected %jd of F32",
                       name, (intmax_t)e->numel, fb_dtype_name(e->dtype), (intmax_t)count);
    fb_dtype_to_f32(to, e->data, e->dtype, count);
    return FB_OK;
}

static int read_model(struct fb_learner *l, const char *folder, struct fb_err *err) {
    char *path =
        fb_path_join(folder, l->adapter ? "adapter_model.safetensors" : "model.safetensors", err);
    struct fb_ckpt *ckpt = NULL;
    char name[NAME];
    int rc = path ? fb_ckpt_open(&ckpt, path, err) : err->code;

    for (int64_t i = 0; !rc && i < l->params.names.count; i++) {
        struct fb_param *p = &l->params.item[i];
        rc = read_values(p->value, p->count, ckpt, disk_name(name, l, p->name), err);
    }
    fb_ckpt_close(ckpt);
    free(path);
    return rc;
}

static int read_optimizer(struct fb_learner *l, const char *folder, struct fb_err *err) {
    char *path = fb_path_join(folder, OPTIMIZER, err);
    struct fb_ckpt *ckpt = NULL;
    char name[NAME];
    int rc = path ? fb_ckpt_open(&ckpt, path, err) : err->code;

    for (int64_t i = 0; !rc && i < l->params.names.count; i++)
        for (int k = 0; !rc && k < 2; k++) {
            struct fb_param *p = &l->params.item[i];
            snprintf(name, NAME, "%s.%s", k ? "exp_avg_sq" : "exp_avg", p->name);
            rc = read_values(k ? p->exp_avg_sq : p->exp_avg, p->count, ckpt, name, err);
        }
    fb_ckpt_close(ckpt);
    free(path);
    return rc;
}

int fb_checkpoint_read(struct fb_learner *l, const char *folder, int64_t step, struct fb_err *err) {
    int rc = read_model(l, folder, err);

    if (!rc) rc = read_optimizer(l, folder, err);
    if (rc) return fb_context(err, "checkpoint '%s'", folder);
    l->params.step = step;
    fb_learner_pack(l);
    fb_tape_forget_weights(&l->tape);
    return l->type->refresh(l, err);
}
