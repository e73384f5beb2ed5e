/* lora_config.c - the rules of peft.tuners.tuners_utils.check_target_module_exists and of
 * LoraModel._create_and_replace, version 0.13.2. */
#include "ckpt/lora_config.h"

#include "base/str.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_MAX = 1 << 16, STEPS_MAX = 100000 };

static const struct fb_node *find(const struct fb_node *json, const char *key) {
    const struct fb_node *node = fb_node_get(json, key);

    return node && node->kind != FB_NULL ? node : NULL;
}

static int wrong(const struct fb_node *node, const char *key, const char *expected,
                 struct fb_err *err) {
    char place[512];

    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EFORMAT, "%s'%s' is a %s, expected %s", place, key,
                   fb_kind_name(node->kind), expected);
}

/* Options that change what is computed and are not done, unless empty, false or null. */
static int refuse(const struct fb_node *json, struct fb_err *err) {
    static const char *const keys[] = {
        "use_dora",          "layer_replication",       "lora_bias",    "use_qalora",
        "target_parameters", "alora_invocation_tokens", "corda_config", "trainable_token_indices"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct fb_node *node = find(json, keys[i]);
        if (!node || (node->kind == FB_BOOL && !node->value.flag)) continue;
        if ((node->kind == FB_LIST || node->kind == FB_MAP) && node->count == 0) continue;
        return fb_fail(err, FB_EUNSUPPORTED,
                       "'%s' is set, which is not supported; merge this adapter with PEFT and use "
                       "the merged model",
                       keys[i]);
    }
    return FB_OK;
}

static bool is_names(const struct fb_node *node) {
    if (node->kind != FB_LIST) return false;
    for (int64_t i = 0; i < node->count; i++)
        if (node->item[i]->kind != FB_TEXT) return false;
    return true;
}

static bool is_number(const struct fb_node *node) {
    return node->kind == FB_INT || node->kind == FB_REAL;
}

static double number(const struct fb_node *node) {
    return node->kind == FB_INT ? (double)node->value.integer : node->value.real;
}

static int read_rank(int64_t *r, const struct fb_node *node, const char *key, struct fb_err *err) {
    if (node->kind != FB_INT) return wrong(node, key, "a whole number", err);
    *r = node->value.integer;
    if (*r >= 1 && *r <= RANK_MAX) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "'%s' is %jd, expected 1 to %d", key, (intmax_t)*r, RANK_MAX);
}

static int check_pattern(const struct fb_node *map, const char *key, struct fb_err *err) {
    int64_t r;

    if (!map) return FB_OK;
    if (map->kind != FB_MAP) return wrong(map, key, "a mapping", err);
    for (int64_t i = 0; i < map->count; i++) {
        if (!is_number(map->item[i])) return wrong(map->item[i], key, "numbers", err);
        if (!strcmp(key, "rank_pattern") && read_rank(&r, map->item[i], key, err)) return err->code;
    }
    return FB_OK;
}

static int check_layers(const struct fb_lora_config *c, struct fb_err *err) {
    const struct fb_node *p = c->layers_pattern, *l = c->layers;

    if (p && p->kind != FB_TEXT && !is_names(p))
        return wrong(p, "layers_pattern", "a name or a list of names", err);
    if (!l || l->kind == FB_INT) return FB_OK;
    if (l->kind != FB_LIST) return wrong(l, "layers_to_transform", "numbers", err);
    for (int64_t i = 0; i < l->count; i++)
        if (l->item[i]->kind != FB_INT)
            return wrong(l->item[i], "layers_to_transform", "whole numbers", err);
    return FB_OK;
}

/* A text that is no more than a label; NULL if there is none. */
static const char *label(const struct fb_node *json, const char *key) {
    const struct fb_node *node = find(json, key);

    return node && node->kind == FB_TEXT && *node->text ? node->text : NULL;
}

