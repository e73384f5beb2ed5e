#include "train/learner.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include "kernel/grad.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Logits of a group, and their derivatives, are at most 256 MiB each unless one sequence needs
 * more. */
enum { LOGITS_MAX = 1 << 26, BATCH_TOKENS = 4096 };

/* ---- making ---------------------------------------------------------------------------------- */

static const struct fb_learner_type *const types[] = {&fb_learner_gpt2, &fb_learner_t5, NULL};

int fb_learner_configure(struct fb_learner *out, enum fb_objective objective,
                         const struct fb_node *json, int classes, struct fb_err *err) {
    const struct fb_node *name = fb_node_get(json, "model_type");
    const char *text = name && name->kind == FB_TEXT ? name->text : "gpt2";

    *out = (struct fb_learner){.objective = objective, .width = classes};
    for (int i = 0; types[i]; i++)
        if (!strcmp(types[i]->model_type, text)) out->type = types[i];
    if (!out->type)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "model_type '%.60s' cannot be trained; gpt2 and t5 can", text);
    if (out->type->configure(out, json, err)) return err->code;
    out->limits.tokens = BATCH_TOKENS;
    out->limits.rows = LOGITS_MAX / out->width;
    return FB_OK;
}

int fb_learner_create(struct fb_learner *l, uint64_t seed, int64_t *added, struct fb_err *err) {
    int64_t had = l->weights.names.count;

    if (l->type->declare(l, err)) return err->code;
    *added = l->weights.names.count - had;
    for (int64_t i = had; i < l->weights.names.count; i++)
        l->type->init(l, &l->weights.item[i], seed);
    return l->type->create(l, err);
}

static bool wants(const void *self, const char *name) {
    (void)name;
    return !((const struct fb_learner *)self)->adapter;
}

float *fb_learner_values(struct fb_learner *l, const char *name, int64_t *count) {
    const struct fb_weight *w = fb_weights_find(&l->factors, name);

    if (!w) w = fb_weights_find(&l->weights, name);
    if (w) *count = w->numel;
    return w ? w->owned : NULL;
}

static int add_params(struct fb_learner *l, struct fb_err *err) {
    for (int64_t i = 0; i < l->grads.names.count; i++) {
        const char *name = l->grads.names.name[i];
        int64_t count = 0;
        float *values = fb_learner_values(l, name, &count);
        assert(values); /* the model was made of it */
        if (fb_params_add(&l->params, name, values, count, err)) return err->code;
    }
    return FB_OK;
}

static int add_grads(struct fb_learner *l, struct fb_err *err) {
    const struct fb_grads_filter filter = {wants, l};
    const struct fb_weight *score = fb_weights_find(&l->weights, "score.weight");

    if (l->type->grads(l, &filter, err)) return err->code;
    for (int64_t i = 0; i < l->factors.names.count; i++) {
        const struct fb_weight *w = &l->factors.item[i];
        if (fb_grads_add(&l->grads, w->name, w->shape[0], w->shape[1], false, err))
            return err->code;
    }
    if (l->objective != FB_CLASSIFICATION) return FB_OK;
    return fb_grads_add(&l->grads, score->name, score->shape[0], score->shape[1], false, err);
}

int fb_learner_begin(struct fb_learner *l, struct fb_err *err) {
    if (add_grads(l, err) || add_params(l, err)) return err->code;
    l->tape.grads = &l->grads;
    l->graph.tape = &l->tape;
    fb_grads_zero(&l->grads);
    return FB_OK;
}

void fb_learner_free(struct fb_learner *l) {
    int64_t loras = l->factors.names.count / 2;

    if (l->type) l->type->release(l);
    for (int64_t i = 0; l->lora && i < loras; i++) {
        fb_packed_free(&l->lora[i].a.weight);
        fb_packed_free(&l->lora[i].b.weight);
    }
    fb_packed_free(&l->head.weight);
    fb_group_free(&l->group);
    fb_tape_free(&l->tape);
    fb_graph_free(&l->graph);
    fb_grads_free(&l->grads);
    fb_params_free(&l->params);
    fb_weights_free(&l->weights);
    fb_weights_free(&l->factors);
    fb_arena_free(&l->arena);
    free(l->lora);
    *l = (struct fb_learner){0};
}

/* ---- learning -------------------------------------------------------------------------------- */

/* The way forth, the loss, and the way back; the logits' derivatives take their place. */
static int learn_group(struct fb_learner *l, float scale, struct fb_loss *loss,
                       struct fb_err *err) {
    struct fb_graph *g = &l->graph;
    struct fb_tensor *logits = l->type->logits(l, &l->group, g, err);

    if (!logits) return err->code;
    loss->sum += fb_softmax_cross_entropy(logits->data, logits->data, l->group.label, logits->rows,
                                          logits->cols, scale);
    return fb_backward(g, logits, logits->data, err);
}

