#include "golden_train.h"

#include "base/interrupt.h"
#include "base/map.h"
#include "scratch.h"
#include "train/trainer.h"

#include <omp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 16 };

/* One training of a golden model. */
struct scene {
    struct golden g;
    struct fb_learner l;
    struct fb_checkpoint files;
    struct fb_trainer t;
    char folder[600];
    struct fb_epoch line[LINES];
    int lines;
    int signal_at; /* line after which a signal comes; 0: never */
    struct fb_learner_type type;
};

static void keep(void *self, const struct fb_epoch *line) {
    struct scene *s = self;

    assert_true(s->lines < LINES);
    s->line[s->lines++] = *line;
    if (s->signal_at == s->lines) raise(SIGTERM);
}

/* A signal while the second step, in the middle of an epoch, is taken. */
static int refresh_and_raise(struct fb_learner *l, struct fb_err *err) {
    if (l->params.step == 2) raise(SIGTERM);
    return (l->gpt2.n_embd ? &fb_learner_gpt2 : &fb_learner_t5)->refresh(l, err);
}

static struct fb_recipe recipe(void) {
    return (struct fb_recipe){.rule = {0.9, 0.999, 1e-8, 0.01, 1.0},
                              .learning_rate = 1e-2,
                              .epochs = 3,
                              .max_steps = -1,
                              .batch = 4,
                              .accumulation = 1,
                              .seed = 42,
                              .shuffle = true};
}

/* The golden sequences are both what is learnt and what is measured with. */
static void open_scene(struct scene *s, const char *name, const char *folder) {
    struct fb_err err = {0};
    struct fb_node *settings;

    *s = (struct scene){0};
    golden_open(&s->g, name);
    golden_learner_with(&s->l, &s->g, 0.1);
    settings = fb_node_map(&s->g.arena, (struct fb_place){0}, &err);
    assert_int_equal(fb_node_set_real(&s->g.arena, settings, "learning_rate", 0.01, &err), FB_OK);
    s->files.config = fb_node_get(s->g.json, "config");
    s->files.adapter = fb_node_get(s->g.json, "adapter_config");
    snprintf(s->folder, sizeof s->folder, "%s", scratch_path(folder));
    s->t = (struct fb_trainer){.recipe = recipe(),
                               .learner = &s->l,
                               .train = &s->g.corpus,
                               .eval = &s->g.corpus,
                               .files = &s->files,
                               .output_dir = s->folder,
                               .settings = settings,
                               .arena = &s->g.arena,
                               .report = keep,
                               .self = s};
}

static void close_scene(struct scene *s) {
    fb_trainer_end(&s->t);
    fb_learner_free(&s->l);
    golden_close(&s->g);
}

static int run(struct scene *s, struct fb_err *err) {
    return fb_trainer_begin(&s->t, NULL, err) ? err->code : fb_trainer_run(&s->t, err);
}

static int go_on(struct scene *s, const char *from, struct fb_err *err) {
    struct fb_node *state;

    if (fb_checkpoint_state(&state, from, &s->g.arena, err) ||
        fb_trainer_begin(&s->t, state, err) || fb_checkpoint_read(&s->l, from, s->t.step, err))
        return err->code;
    return fb_trainer_run(&s->t, err);
}

static void assert_same_file(const struct scene *a, const struct scene *b, const char *name) {
    struct fb_err err = {0};
    struct fb_map x, y;
    char path[700];

    snprintf(path, sizeof path, "%s/%s", a->folder, name);
    assert_int_equal(fb_map_open(&x, path, &err), FB_OK);
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    assert_int_equal(fb_map_open(&y, path, &err), FB_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    fb_map_close(&x);
    fb_map_close(&y);
}

/* Ten rows in batches of four are three batches, so nine steps; two and a half epochs are eight. */
static void test_steps_are_counted_as_trainer_does(void **state) {
    static const struct {
        double epochs;
        int64_t max_steps, accumulation, steps, lines;
    } cases[] = {
        {3, -1, 1, 9, 3}, {2.5, -1, 1, 8, 3}, {3, 5, 1, 5, 2},
        {3, -1, 2, 3, 2}, /* 3 // 2 = 1 step each: six of nine batches, two epochs */
        {3, -1, 7, 3, 3}, /* a step takes all batches of an epoch */
    };

    (void)state;
    scratch_make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        struct fb_err err = {0};
        open_scene(&s, "gpt2_full", "out");
        s.t.recipe.epochs = cases[i].epochs;
        s.t.recipe.max_steps = cases[i].max_steps;
        s.t.recipe.accumulation = cases[i].accumulation;
        assert_int_equal(run(&s, &err), FB_OK);
        assert_int_equal(s.t.steps, cases[i].steps);
        assert_int_equal(s.t.step, cases[i].steps);
        assert_int_equal(s.lines, cases[i].lines);
        assert_int_equal(s.line[s.lines - 1].step, cases[i].steps);
        close_scene(&s);
    }
    scratch_remove();
}

