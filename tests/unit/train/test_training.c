#include "train/training.h"

#include "base/map.h"
#include "scratch.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The defaults of the command, for the demo model. */
static struct fb_training_options defaults(const char *output) {
    return (struct fb_training_options){.model = "embedded:demo/gpt2/_pretrained_",
                                        .tokenizer = "embedded:demo/gpt2/tokenizer",
                                        .output_dir = output,
                                        .objective = "auto",
                                        .task = "sst2",
                                        .data_dir = "embedded:demo/data",
                                        .max_train_samples = 64,
                                        .max_eval_samples = 32,
                                        .max_length = 512,
                                        .max_target_length = 128,
                                        .learning_rate = 1e-3,
                                        .num_train_epochs = 2,
                                        .adam_beta1 = 0.9,
                                        .adam_beta2 = 0.999,
                                        .adam_epsilon = 1e-8,
                                        .max_grad_norm = 1,
                                        .dropout = 0.1,
                                        .lr_scheduler_type = "linear",
                                        .max_steps = -1,
                                        .per_device_train_batch_size = 8,
                                        .gradient_accumulation_steps = 1,
                                        .seed = 42,
                                        .shuffle = true,
                                        .lora_alpha = 8};
}

static void report(void *self, const struct fb_epoch *line) {
    struct fb_epoch *last = self;

    *last = *line;
}

static int run(const struct fb_training_options *o, struct fb_epoch *last,
               struct fb_training_result *result, struct fb_err *err) {
    struct fb_arena arena = {0};
    struct fb_training how = {.options = o, .arena = &arena, .report = report, .self = last};
    int rc;

    how.settings = fb_node_map(&arena, (struct fb_place){0}, err);
    assert_non_null(how.settings);
    rc = fb_training_run(&how, result, err);
    fb_arena_free(&arena);
    return rc;
}

