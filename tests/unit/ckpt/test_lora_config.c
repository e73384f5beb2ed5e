#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ckpt/lora_config.h"
#include "config/json.h"

#include <math.h>
#include <string.h>

struct given {
    struct fb_arena arena;
    struct fb_lora_config config;
    struct fb_err err;
};

static int read_text(struct given *g, const char *text) {
    struct fb_node *json = NULL;

    *g = (struct given){0};
    assert_int_equal(fb_json_parse(&json, &g->arena, text, strlen(text), "f", &g->err), FB_OK);
    return fb_lora_config_read(&g->config, json, &g->err);
}

static bool targets(const char *config, const char *module) {
    struct given g;
    bool yes;

    assert_int_equal(read_text(&g, config), FB_OK);
    assert_int_equal(fb_lora_config_targets(&g.config, module, &yes, &g.err), FB_OK);
    fb_arena_free(&g.arena);
    return yes;
}

static void test_targets_are_suffixes_patterns_or_layers(void **state) {
    static const char list[] = "{\"target_modules\": [\"q\", \"attn.c_proj\"]}";
    static const char regex[] = "{\"target_modules\": \".*encoder.*\\\\.(q|v)\"}";
    static const char layers[] = "{\"target_modules\": [\"q\"], \"layers_to_transform\": [1, 3]}";
    static const char excluded[] = "{\"target_modules\": \"all-linear\", "
                                   "\"exclude_modules\": [\"attn.q\", \"k\"]}";
    static const char not_decoder[] = "{\"target_modules\": [\"q\"], "
                                      "\"exclude_modules\": \"decoder.*\"}";
    static const char named[] = "{\"target_modules\": [\"q\"], \"layers_to_transform\": 1, "
                                "\"layers_pattern\": \"block\"}";

    (void)state;
    assert_true(targets(list, "q"));
    assert_true(targets(list, "h.0.q"));
    assert_false(targets(list, "h.0.xq"));
    assert_true(targets(list, "h.0.attn.c_proj"));
    assert_false(targets(list, "h.0.mlp.c_proj"));
    assert_true(targets(regex, "encoder.block.0.q"));
    assert_false(targets(regex, "encoder.block.0.qx"));
    assert_false(targets(regex, "decoder.block.0.q"));
    assert_true(targets("{\"target_modules\": \"all-linear\"}", "anything"));
    assert_true(targets(layers, "encoder.block.3.layer.1.q")); /* the last number in the name */
    assert_false(targets(layers, "encoder.block.3.layer.0.q"));
    assert_false(targets(excluded, "h.0.attn.q"));
    assert_false(targets(excluded, "k"));
    assert_true(targets(excluded, "h.0.attn.v"));
    assert_false(targets(not_decoder, "decoder.block.0.q"));
    assert_true(targets(not_decoder, "encoder.decoder.q")); /* a pattern is for the whole name */
    assert_true(targets(named, "encoder.block.1.layer.0.q"));
    assert_false(targets(named, "block.1.layer.0.q")); /* as PEFT: something must come before */
}

static void check_scale(const char *config, const char *module, int64_t r, double scale) {
    struct given g;
    int64_t rank;
    double s;

    assert_int_equal(read_text(&g, config), FB_OK);
    assert_int_equal(fb_lora_config_scale(&g.config, module, &rank, &s, &g.err), FB_OK);
    assert_int_equal(rank, r);
    assert_true(fabs(s - scale) < 1e-15);
    fb_arena_free(&g.arena);
}