static void test_the_best_model_is_kept_beside_the_last_one(void **state) {
    static const char *const names[] = {"gpt2_full", "gpt2_language", "t5_lora"};

    (void)state;
    scratch_make();
    for (int i = 0; i < 3; i++) {
        struct scene s;
        struct fb_err err = {0};
        char path[700];
        double best = -INFINITY;
        int64_t step = 0;
        open_scene(&s, names[i], names[i]);
        assert_int_equal(run(&s, &err), FB_OK);
        for (int k = 0; k < s.lines; k++) {
            double score = i == 1 ? -s.line[k].eval_loss : s.line[k].score;
            assert_true(s.line[k].loss > 0 && s.line[k].eval_loss > 0);
            assert_int_equal(s.line[k].best, score > best);
            assert_true(s.line[k].score == (double)s.line[k].right / (double)s.line[k].total);
            if (score > best) best = score, step = s.line[k].step;
        }
        assert_int_equal(s.t.best_step, step);
        snprintf(path, sizeof path, "%s/best/%s", s.folder,
                 i == 2 ? "adapter_model.safetensors" : "model.safetensors");
        assert_true(fb_is_file(path));
        snprintf(path, sizeof path, "%s/best/optimizer.safetensors", s.folder);
        assert_false(fb_is_file(path));
        close_scene(&s);
    }
    scratch_remove();
}

static void test_without_rows_to_measure_with_there_is_no_best(void **state) {
    struct scene s;
    struct fb_err err = {0};
    char path[700];

    (void)state;
    scratch_make();
    open_scene(&s, "gpt2_full", "out");
    s.t.eval = NULL;
    assert_int_equal(run(&s, &err), FB_OK);
    assert_int_equal(s.lines, 3);
    assert_true(isnan(s.line[2].score) && isnan(s.line[2].eval_loss) && s.line[2].loss > 0);
    snprintf(path, sizeof path, "%s/best", s.folder);
    assert_false(fb_is_dir(path));
    assert_int_equal(s.t.best_step, 0);
    close_scene(&s);
    scratch_remove();
}

/* Whether a training in a process of its own is interrupted at that step; a signal marks the whole
 * process. */
static bool is_interrupted(const char *name, int step) {
    struct scene part;
    struct fb_err err = {0};
    char want[100];
    pid_t child;
    int status;

    fflush(stdout);
    if ((child = fork())) return waitpid(child, &status, 0) == child && status == 0;
    fb_interrupt_install();
    open_scene(&part, name, "part");
    part.t.recipe.logging_steps = 2;
    if (step == 3) part.signal_at = 1;
    part.type = *part.l.type;
    part.type.refresh = refresh_and_raise;
    if (step == 2) part.l.type = &part.type;
    snprintf(want, sizeof want,
             "interrupted at step %d of 9, which was saved; the same command with "
             "--resume-from-checkpoint ",
             step);
    _exit(run(&part, &err) == FB_EINTERRUPTED && part.t.step == step && strstr(err.msg, want) ? 0
                                                                                              : 1);
}

/* A training that is taken up again ends as one that was never interrupted: state, averages and
 * values, to the last bit. */
static void interrupted_training_ends_the_same(const char *name, int step) {
    struct scene whole, part;
    struct fb_err err = {0};
    char last[700];

    omp_set_num_threads(1); /* a process made by fork has no other threads */
    scratch_make();
    open_scene(&whole, name, "whole");
    whole.t.recipe.logging_steps = 2;
    assert_int_equal(run(&whole, &err), FB_OK);
    assert_true(is_interrupted(name, step));
    open_scene(&part, name, "part");
    part.t.recipe.logging_steps = 2;
    snprintf(last, sizeof last, "%s/last", part.folder);
    assert_int_equal(go_on(&part, last, &err), FB_OK);
    assert_int_equal(part.lines, step == 2 ? 3 : 2);
    assert_same_file(&whole, &part, "last/optimizer.safetensors");
    assert_same_file(&whole, &part, "last/trainer_state.json");
    assert_same_file(&whole, &part,
                     whole.files.adapter ? "last/adapter_model.safetensors"
                                         : "last/model.safetensors");
    close_scene(&whole);
    close_scene(&part);
    scratch_remove();
}

static void test_an_interrupted_training_goes_on_to_the_same_bits(void **state) {
    static const char *const names[] = {"gpt2_full", "gpt2_lora", "t5_full"};

    (void)state;
    for (int i = 0; i < 3; i++)
        for (int step = 2; step <= 3; step++)
            interrupted_training_ends_the_same(names[i], step);
}

