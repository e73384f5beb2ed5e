#include "config/choices.h"

#include "config/given.h"

struct split {
    struct fb_arena a;
    struct fb_err err;
    struct fb_sources sources;
    struct fb_choices choices;
};

/* Splits up to eight overrides over the groups of a folder. */
static int split(struct split *s, const char *folder, const char *const *texts) {
    struct fb_override *o = NULL;
    int64_t count = 0;

    memset(s, 0, sizeof *s);
    fb_sources_init(&s->sources, &s->a);
    if (fb_sources_add(&s->sources, "main", folder, "", &s->err)) fail_msg("%s", s->err.msg);
    assert_non_null(o = fb_arena_calloc(&s->a, 8, sizeof *o, &s->err));
    for (; texts[count]; count++)
        o[count] = given_override(&s->a, texts[count]);
    return fb_choices_init(&s->choices, &s->sources, o, count, &s->a, &s->err);
}

#define BASIC      FB_GOLDEN_DIR "/compose/trees/basic"
#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_groups_choose_and_the_rest_changes_values(void **state) {
    struct split s;

    (void)state;
    assert_int_equal(split(&s, BASIC,
                           TEXTS("db=mysql", "name=x", "db=postgres", "+extra@e=one", "~server",
                                 "db={a: 1}", "count=1,2", "server@x=[a,b]")),
                     FB_OK);
    assert_string_equal(s.choices.chosen->key, "db");
    assert_string_equal(s.choices.chosen->value, "postgres"); /* the last one counts */
    assert_string_equal(s.choices.chosen->next->key, "server@x");
    assert_int_equal(s.choices.chosen->next->options->count, 2);
    assert_null(s.choices.chosen->next->next);
    assert_string_equal(s.choices.deleted->key, "server");
    assert_int_equal(s.choices.appended, 1);
    assert_string_equal(s.choices.append[0].package, "e");
    assert_int_equal(s.choices.value_count, 2); /* a mapping is no option; a sweep is passed over */
    assert_string_equal(s.choices.values[1]->text, "db={a: 1}");
    fb_arena_free(&s.a);
}

static void assert_refused(const char *text, const char *message) {
    struct split s;

    assert_int_equal(split(&s, BASIC, TEXTS(text)), FB_ECONFIG);
    assert_string_equal(s.err.msg, message);
    fb_arena_free(&s.a);
}

static void test_what_cannot_be_an_option_is_refused_with_the_options(void **state) {
    (void)state;
    assert_refused(
        "db=null",
        "override 'db=null': the option of group 'db' cannot be null; write ~db to leave "
        "the group out, or choose one of: mysql, postgres");
    assert_refused("db=5", "override 'db=5': the option of group 'db' must be a name or a list of "
                           "names, found integer; choose one of: mysql, postgres");
    assert_refused("++db=mysql", "override '++db=mysql': '++' is not for config groups; write "
                                 "db=... to choose an option or +db=... to add the group");
    assert_refused("~db=5", "override '~db=5': the option to delete must be a name, found integer");
}

/* The one kindness beyond Hydra, and only for this group. */
static void test_a_null_task_pool_is_left_out(void **state) {
    struct split s;

    (void)state;
    assert_int_equal(split(&s, "embedded:config", TEXTS("taskpool=null")), FB_OK);
    assert_string_equal(s.choices.deleted->key, "taskpool");
    assert_null(s.choices.deleted->value);
    assert_null(s.choices.chosen);
    fb_arena_free(&s.a);
    assert_int_equal(split(&s, "embedded:config", TEXTS("method=null")), FB_ECONFIG);
    fb_arena_free(&s.a);
    assert_int_equal(split(&s, "embedded:config", TEXTS("+taskpool=null")), FB_ECONFIG);
    fb_arena_free(&s.a);
    assert_int_equal(split(&s, "embedded:config", TEXTS("taskpool@x=null")), FB_ECONFIG);
    fb_arena_free(&s.a);
}