static void assert_same_file(const char *a, const char *b) {
    struct fb_err err = {0};
    struct fb_map x, y;

    assert_int_equal(fb_map_open(&x, a, &err), FB_OK);
    assert_int_equal(fb_map_open(&y, b, &err), FB_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    fb_map_close(&x);
    fb_map_close(&y);
}

static void test_an_expert_is_made_of_the_same_bits_with_any_number_of_threads(void **state) {
    (void)state;
    scratch_make();
    for (int threads = 1; threads <= 4; threads *= 2) {
        struct fb_training_options o = defaults(scratch_path(threads == 1 ? "one/x" : "more/x"));
        struct fb_training_result result;
        struct fb_epoch last = {0};
        struct fb_err err = {0};
        omp_set_num_threads(threads);
        o.overwrite_output_dir = true;
        assert_int_equal(run(&o, &last, &result, &err), FB_OK);
        assert_int_equal(last.step, 16);
        assert_int_equal(last.total, 32);
        assert_true(result.evaluated && result.best_step > 0);
        assert_true(result.memory.activations > 0);
        if (threads == 1) continue;
        assert_same_file(scratch_path("one/x/last/model.safetensors"),
                         scratch_path("more/x/last/model.safetensors"));
        assert_same_file(scratch_path("one/x/last/optimizer.safetensors"),
                         scratch_path("more/x/last/optimizer.safetensors"));
    }
    scratch_remove();
}

/* What is learnt beats what is guessed: two classes, and a base that has seen such text. */
static void test_an_expert_learns(void **state) {
    struct fb_training_options o = defaults(NULL);
    struct fb_training_result result;
    struct fb_epoch last = {0};
    struct fb_err err = {0};

    (void)state;
    scratch_make();
    o.output_dir = scratch_path("out/x");
    o.max_train_samples = o.max_eval_samples = -1;
    o.num_train_epochs = 4;
    o.dropout = 0;
    assert_int_equal(run(&o, &last, &result, &err), FB_OK);
    assert_int_equal(last.total, 320);
    assert_true(last.score > 0.85);
    scratch_remove();
}

static void test_other_data_is_another_training(void **state) {
    struct fb_training_options o;
    struct fb_training_result result;
    struct fb_epoch last = {0};
    struct fb_err err = {0};
    char output[600], from[620];

    (void)state;
    snprintf(output, sizeof output, "%s/out", scratch_make());
    snprintf(from, sizeof from, "%s/last", output);
    o = defaults(output);
    assert_int_equal(run(&o, &last, &result, &err), FB_OK);
    o.resume_from_checkpoint = from;
    assert_int_equal(run(&o, &last, &result, &err), FB_OK); /* nothing is left to do */
    o.max_train_samples = 63;
    assert_int_equal(run(&o, &last, &result, &err), FB_EMISMATCH);
    assert_non_null(strstr(err.msg, "data is \""));
    scratch_remove();
}

static void test_rows_that_teach_nothing_are_refused(void **state) {
    struct fb_training_options o;
    struct fb_training_result result;
    struct fb_epoch last = {0};
    struct fb_err err = {0};
    char want[700];

    (void)state;
    scratch_make();
    o = defaults(scratch_path("out/x"));
    o.task = o.data_dir = NULL;
    o.max_train_samples = -1;
    o.objective = "language-model";
    o.train_file = scratch_write("empty.jsonl", "{\"text\": \"\"}\n{\"text\": \"\"}\n");
    assert_int_equal(run(&o, &last, &result, &err), FB_EFORMAT);
    snprintf(want, sizeof want, "%s: every text is a single token: nothing can be learnt",
             o.train_file);
    assert_string_equal(err.msg, want);
    o.train_file = scratch_write("some.jsonl", "{\"text\": \"The dog sleeps.\"}\n");
    o.block_size = 600;
    assert_int_equal(run(&o, &last, &result, &err), FB_EUSAGE);
    assert_string_equal(err.msg, "--block-size 600: the model has positions for 512 tokens");
    scratch_remove();
}

/* Neither the configuration nor the tokenizer says where a text ends. */
static void test_a_model_without_an_end_token_is_refused(void **state) {
    struct fb_training_options o;
    struct fb_training_result result;
    struct fb_epoch last = {0};
    struct fb_err err = {0};

    (void)state;
    scratch_make();
    o = defaults(scratch_path("out/x"));
    o.model = NULL;
    o.config = scratch_write("config.json", "{\"n_layer\": 1, \"n_head\": 1, \"n_embd\": 4, "
                                            "\"vocab_size\": 2}");
    o.tokenizer = FB_SOURCE_DIR "/tests/seed/t5/base";
    assert_int_equal(run(&o, &last, &result, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "config.json has neither pad_token_id nor eos_token_id, and the "
                                 "tokenizer no <|endoftext|>");
    scratch_remove();
}

static void test_folders_of_others_are_left_alone(void **state) {
    struct fb_training_options o;
    struct fb_training_result result;
    struct fb_epoch last = {0};
    struct fb_err err = {0};
    char output[600], want[700];

    (void)state;
    snprintf(output, sizeof output, "%s/out", scratch_make());
    scratch_write("out/best/precious", "x");
    o = defaults(output);
    o.overwrite_output_dir = true;
    assert_int_equal(run(&o, &last, &result, &err), FB_EIO);
    snprintf(want, sizeof want, "'%s/best' is there and is not a checkpoint of a training", output);
    assert_string_equal(err.msg, want);
    assert_true(fb_is_file(scratch_path("out/best/precious")));
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_expert_is_made_of_the_same_bits_with_any_number_of_threads),
        cmocka_unit_test(test_an_expert_learns),
        cmocka_unit_test(test_other_data_is_another_training),
        cmocka_unit_test(test_a_model_without_an_end_token_is_refused),
        cmocka_unit_test(test_folders_of_others_are_left_alone),
        cmocka_unit_test(test_rows_that_teach_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