/* A file stands where the folder would be. */
static void test_an_interrupted_training_that_cannot_be_saved_says_so(void **state) {
    struct scene s;
    struct fb_err err = {0};
    pid_t child;
    int status;

    (void)state;
    omp_set_num_threads(1);
    scratch_make();
    scratch_write("file", "x");
    fflush(stdout);
    if (!(child = fork())) {
        fb_interrupt_install();
        open_scene(&s, "gpt2_full", "file");
        s.type = *s.l.type;
        s.type.refresh = refresh_and_raise;
        s.l.type = &s.type;
        _exit(run(&s, &err) == FB_EIO &&
                      strstr(err.msg, "interrupted at step 2 of 9, which could not be saved: "
                                      "checkpoint '") == err.msg
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    scratch_remove();
}

/* save_steps changes what is on the disk meanwhile, and nothing else. */
static void test_checkpoints_on_the_way_change_nothing(void **state) {
    struct scene whole, part;
    struct fb_err err = {0};

    (void)state;
    scratch_make();
    open_scene(&whole, "gpt2_full", "whole");
    assert_int_equal(run(&whole, &err), FB_OK);
    open_scene(&part, "gpt2_full", "part");
    part.t.recipe.save_steps = 1;
    assert_int_equal(run(&part, &err), FB_OK);
    assert_same_file(&whole, &part, "last/optimizer.safetensors");
    assert_same_file(&whole, &part, "last/model.safetensors");
    close_scene(&whole);
    close_scene(&part);
    scratch_remove();
}

/* Zero epochs: the model as it is, measured and written. */
static void test_no_epochs_leave_the_model_as_it_is(void **state) {
    struct scene s;
    struct fb_err err = {0};
    char path[700];
    float before;

    (void)state;
    scratch_make();
    open_scene(&s, "gpt2_full", "out");
    before = s.l.params.item[0].value[0];
    s.t.recipe.epochs = 0;
    assert_int_equal(run(&s, &err), FB_OK);
    assert_int_equal(s.lines, 1);
    assert_int_equal(s.line[0].step, 0);
    assert_true(s.line[0].eval_loss > 0 && isnan(s.line[0].loss) && !s.line[0].best);
    assert_true(s.l.params.item[0].value[0] == before);
    snprintf(path, sizeof path, "%s/last/model.safetensors", s.folder);
    assert_true(fb_is_file(path));
    close_scene(&s);
    scratch_remove();
}

static void test_other_settings_are_refused(void **state) {
    struct scene s;
    struct fb_err err = {0};
    struct fb_node *settings, *at;
    char last[700];

    (void)state;
    scratch_make();
    open_scene(&s, "gpt2_full", "out");
    assert_int_equal(run(&s, &err), FB_OK);
    snprintf(last, sizeof last, "%s/last", s.folder);
    close_scene(&s);
    open_scene(&s, "gpt2_full", "out");
    settings = fb_node_map(&s.g.arena, (struct fb_place){0}, &err);
    assert_int_equal(fb_node_set_real(&s.g.arena, settings, "learning_rate", 0.5, &err), FB_OK);
    s.t.settings = settings;
    assert_int_equal(go_on(&s, last, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "learning_rate is 0.5, but was 0.01 when the checkpoint was made; "
                                 "a training goes on as it began");
    close_scene(&s);
    open_scene(&s, "gpt2_full", "out");
    assert_int_equal(fb_checkpoint_state(&at, last, &s.g.arena, &err), FB_OK);
    assert_int_equal(fb_node_set_int(&s.g.arena, at, "global_step", 10, &err), FB_OK);
    assert_int_equal(fb_trainer_begin(&s.t, at, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "trainer_state.json is not that of a training here");
    close_scene(&s);
    scratch_remove();
}

/* A rate of 1e30 makes values that no longer are numbers. */
static void test_a_training_that_diverges_says_where(void **state) {
    struct scene s;
    struct fb_err err = {0};

    (void)state;
    scratch_make();
    open_scene(&s, "gpt2_full", "out");
    s.t.recipe.learning_rate = 1e30;
    s.t.recipe.scheduler = FB_SCHEDULE_CONSTANT;
    assert_int_equal(run(&s, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "step 2: the norm of the gradients is not a number: training has "
                                 "diverged (a smaller learning rate or longer warm-up may help)");
    close_scene(&s);
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_interrupted_training_goes_on_to_the_same_bits),
        cmocka_unit_test(test_an_interrupted_training_that_cannot_be_saved_says_so),
        cmocka_unit_test(test_checkpoints_on_the_way_change_nothing),
        cmocka_unit_test(test_steps_are_counted_as_trainer_does),
        cmocka_unit_test(test_the_best_model_is_kept_beside_the_last_one),
        cmocka_unit_test(test_without_rows_to_measure_with_there_is_no_best),
        cmocka_unit_test(test_no_epochs_leave_the_model_as_it_is),
        cmocka_unit_test(test_other_settings_are_refused),
        cmocka_unit_test(test_a_training_that_diverges_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
