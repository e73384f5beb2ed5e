/* adapter.c - the rules of PEFT 0.13.2: which modules are targets and with which rank and scale is
 * read from the configuration by ckpt/lora_config.h, so that what is trained is what is opened
 * again. */
#include "train/adapter.h"

#include "base/alloc.h"
#include "base/str.h"
#include "ckpt/lora_config.h"
#include "train/init.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 256 };

/* ---- description ----------------------------------------------------------------------------- */

static const struct fb_place nowhere = {0};

static struct fb_node *list_of(const char *const *item, int64_t count, struct fb_arena *a,
                               struct fb_err *err) {
    struct fb_node *list = fb_node_list(a, nowhere, err);

    for (int64_t i = 0; list && i < count; i++)
        if (fb_node_push(a, list, fb_node_text(a, item[i], nowhere, err), err)) return NULL;
    return list;
}

static struct fb_node *targets(const struct fb_learner *l, const struct fb_texts *chosen,
                               struct fb_arena *a, struct fb_err *err) {
    static const char *const gpt2[] = {"c_attn"}, *const t5[] = {"q", "v"};

    if (chosen->count) return list_of(chosen->item, chosen->count, a, err);
    return l->type == &fb_learner_gpt2 ? list_of(gpt2, 1, a, err) : list_of(t5, 2, a, err);
}

/* The keys whose values the options do not change. */
static int set_constants(struct fb_node *map, const struct fb_learner *l, struct fb_arena *a,
                         struct fb_err *err) {
    static const char *const nulls[] = {"auto_mapping",    "layer_replication",
                                        "layers_pattern",  "layers_to_transform",
                                        "megatron_config", "revision"};
    static const char *const flags[] = {"fan_in_fan_out", "inference_mode", "init_lora_weights",
                                        "use_dora", "use_rslora"};
    const bool values[] = {l->type == &fb_learner_gpt2, true, true, false, false};
    static const char *const maps[] = {"alpha_pattern", "loftq_config", "rank_pattern"};

    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (fb_node_set(a, map, nulls[i], fb_node_null(a, nowhere, err), err)) return err->code;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (fb_node_set(a, map, flags[i], fb_node_bool(a, values[i], nowhere, err), err))
            return err->code;
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        if (fb_node_set(a, map, maps[i], fb_node_map(a, nowhere, err), err)) return err->code;
    if (fb_node_set_text(a, map, "bias", "none", err) ||
        fb_node_set_text(a, map, "megatron_core", "megatron.core", err) ||
        fb_node_set_text(a, map, "peft_type", "LORA", err))
        return err->code;
    return FB_OK;
}

/* A whole number is written as one, as users write it. */
static struct fb_node *number(double value, struct fb_arena *a, struct fb_err *err) {
    int64_t whole = (int64_t)value;

    return (double)whole == value ? fb_node_int(a, whole, nowhere, err)
                                  : fb_node_real(a, value, nowhere, err);
}

