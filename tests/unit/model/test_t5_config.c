#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/json.h"
#include "model/t5.h"

#include <stdio.h>
#include <string.h>

static int read_text(struct fb_t5_config *c, const char *text, struct fb_err *err) {
    struct fb_arena arena = {0};
    struct fb_node *json = NULL;
    int rc = fb_json_parse(&json, &arena, text, strlen(text), "config.json", err);

    assert_int_equal(rc, FB_OK);
    rc = fb_t5_config_read(c, json, err);
    fb_arena_free(&arena);
    return rc;
}

static void test_missing_keys_have_the_defaults_of_transformers(void **state) {
    struct fb_t5_config c;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_text(&c, "{}", &err), FB_OK);
    assert_int_equal(c.vocab_size, 32128);
    assert_int_equal(c.d_model, 512);
    assert_int_equal(c.d_kv, 64);
    assert_int_equal(c.d_ff, 2048);
    assert_int_equal(c.num_layers, 6);
    assert_int_equal(c.num_decoder_layers, 6);
    assert_int_equal(c.num_heads, 8);
    assert_int_equal(c.relative_attention_num_buckets, 32);
    assert_int_equal(c.relative_attention_max_distance, 128);
    assert_int_equal(c.activation, FB_RELU);
    assert_false(c.gated);
    assert_true(c.layer_norm_epsilon == 1e-6);
    assert_true(c.dropout_rate == 0.1);
    assert_int_equal(read_text(&c, "{\"dropout_rate\": 0.0}", &err), FB_OK);
    assert_true(c.dropout_rate == 0);
    assert_true(c.tie_word_embeddings);
    assert_int_equal(c.pad_token_id, 0);
    assert_int_equal(c.eos_token_id, 1);
    assert_int_equal(c.decoder_start_token_id, -1);
}

static void test_feed_forward_names_give_activation_and_gate(void **state) {
    static const struct {
        const char *name;
        enum fb_activation activation;
        bool gated;
    } cases[] = {{"relu", FB_RELU, false},
                 {"gated-gelu", FB_GELU_TANH, true},
                 {"gated-silu", FB_SILU, true},
                 {"gelu", FB_GELU_ERF, false},
                 {"gated-gelu_new", FB_GELU_TANH, true},
                 {"gelu_new", FB_GELU_TANH, false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_t5_config c;
        struct fb_err err = {0};
        char text[64];
        snprintf(text, sizeof text, "{\"feed_forward_proj\": \"%s\"}", cases[i].name);
        assert_int_equal(read_text(&c, text, &err), FB_OK);
        assert_int_equal(c.activation, cases[i].activation);
        assert_int_equal(c.gated, cases[i].gated);
    }
}

static void test_what_is_wrong_or_not_supported_is_named(void **state) {
    static const struct {
        const char *text;
        int code;
        const char *message;
    } cases[] = {
        {"[]", FB_EFORMAT, "a model configuration must be a mapping, found a list"},
        {"{\"model_type\": \"gpt2\"}", FB_EUNSUPPORTED, "model_type is 'gpt2', expected 't5'"},
        {"{\"quantization_config\": {}}", FB_EUNSUPPORTED, "quantization_config is not supported"},
        {"{\"is_encoder_decoder\": false}", FB_EUNSUPPORTED,
         "is_encoder_decoder false is not supported"},
        {"{\"tie_encoder_decoder\": true}", FB_EUNSUPPORTED,
         "tie_encoder_decoder is not supported"},
        {"{\"d_kv\": 0}", FB_EFORMAT, "config.json: 'd_kv' is 0, expected 1 to 16384"},
        {"{\"d_kv\": 1.5}", FB_EFORMAT, "config.json: 'd_kv' is a number, expected a whole number"},
        {"{\"feed_forward_proj\": 3}", FB_EFORMAT,
         "config.json: 'feed_forward_proj' is an integer, expected a name"},
        {"{\"feed_forward_proj\": \"gated-mish\"}", FB_EUNSUPPORTED,
         "config.json: feed_forward_proj 'mish' is not supported; known are gelu_new, "
         "gelu_pytorch_tanh, gelu_fast, gelu, gelu_python, relu, silu, swish, tanh"},
        {"{\"relative_attention_max_distance\": 16}", FB_EFORMAT,
         "relative_attention_max_distance is 16, must be more than half of the 32 "
         "relative_attention_num_buckets"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_t5_config c;
        struct fb_err err = {0};
        assert_int_equal(read_text(&c, cases[i].text, &err), cases[i].code);
        assert_string_equal(err.msg, cases[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_keys_have_the_defaults_of_transformers),
        cmocka_unit_test(test_feed_forward_names_give_activation_and_gate),
        cmocka_unit_test(test_what_is_wrong_or_not_supported_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