static int read_scalars(struct fb_lora_config *out, const struct fb_node *json,
                        struct fb_err *err) {
    const struct fb_node *r = find(json, "r"), *alpha = find(json, "lora_alpha");
    const struct fb_node *rslora = find(json, "use_rslora");

    out->r = 8;
    out->alpha = 8;
    if (r && read_rank(&out->r, r, "r", err)) return err->code;
    if (alpha && !is_number(alpha)) return wrong(alpha, "lora_alpha", "a number", err);
    if (alpha) out->alpha = number(alpha);
    if (rslora && rslora->kind != FB_BOOL) return wrong(rslora, "use_rslora", "true or false", err);
    out->rslora = rslora && rslora->value.flag;
    out->base = label(json, "base_model_name_or_path");
    out->revision = label(json, "revision");
    out->task = label(json, "task_type");
    out->classifier =
        out->task && (!strcmp(out->task, "SEQ_CLS") || !strcmp(out->task, "TOKEN_CLS"));
    return FB_OK;
}

/* How the matrices began does not matter when they have been trained, unless the base was changed
 * to make up for it: loading does the same to the base, from its own values (PEFT's LoraLayer:
 * pissa_init, olora_init, loftq_init, corda_init). A name that is not known might be another one.
 */
static int check_init(const struct fb_node *json, struct fb_err *err) {
    static const char *const harmless[] = {"gaussian", "eva", "orthogonal"};
    const struct fb_node *node = find(json, "init_lora_weights");

    if (!node || node->kind == FB_BOOL) return FB_OK;
    if (node->kind != FB_TEXT)
        return wrong(node, "init_lora_weights", "true, false or a name", err);
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (!strcmp(node->text, harmless[i])) return FB_OK;
    return fb_fail(err, FB_EUNSUPPORTED,
                   "init_lora_weights '%.100s' has changed the base too, in a way that the adapter "
                   "does not hold; merge this adapter with PEFT, or save it with "
                   "path_initial_model_for_weight_conversion",
                   node->text);
}

static int check_modules(const struct fb_node *node, const char *key, struct fb_err *err) {
    static const char expected[] = "a list of names or a pattern";

    if (!node)
        return fb_fail(err, FB_EFORMAT, "'%s' is missing or null, expected %s", key, expected);
    if (node->kind == FB_TEXT || is_names(node)) return FB_OK;
    return wrong(node, key, expected, err);
}

int fb_lora_config_read(struct fb_lora_config *out, const struct fb_node *json,
                        struct fb_err *err) {
    const struct fb_node *type;

    *out = (struct fb_lora_config){0};
    if (json->kind != FB_MAP)
        return fb_fail(err, FB_EFORMAT, "expected a mapping, found a %s", fb_kind_name(json->kind));
    type = find(json, "peft_type");
    if (type && (type->kind != FB_TEXT || strcmp(type->text, "LORA") != 0))
        return fb_fail(err, FB_EUNSUPPORTED, "peft_type is '%s', expected 'LORA'",
                       type->kind == FB_TEXT ? type->text : fb_kind_name(type->kind));
    out->rank_pattern = find(json, "rank_pattern");
    out->alpha_pattern = find(json, "alpha_pattern");
    out->targets = find(json, "target_modules");
    out->excluded = find(json, "exclude_modules");
    out->layers = find(json, "layers_to_transform");
    out->layers_pattern = find(json, "layers_pattern");
    out->modules_to_save = find(json, "modules_to_save");
    if (refuse(json, err) || check_init(json, err) || read_scalars(out, json, err) ||
        check_pattern(out->rank_pattern, "rank_pattern", err) ||
        check_pattern(out->alpha_pattern, "alpha_pattern", err) || check_layers(out, err))
        return err->code;
    if (check_modules(out->targets, "target_modules", err)) return err->code;
    if (out->excluded && check_modules(out->excluded, "exclude_modules", err)) return err->code;
    if (out->modules_to_save && !is_names(out->modules_to_save))
        return wrong(out->modules_to_save, "modules_to_save", "a list of names", err);
    return FB_OK;
}

/* ---- patterns ---- */

/* The group [range[0], range[1]) of a match as a number; -1 for one that took no part (an optional
 * one), or that is too long for a layer's number. */
static int64_t first_number(const char *text, const PCRE2_SIZE range[2]) {
    if (range[0] == PCRE2_UNSET || range[1] - range[0] >= 10) return -1;
    return strtoll(text + range[0], NULL, 10);
}