struct fb_node *fb_adapter_config(const struct fb_learner *l, const struct fb_adapter_options *o,
                                  struct fb_arena *a, struct fb_err *err) {
    static const char *const heads[] = {"classifier", "score"};
    static const char *const tasks[] = {"SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM"};
    struct fb_node *map = fb_node_map(a, nowhere, err), *saved;

    saved = l->objective == FB_CLASSIFICATION ? list_of(heads, 2, a, err)
                                              : fb_node_null(a, nowhere, err);
    if (set_constants(map, l, a, err) ||
        fb_node_set_text(a, map, "base_model_name_or_path", o->base_model, err) ||
        fb_node_set(a, map, "lora_alpha", number(o->alpha, a, err), err) ||
        fb_node_set_real(a, map, "lora_dropout", o->dropout, err) ||
        fb_node_set(a, map, "modules_to_save", saved, err) ||
        fb_node_set_int(a, map, "r", o->r, err) ||
        fb_node_set(a, map, "target_modules", targets(l, &o->target_modules, a, err), err) ||
        fb_node_set_text(a, map, "task_type", tasks[l->objective], err))
        return NULL;
    return map;
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* "h.0.attn.c_attn" of "h.0.attn.c_attn.weight"; false for other names. */
static bool module_of(char out[NAME], const char *name) {
    size_t n = strlen(name), suffix = strlen(".weight");

    if (!fb_ends_with(name, ".weight") || n - suffix >= NAME) return false;
    memcpy(out, name, n - suffix);
    out[n - suffix] = '\0';
    return true;
}

static int add_factor(struct fb_learner *l, struct fb_linear *to, const char *module,
                      const char *factor, int64_t out, int64_t in, struct fb_err *err) {
    const int64_t shape[] = {out, in};
    char name[NAME + 16];
    const struct fb_weight *w;

    snprintf(name, sizeof name, "%s.%s.weight", module, factor);
    if (!(w = fb_weights_add(&l->factors, name, 2, shape, err))) return err->code;
    memset(w->owned, 0, (size_t)w->numel * sizeof *w->owned);
    to->name = fb_arena_printf(&l->arena, err, "%s.%s", module, factor);
    to->order = FB_OUT_IN;
    return to->name ? FB_OK : err->code;
}

/* One layer: both factors, packed. */
static int attach(struct fb_learner *l, struct fb_lora_layer *layer, struct fb_linear *linear,
                  const char *module, int64_t r, uint64_t seed, struct fb_err *err) {
    const int64_t in = linear->weight.in, out = linear->weight.out;
    struct fb_weight *a;

    if (add_factor(l, &layer->a, module, "lora_A", r, in, err) ||
        add_factor(l, &layer->b, module, "lora_B", out, r, err))
        return err->code;
    a = &l->factors.item[l->factors.names.count - 2];
    fb_init_lora(a->owned, r, in, seed, a->name);
    if (fb_pack(&layer->a.weight, a->data, FB_OUT_IN, NULL, in, r, NULL, err) ||
        fb_pack(&layer->b.weight, a[1].data, FB_OUT_IN, NULL, r, out, NULL, err))
        return err->code;
    linear->lora = layer;
    return FB_OK;
}

static int fail_no_target(const struct fb_node *config, struct fb_err *err) {
    const struct fb_node *list = fb_node_get(config, "target_modules");
    struct fb_str names = {.max = 1024};
    struct fb_err ignored = {0};

    for (int64_t i = 0; i < list->count; i++)
        if (fb_str_printf(&names, &ignored, "%s%s", i ? ", " : "", list->item[i]->text)) break;
    fb_fail(err, FB_ENOTFOUND, "target_modules: the model has no linear layer that ends in %s",
            fb_str_text(&names));
    fb_str_free(&names);
    return err->code;
}

int fb_adapter_attach(struct fb_learner *l, const struct fb_node *config, uint64_t seed,
                      struct fb_err *err) {
    int64_t tensors = l->weights.names.count, used = 0, r;
    struct fb_lora_config c;
    const struct fb_node *dropout = fb_node_get(config, "lora_dropout");

    if (fb_lora_config_read(&c, config, err)) return fb_context(err, "LoRA");
    l->adapter = true;
    if (!(l->lora = fb_calloc((size_t)tensors, sizeof *l->lora, err))) return err->code;
    for (int64_t i = 0; i < tensors; i++) {
        char module[NAME];
        struct fb_linear *linear;
        double scale;
        bool yes;
        if (!module_of(module, l->weights.names.name[i]) || !(linear = l->type->linear(l, module)))
            continue;
        if (fb_lora_config_targets(&c, module, &yes, err)) return err->code;
        if (!yes) continue;
        if (fb_lora_config_scale(&c, module, &r, &scale, err)) return err->code;
        l->lora[used].scale = (float)scale;
        l->lora[used].dropout = dropout ? dropout->value.real : 0.0;
        if (attach(l, &l->lora[used], linear, module, r, seed, err)) return err->code;
        used++;
    }
    return used ? FB_OK : fail_no_target(config, err);
}