static void test_rank_and_alpha_have_patterns(void **state) {
    static const char text[] =
        "{\"target_modules\": [\"q\"], \"r\": 4, \"lora_alpha\": 8, \"rank_pattern\": {\"k\": 2, "
        "\"a.b.v\": 16}, \"alpha_pattern\": {\"o\": 3}}";

    (void)state;
    check_scale(text, "x.q", 4, 2.0);
    check_scale(text, "x.k", 2, 4.0);
    check_scale(text, "k", 2, 4.0);
    check_scale(text, "a.b.v", 16, 0.5);
    check_scale(text, "x.o", 4, 0.75);
    check_scale("{\"target_modules\": [], \"r\": 16, \"lora_alpha\": 32, \"use_rslora\": true}",
                "q", 16, 8.0);
    check_scale("{\"target_modules\": []}", "q", 8, 1.0);
}

static bool disagrees(const char *config, const char *module) {
    struct given g;
    bool yes;

    assert_int_equal(read_text(&g, config), FB_OK);
    assert_int_equal(fb_lora_config_disagrees(&g.config, module, &yes, &g.err), FB_OK);
    fb_arena_free(&g.arena);
    return yes;
}

/* Both patterns are looked through with one key here, each with its own later. */
static void test_scales_that_depend_on_the_version_are_noticed(void **state) {
    static const char same[] = "{\"target_modules\": [], \"rank_pattern\": {\"q\": 4}, "
                               "\"alpha_pattern\": {\"q\": 9, \"o\": 3}}";
    static const char other[] = "{\"target_modules\": [], \"rank_pattern\": {\"q\": 4}, "
                                "\"alpha_pattern\": {\"attn.q\": 9, \"^k\": 3}}";

    (void)state;
    assert_false(disagrees(same, "h.attn.q"));
    assert_false(disagrees(same, "h.o"));
    assert_false(disagrees(same, "o"));
    assert_false(disagrees(same, "h.v"));
    check_scale(other, "h.attn.q", 4, 2.0);
    assert_true(disagrees(other, "h.attn.q"));
    assert_true(disagrees(other, "k"));
    assert_false(disagrees(other, "h.k"));
}

static void test_modules_that_are_saved_whole(void **state) {
    struct given g;

    (void)state;
    assert_int_equal(read_text(&g, "{\"target_modules\": [], \"task_type\": \"SEQ_CLS\", "
                                   "\"modules_to_save\": [\"lm_head\"]}"),
                     FB_OK);
    assert_true(fb_lora_config_saves(&g.config, "score"));
    assert_true(fb_lora_config_saves(&g.config, "lm_head"));
    assert_false(fb_lora_config_saves(&g.config, "wte"));
    assert_true(fb_lora_config_saves(&g.config, "score.dense")); /* a module has all it holds */
    assert_true(fb_lora_config_saves(&g.config, "x.classifier.out.proj"));
    assert_false(fb_lora_config_saves(&g.config, "classifiers.dense"));
    assert_false(fb_lora_config_saves(&g.config, "lm_heads"));
    fb_arena_free(&g.arena);
}