/* Matches at the beginning; the first group as a number, or -1. */
static int match(const char *regex, const char *text, bool *yes, int64_t *group,
                 struct fb_err *err) {
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                                   PCRE2_ANCHORED | PCRE2_UTF, &code, &at, NULL);
    pcre2_match_data *data = re ? pcre2_match_data_create_from_pattern(re, NULL) : NULL;
    pcre2_match_context *limits = re ? pcre2_match_context_create(NULL) : NULL;
    int rc = FB_OK;

    *group = -1;
    if (!re) return fb_fail(err, FB_EFORMAT, "'%.200s' is not a regular expression", regex);
    if (!data || !limits) {
        rc = fb_fail(err, FB_ENOMEM, "out of memory");
    } else {
        pcre2_set_match_limit(limits, STEPS_MAX);
        code = pcre2_match(re, (PCRE2_SPTR)text, strlen(text), 0, 0, data, limits);
        *yes = code > 0;
        if (code < 0 && code != PCRE2_ERROR_NOMATCH)
            rc = fb_fail(err, FB_EFORMAT, "'%.200s' takes too many steps on '%.200s'", regex, text);
        if (code > 1) *group = first_number(text, pcre2_get_ovector_pointer(data) + 2);
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    pcre2_code_free(re);
    return rc;
}

static int match_with(const char *before, const char *pattern, const char *after, const char *text,
                      bool *yes, int64_t *group, struct fb_err *err) {
    struct fb_str regex = {.max = 1 << 16};
    int rc = fb_str_printf(&regex, err, "%s%s%s", before, pattern, after);

    if (!rc) rc = match(fb_str_text(&regex), text, yes, group, err);
    fb_str_free(&regex);
    return rc;
}

static bool ends_with_part(const char *module, const char *name) {
    size_t m = strlen(module), n = strlen(name);

    if (m == n) return !strcmp(module, name);
    return m > n && module[m - n - 1] == '.' && !strcmp(module + m - n, name);
}

static int layer_of(const struct fb_lora_config *c, const char *module, int64_t *layer,
                    struct fb_err *err) {
    const struct fb_node *p = c->layers_pattern;
    int64_t n = !p ? 0 : p->kind == FB_LIST ? p->count : 1;
    bool yes;

    *layer = -1;
    if (n == 0) return match_with(".*\\.", "[^.]*", "\\.(\\d+)\\.", module, &yes, layer, err);
    for (int64_t i = 0; i < n && *layer < 0; i++) {
        const char *pattern = p->kind == FB_LIST ? p->item[i]->text : p->text;
        if (match_with(".*\\.", pattern, "\\.(\\d+)\\.", module, &yes, layer, err))
            return err->code;
    }
    return FB_OK;
}

static int in_layers(const struct fb_lora_config *c, const char *module, bool *yes,
                     struct fb_err *err) {
    const struct fb_node *l = c->layers;
    int64_t layer;

    if (!l || (l->kind == FB_LIST && l->count == 0)) return FB_OK;
    if (layer_of(c, module, &layer, err)) return err->code;
    *yes = layer >= 0 && l->kind == FB_INT && l->value.integer == layer;
    for (int64_t i = 0; layer >= 0 && l->kind == FB_LIST && i < l->count; i++)
        if (l->item[i]->value.integer == layer) *yes = true;
    return FB_OK;
}

/* Rules of PEFT 0.14, which brought it: a pattern for the whole name, or names and suffixes. */
static int is_excluded(const struct fb_lora_config *c, const char *module, bool *yes,
                       struct fb_err *err) {
    const struct fb_node *e = c->excluded;
    int64_t group;

    *yes = false;
    if (!e || (e->kind == FB_TEXT && !*e->text)) return FB_OK;
    if (e->kind == FB_TEXT) return match_with("(?:", e->text, ")\\z", module, yes, &group, err);
    for (int64_t i = 0; i < e->count; i++)
        if (ends_with_part(module, e->item[i]->text)) *yes = true;
    return FB_OK;
}

