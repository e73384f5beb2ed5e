#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/json.h"
#include "model/gpt2.h"

#include <string.h>

static int read_text(struct fb_gpt2_config *c, const char *text, struct fb_err *err) {
    struct fb_arena arena = {0};
    struct fb_node *json = NULL;
    int rc = fb_json_parse(&json, &arena, text, strlen(text), "config.json", err);

    assert_int_equal(rc, FB_OK);
    rc = fb_gpt2_config_read(c, json, err);
    fb_arena_free(&arena);
    return rc;
}

static void test_missing_keys_have_the_defaults_of_transformers(void **state) {
    struct fb_gpt2_config c;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_text(&c, "{}", &err), FB_OK);
    assert_int_equal(c.n_layer, 12);
    assert_int_equal(c.n_head, 12);
    assert_int_equal(c.n_embd, 768);
    assert_int_equal(c.n_inner, 3072);
    assert_int_equal(c.n_positions, 1024);
    assert_int_equal(c.vocab_size, 50257);
    assert_int_equal(c.activation, FB_GELU_TANH);
    assert_true(c.layer_norm_epsilon == 1e-5);
    assert_true(c.embd_pdrop == 0.1 && c.attn_pdrop == 0.1 && c.resid_pdrop == 0.1);
    assert_true(c.scale_attn_weights);
    assert_false(c.scale_attn_by_inverse_layer_idx);
    assert_int_equal(c.num_labels, 2);
    assert_int_equal(c.pad_token_id, -1);
}

static void test_aliases_nulls_and_label_names_are_understood(void **state) {
    struct fb_gpt2_config c;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(
        read_text(&c,
                  "{\"model_type\": \"gpt2\", \"num_hidden_layers\": 3, "
                  "\"hidden_size\": 10, \"num_attention_heads\": 5, \"n_inner\": null, "
                  "\"max_position_embeddings\": 7, \"num_labels\": 9, "
                  "\"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}, "
                  "\"embd_pdrop\": 0, \"attn_pdrop\": 0.25, \"resid_pdrop\": 0.5, "
                  "\"pad_token_id\": 4, \"reorder_and_upcast_attn\": true}",
                  &err),
        FB_OK);
    assert_int_equal(c.n_layer, 3);
    assert_int_equal(c.n_embd, 10);
    assert_int_equal(c.n_head, 5);
    assert_int_equal(c.n_inner, 40);
    assert_int_equal(c.n_positions, 7);
    assert_int_equal(c.num_labels, 3);
    assert_true(c.embd_pdrop == 0 && c.attn_pdrop == 0.25 && c.resid_pdrop == 0.5);
    assert_int_equal(c.pad_token_id, 4);
}

static void test_what_is_wrong_or_not_supported_is_named(void **state) {
    static const struct {
        const char *text;
        int code;
        const char *message;
    } cases[] = {
        {"[]", FB_EFORMAT, "a model configuration must be a mapping, found a list"},
        {"{\"n_layer\": 0}", FB_EFORMAT, "'n_layer' is 0, expected 1 to 1024"},
        {"{\"n_head\": \"12\"}", FB_EFORMAT, "'n_head' is a string, expected a whole number"},
        {"{\"n_embd\": 10, \"n_head\": 4}", FB_EFORMAT, "n_embd 10 is not a multiple of n_head 4"},
        {"{\"layer_norm_epsilon\": -1}", FB_EFORMAT, "'layer_norm_epsilon' is -1, expected 0 to 1"},
        {"{\"layer_norm_epsilon\": true}", FB_EFORMAT,
         "'layer_norm_epsilon' is a boolean, expected a number"},
        {"{\"attn_pdrop\": 1.5}", FB_EFORMAT, "'attn_pdrop' is 1.5, expected 0 to 1"},
        {"{\"scale_attn_weights\": 1}", FB_EFORMAT,
         "'scale_attn_weights' is an integer, expected true or false"},
        {"{\"id2label\": [1]}", FB_EFORMAT, "'id2label' is a list, expected a mapping"},
        {"{\"activation_function\": \"mish\"}", FB_EUNSUPPORTED,
         "activation_function 'mish' is not supported; known are gelu_new, gelu_pytorch_tanh, "
         "gelu_fast, gelu, gelu_python, relu, silu, swish, tanh"},
        {"{\"activation_function\": 1}", FB_EFORMAT,
         "'activation_function' is an integer, expected a name"},
        {"{\"model_type\": \"t5\"}", FB_EUNSUPPORTED, "model_type is 't5', expected 'gpt2'"},
        {"{\"add_cross_attention\": true}", FB_EUNSUPPORTED,
         "add_cross_attention is not supported"},
        {"{\"pruned_heads\": {\"0\": [1]}}", FB_EUNSUPPORTED, "pruned_heads are not supported"},
        {"{\"quantization_config\": {}}", FB_EUNSUPPORTED, "quantization_config is not supported"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_gpt2_config c;
        struct fb_err err = {0};
        const char *end;
        assert_int_equal(read_text(&c, cases[i].text, &err), cases[i].code);
        /* In front stands the place, as far as JSON nodes have one. */
        assert_true(strlen(err.msg) >= strlen(cases[i].message));
        end = err.msg + strlen(err.msg) - strlen(cases[i].message);
        assert_string_equal(end, cases[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_keys_have_the_defaults_of_transformers),
        cmocka_unit_test(test_aliases_nulls_and_label_names_are_understood),
        cmocka_unit_test(test_what_is_wrong_or_not_supported_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