static void test_what_is_wrong_or_not_done_is_named(void **state) {
#define NOT_DONE(key)                                                                              \
    "'" key "' is set, which is not supported; merge this adapter with PEFT and use the merged "   \
    "model"
#define CHANGES_BASE(name)                                                                         \
    "init_lora_weights '" name "' has changed the base too, in a way that the adapter does not "   \
    "hold; merge this adapter with PEFT, or save it with path_initial_model_for_weight_conversion"
    static const struct {
        const char *text;
        int code;
        const char *message;
    } cases[] = {
        {"[]", FB_EFORMAT, "expected a mapping, found a list"},
        {"{\"peft_type\": \"IA3\"}", FB_EUNSUPPORTED, "peft_type is 'IA3', expected 'LORA'"},
        {"{}", FB_EFORMAT,
         "'target_modules' is missing or null, expected a list of names or a pattern"},
        {"{\"target_modules\": null}", FB_EFORMAT,
         "'target_modules' is missing or null, expected a list of names or a pattern"},
        {"{\"target_modules\": [], \"exclude_modules\": 3}", FB_EFORMAT,
         "f: 'exclude_modules' is a integer, expected a list of names or a pattern"},
        {"{\"use_qalora\": true}", FB_EUNSUPPORTED, NOT_DONE("use_qalora")},
        {"{\"init_lora_weights\": \"pissa_niter_4\"}", FB_EUNSUPPORTED,
         CHANGES_BASE("pissa_niter_4")},
        {"{\"init_lora_weights\": \"olora\"}", FB_EUNSUPPORTED, CHANGES_BASE("olora")},
        {"{\"init_lora_weights\": \"loftq\"}", FB_EUNSUPPORTED, CHANGES_BASE("loftq")},
        {"{\"init_lora_weights\": 3}", FB_EFORMAT,
         "f: 'init_lora_weights' is a integer, expected true, false or a name"},
        {"{\"target_modules\": 3}", FB_EFORMAT,
         "f: 'target_modules' is a integer, expected a list of names or a pattern"},
        {"{\"use_dora\": true}", FB_EUNSUPPORTED, NOT_DONE("use_dora")},
        {"{\"layer_replication\": [[0, 1]]}", FB_EUNSUPPORTED, NOT_DONE("layer_replication")},
        {"{\"r\": 0}", FB_EFORMAT, "'r' is 0, expected 1 to 65536"},
        {"{\"r\": 1.5}", FB_EFORMAT, "f: 'r' is a number, expected a whole number"},
        {"{\"lora_alpha\": \"x\"}", FB_EFORMAT, "f: 'lora_alpha' is a string, expected a number"},
        {"{\"use_rslora\": 1}", FB_EFORMAT, "f: 'use_rslora' is a integer, expected true or false"},
        {"{\"rank_pattern\": []}", FB_EFORMAT, "f: 'rank_pattern' is a list, expected a mapping"},
        {"{\"rank_pattern\": {\"q\": -1}}", FB_EFORMAT,
         "'rank_pattern' is -1, expected 1 to 65536"},
        {"{\"alpha_pattern\": {\"q\": \"x\"}}", FB_EFORMAT,
         "f: 'alpha_pattern' is a string, expected numbers"},
        {"{\"layers_to_transform\": \"x\"}", FB_EFORMAT,
         "f: 'layers_to_transform' is a string, expected numbers"},
        {"{\"layers_pattern\": 3}", FB_EFORMAT,
         "f: 'layers_pattern' is a integer, expected a name or a list of names"},
        {"{\"target_modules\": [], \"modules_to_save\": 3}", FB_EFORMAT,
         "f: 'modules_to_save' is a integer, expected a list of names"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct given g;
        assert_int_equal(read_text(&g, cases[i].text), cases[i].code);
        assert_string_equal(g.err.msg, cases[i].message);
        fb_arena_free(&g.arena);
    }
}

static void test_hostile_patterns_end(void **state) {
    struct given g;
    bool yes;

    (void)state;
    assert_int_equal(read_text(&g, "{\"target_modules\": \"(a+)+$\"}"), FB_OK);
    assert_int_equal(
        fb_lora_config_targets(&g.config, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", &yes, &g.err),
        FB_EFORMAT);
    assert_string_equal(g.err.msg, "'(?:(a+)+$)\\z' takes too many steps on "
                                   "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'");
    fb_arena_free(&g.arena);
    assert_int_equal(read_text(&g, "{\"target_modules\": \"(\"}"), FB_OK);
    assert_int_equal(fb_lora_config_targets(&g.config, "q", &yes, &g.err), FB_EFORMAT);
    assert_string_equal(g.err.msg, "'(?:()\\z' is not a regular expression");
    fb_arena_free(&g.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_are_suffixes_patterns_or_layers),
        cmocka_unit_test(test_rank_and_alpha_have_patterns),
        cmocka_unit_test(test_scales_that_depend_on_the_version_are_noticed),
        cmocka_unit_test(test_modules_that_are_saved_whole),
        cmocka_unit_test(test_what_is_wrong_or_not_done_is_named),
        cmocka_unit_test(test_hostile_patterns_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