int fb_lora_config_targets(const struct fb_lora_config *c, const char *module, bool *yes,
                           struct fb_err *err) {
    int64_t group;
    bool excluded;

    *yes = false;
    if (is_excluded(c, module, &excluded, err)) return err->code;
    if (excluded) return FB_OK;
    if (c->targets->kind == FB_TEXT) {
        *yes = !strcmp(c->targets->text, "all-linear");
        return *yes ? FB_OK : match_with("(?:", c->targets->text, ")\\z", module, yes, &group, err);
    }
    for (int64_t i = 0; i < c->targets->count; i++) {
        if (!strcmp(module, c->targets->item[i]->text)) {
            *yes = true;
            return FB_OK; /* a whole path is not restricted to layers */
        }
        if (ends_with_part(module, c->targets->item[i]->text)) *yes = true;
    }
    return *yes ? in_layers(c, module, yes, err) : FB_OK;
}

static bool is_saved(const struct fb_lora_config *c, const char *module, size_t length) {
    static const char *const heads[] = {"classifier", "score"};
    int64_t named = c->modules_to_save ? c->modules_to_save->count : 0;

    for (int64_t i = 0; i < named + 2; i++) {
        const char *end = i < named ? c->modules_to_save->item[i]->text : heads[i - named];
        size_t n = strlen(end);
        if (i >= named && !c->classifier) return false;
        if (n <= length && !memcmp(module + length - n, end, n)) return true;
    }
    return false;
}

bool fb_lora_config_saves(const struct fb_lora_config *c, const char *module) {
    for (const char *dot = module; (dot = strchr(dot, '.')); dot++)
        if (is_saved(c, module, (size_t)(dot - module))) return true;
    return is_saved(c, module, strlen(module));
}

/* The first key of rank_pattern, then of alpha_pattern, that fits; else the module itself. */
static int pattern_key(const struct fb_lora_config *c, const char *module, const char **key,
                       struct fb_err *err) {
    const struct fb_node *maps[] = {c->rank_pattern, c->alpha_pattern};
    int64_t group;
    bool yes = false;

    *key = module;
    for (int m = 0; m < 2; m++)
        for (int64_t i = 0; maps[m] && i < maps[m]->count; i++) {
            if (match_with(".*\\.", maps[m]->key[i].text, "$", module, &yes, &group, err))
                return err->code;
            if (!yes) continue;
            *key = maps[m]->key[i].text;
            return FB_OK;
        }
    return FB_OK;
}

static double scale_of(const struct fb_lora_config *c, int64_t r, double alpha) {
    return c->rslora ? alpha / sqrt((double)r) : alpha / (double)r;
}

int fb_lora_config_scale(const struct fb_lora_config *c, const char *module, int64_t *r,
                         double *scale, struct fb_err *err) {
    const struct fb_node *rank, *alpha;
    const char *key;

    if (pattern_key(c, module, &key, err)) return err->code;
    rank = c->rank_pattern ? fb_node_get(c->rank_pattern, key) : NULL;
    alpha = c->alpha_pattern ? fb_node_get(c->alpha_pattern, key) : NULL;
    *r = rank ? rank->value.integer : c->r;
    *scale = scale_of(c, *r, alpha ? number(alpha) : c->alpha);
    return FB_OK;
}

/* peft.utils.get_pattern_key of PEFT 0.17: the value of the first key that fits, or NULL. */
static int later_value(const struct fb_node *map, const char *module, const struct fb_node **value,
                       struct fb_err *err) {
    int64_t group;
    bool yes = false;

    *value = NULL;
    for (int64_t i = 0; map && !yes && i < map->count; i++) {
        if (match_with("(.*\\.)?(", map->key[i].text, ")$", module, &yes, &group, err))
            return err->code;
        if (yes) *value = map->item[i];
    }
    return FB_OK;
}

int fb_lora_config_disagrees(const struct fb_lora_config *c, const char *module, bool *yes,
                             struct fb_err *err) {
    const struct fb_node *rank, *alpha;
    int64_t r, later_r;
    double scale, later;

    if (fb_lora_config_scale(c, module, &r, &scale, err) ||
        later_value(c->rank_pattern, module, &rank, err) ||
        later_value(c->alpha_pattern, module, &alpha, err))
        return err->code;
    later_r = rank ? rank->value.integer : c->r;
    later = scale_of(c, later_r, alpha ? number(alpha) : c->alpha);
    *yes = r != later_r || scale < later || scale > later;
    return FB_OK;
}