int fb_learner_gradients(struct fb_learner *l, const struct fb_corpus *c, const int64_t *sequence,
                         int64_t count, double share, uint64_t seed, struct fb_loss *loss,
                         struct fb_err *err) {
    *loss = (struct fb_loss){0};
    for (int64_t i = 0; i < count; i++)
        loss->labels += fb_group_labels(c, sequence[i]);
    if (!loss->labels) return FB_OK;
    l->graph.training = true;
    for (int64_t at = 0, part = 0, n; at < count; at += n, part++) {
        n = fb_group_fit(c, sequence + at, count - at, &l->limits);
        l->graph.seed = fb_rng_bits(seed, (uint64_t)part);
        if (fb_group_make(&l->group, c, sequence + at, n, l->start, err) ||
            learn_group(l, (float)(share / (double)loss->labels), loss, err))
            return err->code;
        loss->tokens += l->group.input->tokens;
    }
    return FB_OK;
}

void fb_learner_pack(struct fb_learner *l) {
    for (int64_t i = 0; i < l->factors.names.count / 2; i++) {
        struct fb_lora_layer *layer = &l->lora[i];
        fb_pack_again(&layer->a.weight, l->factors.item[2 * i].data, FB_OUT_IN, NULL);
        fb_pack_again(&layer->b.weight, l->factors.item[2 * i + 1].data, FB_OUT_IN, NULL);
    }
}

/* While an adapter learns, the matrices of its base stay as they are. */
static void forget_turned(struct fb_learner *l) {
    if (!l->adapter) {
        fb_tape_forget_weights(&l->tape);
        return;
    }
    for (int64_t i = 0; i < l->factors.names.count / 2; i++) {
        fb_turned_forget_one(&l->tape.turned, &l->lora[i].a.weight);
        fb_turned_forget_one(&l->tape.turned, &l->lora[i].b.weight);
    }
    fb_turned_forget_one(&l->tape.turned, &l->head.weight);
}

int fb_learner_step(struct fb_learner *l, const struct fb_adamw *rule, double rate, double *norm,
                    struct fb_err *err) {
    int64_t n = l->params.names.count;
    const float **gradient = fb_calloc((size_t)n, sizeof *gradient, err);
    int rc;

    if (!gradient) return err->code;
    for (int64_t i = 0; i < n; i++)
        gradient[i] = l->grads.item[i].data;
    rc = fb_adamw_step(&l->params, rule, gradient, rate, norm, err);
    free(gradient);
    if (rc) return rc;
    fb_grads_zero(&l->grads);
    fb_learner_pack(l);
    forget_turned(l);
    return l->type->refresh(l, err);
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* The lowest index of the largest, as torch.argmax. */
static int64_t largest(const float *x, int64_t n) {
    int64_t best = 0;

    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

static void count_right(const struct fb_tensor *logits, const struct fb_group *group,
                        struct fb_loss *loss) {
    for (int64_t row = 0; row < logits->rows; row++) {
        if (group->label[row] < 0) continue;
        loss->right +=
            largest(logits->data + row * logits->cols, logits->cols) == group->label[row];
    }
}

int fb_learner_measure(struct fb_learner *l, const struct fb_corpus *c, const int64_t *sequence,
                       int64_t count, struct fb_loss *loss, struct fb_err *err) {
    struct fb_graph graph = {0};

    for (int64_t at = 0, n; !err->code && at < count; at += n) {
        const struct fb_tensor *logits;
        n = fb_group_fit(c, sequence + at, count - at, &l->limits);
        if (fb_group_make(&l->group, c, sequence + at, n, l->start, err) ||
            !(logits = l->type->logits(l, &l->group, &graph, err)))
            break;
        loss->sum += fb_softmax_cross_entropy(NULL, logits->data, l->group.label, logits->rows,
                                              logits->cols, 0.0f);
        count_right(logits, &l->group, loss);
        for (int64_t i = at; i < at + n; i++)
            loss->labels += fb_group_labels(c, sequence[i]);
        loss->tokens += l->group.input->tokens;
    }
    fb_graph_free(&graph);
    return err->code;
}

/* Copies of a tensor: matrices of linear layers are packed for the way forth and turned round for
 * the way back. */
static size_t copies(struct fb_learner *l, const struct fb_weight *w) {
    char name[256];
    size_t n = strlen(w->name), suffix = strlen(".weight");

    if (w->ndim != 2 || !fb_ends_with(w->name, ".weight") || n >= sizeof name) return 1;
    memcpy(name, w->name, n - suffix);
    name[n - suffix] = '\0';
    if (l->head.name && !strcmp(l->head.name, name)) return 3;
    return l->type->linear(l, name) ? 3 : 1;
}

struct fb_learner_memory fb_learner_memory(struct fb_learner *l) {
    struct fb_learner_memory m = {.activations = l->tape.peak};

    for (int64_t i = 0; i < l->weights.names.count; i++)
        m.weights +=
            (size_t)l->weights.item[i].numel * sizeof(float) * copies(l, &l->weights.item[i]);
    for (int64_t i = 0; i < l->factors.names.count; i++)
        m.weights += (size_t)l->factors.item[i].numel * sizeof(float) * 3;
    m.optimizer = (size_t)l->params.values * 3 * sizeof(float);
    return m;
}