static struct fb_default entry(struct fb_arena *a, const char *group, const char *option) {
    struct fb_default d = {.is_group = true, .path = group, .value = option};
    struct fb_err err = {0};

    assert_int_equal(fb_default_set_parent(&d, "", "", a, &err), FB_OK);
    return d;
}

static void test_choices_replace_options_and_deletions_mark_entries(void **state) {
    struct split s;
    struct fb_default d;

    (void)state;
    assert_int_equal(split(&s, BASIC, TEXTS("db=postgres", "~server=nginx")), FB_OK);
    d = entry(&s.a, "db", "mysql");
    assert_int_equal(fb_choices_apply(&s.choices, &d, &s.err), FB_OK);
    assert_string_equal(d.value, "postgres");
    d = entry(&s.a, "server", "apache");
    assert_int_equal(fb_choices_delete(&s.choices, &d, &s.err), FB_OK);
    assert_false(d.deleted);
    assert_int_equal(fb_choices_check_used(&s.choices, &s.err), FB_ECONFIG);
    assert_string_equal(s.err.msg,
                        "could not delete 'server=nginx': no match in the defaults list");
    d = entry(&s.a, "server", "nginx");
    assert_int_equal(fb_choices_delete(&s.choices, &d, &s.err), FB_OK);
    assert_true(d.deleted);
    assert_int_equal(fb_choices_check_used(&s.choices, &s.err), FB_OK);
    fb_arena_free(&s.a);
}

static void test_a_choice_that_met_nothing_says_what_there_is(void **state) {
    struct split s;
    struct fb_default d;

    (void)state;
    assert_int_equal(split(&s, BASIC, TEXTS("db@x=postgres")), FB_OK);
    assert_int_equal(fb_choices_check_used(&s.choices, &s.err), FB_ECONFIG);
    assert_string_equal(s.err.msg, "could not override 'db@x': no match in the defaults list\n"
                                   "To append to the defaults list use +db@x=postgres");
    d = entry(&s.a, "db", "mysql");
    assert_int_equal(fb_choices_note(&s.choices, &d, &s.err), FB_OK);
    assert_int_equal(fb_choices_check_used(&s.choices, &s.err), FB_ECONFIG);
    assert_string_equal(s.err.msg, "could not override 'db@x'; did you mean to override db?\n"
                                   "To append to the defaults list use +db@x=postgres");
    fb_arena_free(&s.a);
}

static void test_a_group_has_one_option(void **state) {
    struct split s;
    struct fb_default d, other;

    (void)state;
    assert_int_equal(split(&s, BASIC, TEXTS("name=x")), FB_OK);
    d = entry(&s.a, "db", "mysql");
    other = entry(&s.a, "db", "postgres");
    assert_int_equal(fb_choices_note(&s.choices, &d, &s.err), FB_OK);
    assert_int_equal(fb_choices_note(&s.choices, &d, &s.err), FB_OK);
    assert_int_equal(fb_choices_note(&s.choices, &other, &s.err), FB_ECONFIG);
    assert_string_equal(s.err.msg, "group 'db' is given twice, as 'mysql' and as 'postgres'; to "
                                   "change it in a defaults list write 'override db: mysql'");
    s.choices.known->external = true;
    assert_int_equal(fb_choices_note(&s.choices, &other, &s.err), FB_ECONFIG);
    assert_string_equal(s.err.msg, "group 'db' is in the defaults list already, as 'postgres'; "
                                   "write db=mysql without '+' to choose another option");
    fb_arena_free(&s.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_choose_and_the_rest_changes_values),
        cmocka_unit_test(test_what_cannot_be_an_option_is_refused_with_the_options),
        cmocka_unit_test(test_a_null_task_pool_is_left_out),
        cmocka_unit_test(test_choices_replace_options_and_deletions_mark_entries),
        cmocka_unit_test(test_a_choice_that_met_nothing_says_what_there_is),
        cmocka_unit_test(test_a_group_has_one_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
