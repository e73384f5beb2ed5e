#include "golden_train.h"

/* PEFT keeps target_modules in a set, which has no order. */
static void assert_same_config(struct fb_node *got, const struct fb_node *want) {
    struct fb_node *mine = fb_node_get(got, "target_modules"),
                   *theirs = fb_node_get(want, "target_modules");

    assert_int_equal(got->count, want->count);
    for (int64_t i = 0; i < want->count; i++) {
        const struct fb_node *value = fb_node_get(got, want->key[i].text);
        if (!value) fail_msg("no key '%s'", want->key[i].text);
        if (!strcmp(want->key[i].text, "target_modules")) continue;
        if (!fb_node_equal(value, want->item[i])) fail_msg("key '%s'", want->key[i].text);
    }
    assert_int_equal(mine->count, theirs->count);
    for (int64_t i = 0; i < mine->count; i++) {
        bool found = false;
        for (int64_t k = 0; k < theirs->count; k++)
            found = found || !strcmp(mine->item[i]->text, theirs->item[k]->text);
        assert_true(found);
    }
}

static void test_the_description_is_peft_s(void **state) {
    static const char *const names[] = {"gpt2_lora", "t5_lora"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct golden g;
        struct fb_learner l;
        struct fb_err err = {0};
        struct fb_adapter_options o = {.base_model = ""};
        const struct fb_node *modules;
        const char *targets[8];
        struct fb_node *config;
        golden_open(&g, names[i]);
        golden_learner(&l, &g);
        modules = fb_node_get(g.json, "target_modules");
        o.r = (int64_t)golden_number(g.json, "r");
        o.alpha = golden_number(g.json, "alpha");
        o.target_modules = (struct fb_texts){targets, modules->count};
        for (int64_t k = 0; k < modules->count; k++)
            targets[k] = modules->item[k]->text;
        config = fb_adapter_config(&l, &o, &g.arena, &err);
        assert_non_null(config);
        assert_same_config(config, fb_node_get(g.json, "adapter_config"));
        fb_learner_free(&l);
        golden_close(&g);
    }
}

/* The tiny GPT-2 has two blocks, the tiny T5 four. */
static void test_layers_are_chosen_by_their_names(void **state) {
    static const struct {
        const char *golden, *target;
        int layers;
    } cases[] = {
        {"gpt2_full", NULL, 2},          {"gpt2_full", "c_proj", 4},
        {"gpt2_full", "attn.c_proj", 2}, {"gpt2_full", "h.1.mlp.c_fc", 1},
        {"t5_full", NULL, 12},           {"t5_full", "EncDecAttention.k", 2},
        {"t5_full", "lm_head", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct golden g;
        struct fb_learner l;
        struct fb_err err = {0};
        struct fb_adapter_options o = {
            .r = 2, .alpha = 2, .base_model = "x", .target_modules = {&cases[i].target, 1}};
        int64_t added;
        struct fb_node *config;
        if (!cases[i].target) o.target_modules.count = 0;
        golden_open(&g, cases[i].golden);
        assert_int_equal(fb_learner_configure(&l, g.objective, fb_node_get(g.json, "config"),
                                              g.objective == FB_CLASSIFICATION ? 2 : 0, &err),
                         FB_OK);
        assert_int_equal(fb_learner_create(&l, 1, &added, &err), FB_OK);
        config = fb_adapter_config(&l, &o, &g.arena, &err);
        assert_non_null(config);
        assert_int_equal(fb_adapter_attach(&l, config, 1, &err), FB_OK);
        assert_int_equal(l.factors.names.count, 2 * cases[i].layers);
        fb_learner_free(&l);
        golden_close(&g);
    }
}

/* The second factor is zero, so that an adapter begins as the model. */
static void test_a_new_adapter_changes_nothing(void **state) {
    struct golden g;
    struct fb_learner with, without;
    struct fb_err err = {0};
    struct fb_loss a = {0}, b = {0};
    const int64_t rows[] = {0, 1, 2, 3};

    (void)state;
    golden_open(&g, "gpt2_lora");
    golden_learner(&with, &g);
    assert_int_equal(fb_learner_measure(&with, &g.corpus, rows, 4, &a, &err), FB_OK);
    golden_close(&g);
    golden_open(&g, "gpt2_full");
    golden_learner(&without, &g);
    golden_close(&g);
    golden_open(&g, "gpt2_lora");
    assert_int_equal(fb_learner_measure(&without, &g.corpus, rows, 4, &b, &err), FB_OK);
    assert_true(a.sum == b.sum);
    fb_learner_free(&with);
    fb_learner_free(&without);
    golden_close(&g);
}

static void test_targets_that_are_not_there_are_named(void **state) {
    static const char *const targets[] = {"q", "v"};
    struct fb_adapter_options o = {
        .r = 2, .alpha = 2, .base_model = "x", .target_modules = {targets, 2}};
    struct golden g;
    struct fb_learner l;
    struct fb_err err = {0};
    int64_t added;

    (void)state;
    golden_open(&g, "gpt2_full");
    assert_int_equal(
        fb_learner_configure(&l, FB_CLASSIFICATION, fb_node_get(g.json, "config"), 2, &err), FB_OK);
    assert_int_equal(fb_learner_create(&l, 1, &added, &err), FB_OK);
    assert_int_equal(fb_adapter_attach(&l, fb_adapter_config(&l, &o, &g.arena, &err), 1, &err),
                     FB_ENOTFOUND);
    assert_string_equal(err.msg, "target_modules: the model has no linear layer that ends in q, v");
    fb_learner_free(&l);
    golden_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_description_is_peft_s),
        cmocka_unit_test(test_layers_are_chosen_by_their_names),
        cmocka_unit_test(test_a_new_adapter_changes_nothing),
        cmocka_unit_test(test_targets_that_are_not_there_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
