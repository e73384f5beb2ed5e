#include "cli/hydra_show.h"

#include "alloc_faults.h"
#include "config/goldens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A case's arguments behind its tree; --cfg job and the name "config" unless given. */
static int show(struct fb_str *out, const struct fb_node *golden, const struct fb_node *args,
                struct fb_arena *a, struct fb_err *err) {
    char path[512], *argv[64] = {"--config-path", path};
    bool named = false, cfg = false;
    struct fb_flags flags;
    int argc = 2;

    snprintf(path, sizeof path, FB_GOLDEN_DIR "/compose/trees/%s",
             fb_node_get(golden, "tree")->text);
    for (int64_t i = 0; i < args->count; i++) {
        argv[argc++] = fb_arena_strdup(a, args->item[i]->text, err);
        named |= !strcmp(argv[argc - 1], "--config-name");
        cfg |= !strcmp(argv[argc - 1], "--cfg");
    }
    if (!named) argv[argc++] = "-cn=config";
    if (!cfg) argv[argc++] = "-cjob";
    if (fb_flags_read(&flags, argc, argv, a, err)) return err->code;
    return fb_show(out, &flags, a, err);
}

/* Hydra refuses these; the program takes them on purpose, as another way to write something. */
static void check_kindness(const struct fb_node *golden, struct fb_arena *a) {
    struct fb_str text = {0}, same = {0};
    struct fb_err err = {0};

    if (show(&text, golden, fb_node_get(golden, "args"), a, &err) ||
        show(&same, golden, fb_node_get(golden, "same_as"), a, &err))
        fail_msg("%s", err.msg);
    assert_string_equal(fb_str_text(&text), fb_str_text(&same));
    fb_str_free(&text);
    fb_str_free(&same);
}

static void check_case(const struct fb_node *golden, struct fb_arena *a) {
    const struct fb_node *names = fb_node_get(golden, "names");
    struct fb_str text = {0}, args = {0};
    struct fb_err err = {0}, ignored = {0};
    int rc = show(&text, golden, fb_node_get(golden, "args"), a, &err);

    assert_int_equal(fb_json_print(&args, fb_node_get(golden, "args"), &ignored), FB_OK);
    if (fb_node_get(golden, "same_as")) {
        check_kindness(golden, a);
    } else if (!names) {
        if (rc) fail_msg("%s: refused: %s", fb_str_text(&args), err.msg);
        assert_string_equal(fb_str_text(&text), fb_node_get(golden, "out")->text);
    } else {
        if (!rc) fail_msg("%s: accepted", fb_str_text(&args));
        for (int64_t i = 0; i < names->count; i++)
            if (!strstr(err.msg, names->item[i]->text))
                fail_msg("%s: no '%s' in: %s", fb_str_text(&args), names->item[i]->text, err.msg);
    }
    fb_str_free(&args);
    fb_str_free(&text);
}

/* Output byte for byte, failure for failure, as hydra-core 1.3.2 and omegaconf 2.3.0 have it. */
static void test_configurations_are_composed_and_printed_as_hydra_does(void **state) {
    (void)state;
    setenv("FB_GOLDEN_SET", "12", 1);
    unsetenv("FB_GOLDEN_UNSET");
    assert_true(for_each_golden("cases", check_case) > 450);
}

static const char *shown(char **argv, int argc, struct fb_str *text, struct fb_arena *a) {
    struct fb_err err = {0};
    struct fb_flags flags;

    if (fb_flags_read(&flags, argc, argv, a, &err) || fb_show(text, &flags, a, &err))
        fail_msg("%s", err.msg);
    return fb_str_text(text);
}

static void test_the_help_lists_groups_and_flags(void **state) {
    char *help[] = {"--help", "modelpool=gpt-2_glue"},
         *hydra[] = {"--hydra-help", "modelpool=gpt-2_glue"};
    struct fb_arena a = {0};
    struct fb_str text = {0}, other = {0};

    (void)state;
    assert_non_null(strstr(shown(help, 2, &text, &a), "\ntaskpool: dummy, "));
    assert_non_null(strstr(fb_str_text(&text), " modelpool=flan-t5_demo taskpool=flan-t5_demo\n"));
    assert_non_null(strstr(fb_str_text(&text), "--config-name, -cn NAME"));
    assert_null(strstr(fb_str_text(&text), "job_logging"));
    assert_non_null(strstr(shown(hydra, 2, &other, &a),
                           "\nhydra/job_logging: default, disabled, none, stdout"));
    fb_str_free(&text);
    fb_str_free(&other);
    fb_arena_free(&a);
}

static void test_info_prints_the_parts_that_are_asked_for(void **state) {
    char *tree[] = {"-cp",          FB_GOLDEN_DIR "/compose/trees/basic", "-cn", "config", "-i",
                    "defaults-tree"};
    char *list[] = {"-cp", FB_GOLDEN_DIR "/compose/trees/basic", "-cn", "config", "-i", "defaults"};
    struct fb_arena a = {0};
    struct fb_str text = {0}, table = {0};

    (void)state;
    assert_non_null(strstr(shown(tree, 6, &text, &a),
                           "  config:\n    db: mysql\n    server: apache:\n"
                           "      server/sec: low\n      _self_\n    _self_\n"));
    assert_non_null(strstr(shown(list, 6, &table, &a),
                           "| server/sec/low              | server.sec          | False  | "
                           "server/apache |\n"));
    fb_str_free(&text);
    fb_str_free(&table);
    fb_arena_free(&a);
}

static int show_once(void *words) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str text = {0};
    struct fb_flags flags;
    char **argv = words;
    int argc = 0, rc;

    while (argv[argc])
        argc++;
    rc = fb_flags_read(&flags, argc, argv, &a, &err);
    if (!rc) rc = fb_show(&text, &flags, &a, &err);
    fb_str_free(&text);
    fb_arena_free(&a);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    static char *lines[][8] = {
        {"-cp", FB_GOLDEN_DIR "/compose/trees/basic", "-cn", "config", "-call", "--resolve"},
        {"-cp", FB_GOLDEN_DIR "/compose/trees/basic", "-cn", "config", "-iall"},
        {"-cp", FB_GOLDEN_DIR "/compose/trees/basic", "-cn", "config", "--help"},
        {"-cp", FB_GOLDEN_DIR "/compose/trees/basic", "-cn", "config", "-cjob", "-p", "db"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_true(for_each_allocation_failure(show_once, lines[i], 20000) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configurations_are_composed_and_printed_as_hydra_does),
        cmocka_unit_test(test_the_help_lists_groups_and_flags),
        cmocka_unit_test(test_info_prints_the_parts_that_are_asked_for),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
