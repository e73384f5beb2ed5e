/* Orders and packages of some hundred trees are compared with Hydra in test_hydra_show.c; here are
 * the steps of one and the words of the refusals. */
#include "config/defaults.h"

#include "config/given.h"

struct built {
    struct fb_arena a;
    struct fb_err err;
    struct fb_sources sources;
    struct fb_choices choices;
    struct fb_defaults defaults;
};

static int build(struct built *b, const char *tree, const char *name, const char *text) {
    struct fb_override *o;

    memset(b, 0, sizeof *b);
    fb_sources_init(&b->sources, &b->a);
    if (fb_sources_add(&b->sources, "hydra", "embedded:config/hydra", "hydra", &b->err) ||
        fb_sources_add(&b->sources, "main", tree, "", &b->err))
        fail_msg("%s", b->err.msg);
    assert_non_null(o = fb_arena_calloc(&b->a, 1, sizeof *o, &b->err));
    if (text) *o = given_override(&b->a, text);
    if (fb_choices_init(&b->choices, &b->sources, o, text ? 1 : 0, &b->a, &b->err))
        return b->err.code;
    return fb_defaults_build(&b->defaults, &b->sources, &b->choices, name, false, &b->a, &b->err);
}

#define TREES FB_GOLDEN_DIR "/compose/trees/"

static void assert_step(const struct fb_step *s, const char *config, const char *package,
                        const char *parent, bool is_self) {
    assert_string_equal(s->config, config);
    assert_string_equal(s->package, package);
    assert_string_equal(s->parent, parent);
    assert_int_equal(s->is_self, is_self);
}

static void test_steps_are_in_the_order_of_merging(void **state) {
    struct built b;
    const struct fb_step *s;

    (void)state;
    if (build(&b, TREES "basic", "config", "server=apache")) fail_msg("%s", b.err.msg);
    s = b.defaults.step;
    assert_string_equal(s->parent, "hydra/config");
    while (fb_starts_with(s->config, "hydra"))
        s++;
    assert_step(s, "db/mysql", "db", "config", false);
    assert_string_equal(s->key, "db");
    assert_step(s + 1, "server/sec/low", "server.sec", "server/apache", false);
    assert_step(s + 2, "server/apache", "server", "config", true);
    assert_step(s + 3, "config", "", "<root>", true);
    assert_true(s[3].primary && !s[2].primary);
    assert_ptr_equal(s + 4, b.defaults.step + b.defaults.count);
    fb_arena_free(&b.a);
}

static void test_without_a_root_config_only_hydra_is_there(void **state) {
    struct built b;

    (void)state;
    if (build(&b, TREES "basic", NULL, NULL)) fail_msg("%s", b.err.msg);
    assert_true(b.defaults.count > 0);
    for (int64_t i = 0; i < b.defaults.count; i++)
        assert_true(fb_starts_with(b.defaults.step[i].config, "hydra/"));
    fb_arena_free(&b.a);
}

static void assert_refused(const char *tree, const char *name, const char *text,
                           const char *message) {
    struct built b;

    assert_true(build(&b, tree, name, text) < 0);
    assert_string_equal(b.err.msg, message);
    fb_arena_free(&b.a);
}

static void test_lists_that_contradict_themselves_are_refused(void **state) {
    (void)state;
    assert_refused(TREES "nested", "over_bad", NULL,
                   "in 'over_bad': 'override e' stands before 'e'; overrides must be at the end of "
                   "the defaults list");
    assert_refused(TREES "nested", "dup_self", NULL, "'dup_self': _self_ appears twice");
    assert_refused(TREES "nested", "twice", NULL,
                   "group 'e' is given twice, as 'abs' and as 'rel'; to change it in a defaults "
                   "list write 'override e: abs'");
    assert_refused(TREES "nested", "over_none", NULL,
                   "in 'over_none': could not override 'b': no match in the defaults list");
    assert_refused(TREES "nested", "cycle", NULL,
                   "defaults lists nested more than 64 deep at 'cycle': does a config include "
                   "itself?");
}

static void test_an_option_that_is_missing_or_unknown_is_asked_for(void **state) {
    (void)state;
    assert_refused(TREES "nested", "missing", NULL,
                   "you must specify 'b', e.g. b=<OPTION>\nAvailable options:\n    one\n    two");
    assert_refused(TREES "nested", "interp_bad", NULL,
                   "cannot resolve '${nope}' in a defaults list; it may refer to: none");
    assert_refused(TREES "basic", "nothing", NULL,
                   "there is no root config 'nothing'\nConfig search path:\n    main: " TREES
                   "basic");
}

static void test_a_slip_in_an_option_gets_a_suggestion(void **state) {
    (void)state;
    assert_refused(TREES "basic", "config", "db=mysqll",
                   "in 'config': could not find 'db/mysqll'; did you mean 'mysql'?\n"
                   "Available options in 'db':\n    mysql\n    postgres\n"
                   "Config search path:\n    main: " TREES "basic");
    assert_refused(TREES "basic", "config", "db=nestd",
                   "in 'config': could not find 'db/nestd'; did you mean 'sub/nested'?\n"
                   "Available options in 'db':\n    mysql\n    postgres\n"
                   "Config search path:\n    main: " TREES "basic");
    assert_refused(TREES "basic", "config", "db=oracle",
                   "in 'config': could not find 'db/oracle'\n"
                   "Available options in 'db':\n    mysql\n    postgres\n"
                   "Config search path:\n    main: " TREES "basic");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_in_the_order_of_merging),
        cmocka_unit_test(test_without_a_root_config_only_hydra_is_there),
        cmocka_unit_test(test_lists_that_contradict_themselves_are_refused),
        cmocka_unit_test(test_an_option_that_is_missing_or_unknown_is_asked_for),
        cmocka_unit_test(test_a_slip_in_an_option_gets_a_suggestion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
