#include "golden_train.h"

#include "alloc_faults.h"
#include "base/map.h"
#include "scratch.h"
#include "train/checkpoint.h"

/* A learner that has taken two steps, and what is written of it. */
struct scene {
    struct golden g;
    struct fb_learner l;
    struct fb_checkpoint files;
    struct fb_node *state;
    char folder[600];
};

static const struct fb_classes moods = {2, (const char *const[]){"calm", "sad"}};

static void learn(struct fb_learner *l, const struct golden *g, int64_t from, int64_t to) {
    struct recipe r = golden_recipe(g);
    double norm;

    for (int64_t at = from; at < to; at++)
        golden_step(l, g, &r, at, &norm);
}

static void open_scene(struct scene *s, const char *name) {
    struct fb_err err = {0};

    golden_open(&s->g, name);
    golden_learner(&s->l, &s->g);
    s->files =
        (struct fb_checkpoint){.config = fb_checkpoint_config(fb_node_get(s->g.json, "config"),
                                                              &s->l, &moods, 39, &s->g.arena, &err),
                               .adapter = fb_node_get(s->g.json, "adapter_config"),
                               .tokenizer = "embedded:demo/gpt2/tokenizer"};
    assert_non_null(s->files.config);
    s->state = fb_node_map(&s->g.arena, (struct fb_place){0}, &err);
    assert_int_equal(fb_node_set_int(&s->g.arena, s->state, "global_step", 2, &err), FB_OK);
    snprintf(s->folder, sizeof s->folder, "%s/last", scratch_make());
}

static void close_scene(struct scene *s) {
    fb_learner_free(&s->l);
    golden_close(&s->g);
    scratch_remove();
}

static void assert_tensor(const char *folder, const char *file, const char *name,
                          const float *values, int64_t count) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    const struct fb_entry *e;
    char path[700];

    snprintf(path, sizeof path, "%s/%s", folder, file);
    assert_int_equal(fb_ckpt_open(&ckpt, path, &err), FB_OK);
    if (!(e = fb_ckpt_find(ckpt, name))) fail_msg("no tensor '%s'", name);
    assert_int_equal(e->numel, count);
    assert_memory_equal(e->data, values, e->size);
    fb_ckpt_close(ckpt);
}

static void assert_value(struct scene *s, const char *file, const char *name, const char *key) {
    int64_t count;
    const float *values = fb_learner_values(&s->l, key, &count);

    assert_non_null(values);
    assert_tensor(s->folder, file, name, values, count);
}

static void test_names_are_those_of_transformers_and_peft(void **state) {
    struct scene s;
    struct fb_err err = {0};

    (void)state;
    open_scene(&s, "gpt2_full");
    assert_int_equal(fb_checkpoint_write(&s.files, &s.l, s.folder, s.state, true, &err), FB_OK);
    assert_value(&s, "model.safetensors", "transformer.wte.weight", "wte.weight");
    assert_value(&s, "model.safetensors", "transformer.h.1.attn.c_attn.bias",
                 "h.1.attn.c_attn.bias");
    assert_value(&s, "model.safetensors", "score.weight", "score.weight");
    close_scene(&s);

    open_scene(&s, "gpt2_lora");
    assert_int_equal(fb_checkpoint_write(&s.files, &s.l, s.folder, s.state, true, &err), FB_OK);
    assert_value(&s, "adapter_model.safetensors",
                 "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight",
                 "h.0.attn.c_attn.lora_A.weight");
    assert_value(&s, "adapter_model.safetensors", "base_model.model.score.weight", "score.weight");
    close_scene(&s);

    open_scene(&s, "t5_full");
    assert_int_equal(fb_checkpoint_write(&s.files, &s.l, s.folder, s.state, true, &err), FB_OK);
    assert_value(&s, "model.safetensors", "shared.weight", "shared.weight");
    assert_value(&s, "model.safetensors", "lm_head.weight", "lm_head.weight");
    close_scene(&s);
}

static void test_what_stands_beside_the_model_is_copied(void **state) {
    struct scene s;
    struct fb_err err = {0};
    char path[700];

    (void)state;
    open_scene(&s, "t5_full");
    scratch_write("base/generation_config.json", "{\"eos_token_id\": 1}");
    s.files.generation = scratch_path("base");
    assert_int_equal(fb_checkpoint_write(&s.files, &s.l, s.folder, s.state, false, &err), FB_OK);
    snprintf(path, sizeof path, "%s/generation_config.json", s.folder);
    assert_true(fb_is_file(path));
    snprintf(path, sizeof path, "%s/vocab.json", s.folder);
    assert_true(fb_is_file(path));
    snprintf(path, sizeof path, "%s/optimizer.safetensors", s.folder);
    assert_false(fb_is_file(path));
    close_scene(&s);
}

/* A classifier says what its classes are called; num_labels, which says the same, goes. */
static void test_a_configuration_tells_what_was_learnt(void **state) {
    static const char text[] = "{\"n_layer\": 1, \"num_labels\": 2, \"architectures\": [\"X\"]}";
    static const char want[] =
        "{\"n_layer\": 1, \"architectures\": [\"GPT2ForSequenceClassification\"], \"model_type\": "
        "\"gpt2\", \"torch_dtype\": \"float32\", \"id2label\": {\"0\": \"calm\", \"1\": \"sad\"}, "
        "\"label2id\": {\"calm\": 0, \"sad\": 1}, \"problem_type\": "
        "\"single_label_classification\", \"pad_token_id\": 7}";
    struct fb_learner l = {.type = &fb_learner_gpt2};
    const struct fb_classes numbers = {1, NULL};
    struct fb_arena arena = {0};
    struct fb_str out = {0};
    struct fb_err err = {0};
    struct fb_node *json, *config;

    (void)state;
    assert_int_equal(fb_json_parse(&json, &arena, text, strlen(text), "x", &err), FB_OK);
    assert_non_null(config = fb_checkpoint_config(json, &l, &moods, 7, &arena, &err));
    assert_int_equal(fb_json_print(&out, config, &err), FB_OK);
    assert_string_equal(out.data, want);
    assert_non_null(config = fb_checkpoint_config(json, &l, &numbers, 7, &arena, &err));
    assert_string_equal(fb_node_at(config, "id2label.0")->text, "LABEL_0");
    l.objective = FB_LANGUAGE_MODEL;
    assert_non_null(config = fb_checkpoint_config(json, &l, &moods, 7, &arena, &err));
    assert_string_equal(fb_node_at(config, "architectures.0")->text, "GPT2LMHeadModel");
    assert_null(fb_node_get(config, "id2label"));
    fb_str_free(&out);
    fb_arena_free(&arena);
}

static void assert_same_parameters(const struct fb_learner *a, const struct fb_learner *b) {
    assert_int_equal(a->params.step, b->params.step);
    for (int64_t i = 0; i < a->params.names.count; i++) {
        const struct fb_param *p = &a->params.item[i], *q = &b->params.item[i];
        size_t size = (size_t)p->count * sizeof(float);
        assert_memory_equal(p->value, q->value, size);
        assert_memory_equal(p->exp_avg, q->exp_avg, size);
        assert_memory_equal(p->exp_avg_sq, q->exp_avg_sq, size);
    }
}

/* Two steps, a checkpoint, two more; against a new learner that goes on from the checkpoint. */
static void test_learning_goes_on_to_the_same_bits(void **state) {
    static const char *const names[] = {"gpt2_full", "gpt2_lora", "gpt2_language", "t5_tied",
                                        "t5_lora"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct scene s;
        struct fb_learner other;
        struct fb_node *read;
        struct fb_err err = {0};
        open_scene(&s, names[i]);
        learn(&s.l, &s.g, 0, 2);
        assert_int_equal(fb_checkpoint_write(&s.files, &s.l, s.folder, s.state, true, &err), FB_OK);
        learn(&s.l, &s.g, 2, 4);
        golden_learner(&other, &s.g);
        assert_int_equal(fb_checkpoint_state(&read, s.folder, &s.g.arena, &err), FB_OK);
        assert_int_equal(fb_node_get(read, "global_step")->value.integer, 2);
        assert_int_equal(fb_checkpoint_read(&other, s.folder, 2, &err), FB_OK);
        learn(&other, &s.g, 2, 4);
        assert_same_parameters(&s.l, &other);
        fb_learner_free(&other);
        close_scene(&s);
    }
}

static void test_what_a_folder_lacks_is_named(void **state) {
    struct scene s, other;
    struct fb_node *read;
    struct fb_err err = {0};
    char want[1500];

    (void)state;
    open_scene(&s, "gpt2_full");
    assert_int_equal(fb_checkpoint_state(&read, s.folder, &s.g.arena, &err), FB_ENOTFOUND);
    snprintf(want, sizeof want,
             "'%s' is not a checkpoint of a training: it has no trainer_state.json", s.folder);
    assert_string_equal(err.msg, want);
    assert_int_equal(fb_checkpoint_write(&s.files, &s.l, s.folder, s.state, false, &err), FB_OK);
    assert_int_equal(fb_checkpoint_read(&s.l, s.folder, 2, &err), FB_ENOTFOUND);
    snprintf(want, sizeof want, "checkpoint '%s': ", s.folder);
    assert_memory_equal(err.msg, want, strlen(want));
    assert_non_null(strstr(err.msg, "optimizer.safetensors"));

    golden_open(&other.g, "gpt2_accumulated"); /* three classes */
    golden_learner(&other.l, &other.g);
    assert_int_equal(fb_checkpoint_read(&other.l, s.folder, 2, &err), FB_EMISMATCH);
    snprintf(want, sizeof want,
             "checkpoint '%s': tensor 'score.weight' holds 32 values of F32, expected 48 of F32",
             s.folder);
    assert_string_equal(err.msg, want);
    fb_learner_free(&other.l);
    golden_close(&other.g);

    golden_open(&other.g, "t5_full");
    golden_learner(&other.l, &other.g);
    assert_int_equal(fb_checkpoint_read(&other.l, s.folder, 2, &err), FB_ENOTFOUND);
    snprintf(want, sizeof want, "checkpoint '%s': no tensor 'shared.weight'", s.folder);
    assert_string_equal(err.msg, want);
    fb_learner_free(&other.l);
    golden_close(&other.g);
    close_scene(&s);
}

static int write_and_read(void *arg) {
    struct scene *s = arg;
    struct fb_err err = {0};
    struct fb_arena arena = {0};
    struct fb_node *read;
    int rc = fb_checkpoint_write(&s->files, &s->l, s->folder, s->state, true, &err);

    if (!rc) rc = fb_checkpoint_state(&read, s->folder, &arena, &err);
    if (!rc) rc = fb_checkpoint_read(&s->l, s->folder, 2, &err);
    fb_arena_free(&arena);
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    struct scene s;

    (void)state;
    open_scene(&s, "gpt2_lora");
    assert_true(for_each_allocation_failure(write_and_read, &s, 5000) > 50);
    close_scene(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_those_of_transformers_and_peft),
        cmocka_unit_test(test_what_stands_beside_the_model_is_copied),
        cmocka_unit_test(test_a_configuration_tells_what_was_learnt),
        cmocka_unit_test(test_learning_goes_on_to_the_same_bits),
        cmocka_unit_test(test_what_a_folder_lacks_is_named),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
