#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "hub/cache.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rules of huggingface_hub's validate_repo_id. */
static void test_names_are_those_of_the_hub(void **state) {
    static const char *const good[] = {"gpt2", "tanganke/gpt2_cola", "a/b.c-d",
                                       "google/flan-t5-base", "_x/y_"};
    static const char *const bad[] = {"",      "a/b/c", "/a",  "a/",   "../a",      "a/..", "a..b",
                                      "a--b",  "a.git", "-a",  "a-",   ".a",        "a/.b", "a b",
                                      "a/b\n", "~/x",   "./x", "a\\b", "models--a", "é"};
    char longest[98];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(fb_hub_is_repo(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(fb_hub_is_repo(bad[i]));
    memset(longest, 'x', 97);
    longest[97] = '\0';
    assert_false(fb_hub_is_repo(longest));
    assert_true(fb_hub_is_repo(longest + 1));
}

static void assert_repo_dir(const char *name, enum fb_hub_kind kind, const char *want) {
    struct fb_err err = {0};
    char *dir = fb_hub_repo_dir("/c", name, kind, &err);

    assert_string_equal(dir, want);
    free(dir);
}

static void test_folders_are_named_by_kind_and_name(void **state) {
    (void)state;
    assert_repo_dir("gpt2", FB_HUB_MODEL, "/c/models--gpt2");
    assert_repo_dir("org/name", FB_HUB_MODEL, "/c/models--org--name");
    assert_repo_dir("nyu-mll/glue", FB_HUB_DATASET, "/c/datasets--nyu-mll--glue");
}

static void found(const char *repo, const char *revision, const char *want) {
    struct fb_err err = {0};
    char *path;

    assert_int_equal(fb_hub_snapshot(&path, repo, revision, &err), FB_OK);
    assert_string_equal(path, scratch_path(want));
    free(path);
}

static void test_refs_name_snapshots(void **state) {
    char repo[2048];

    (void)state;
    snprintf(repo, sizeof repo, "%s", scratch_path("r"));
    scratch_write("r/refs/main", "c1\n");
    scratch_write("r/refs/refs/pr/1", "c2");
    scratch_write("r/snapshots/c1/f", "");
    scratch_write("r/snapshots/c2/f", "");
    found(repo, NULL, "r/snapshots/c1");
    found(repo, "main", "r/snapshots/c1");
    found(repo, "refs/pr/1", "r/snapshots/c2");
    found(repo, "c2", "r/snapshots/c2");
}

static void test_without_a_ref_the_only_snapshot_is_taken(void **state) {
    struct fb_err err = {0};
    char *path, want[4096];

    (void)state;
    scratch_write("only/snapshots/c1/f", "");
    found(scratch_path("only"), NULL, "only/snapshots/c1");
    scratch_write("only/snapshots/c2/f", "");
    assert_int_equal(fb_hub_snapshot(&path, scratch_path("only"), NULL, &err), FB_ENOTFOUND);
    snprintf(want, sizeof want, "there is no '%s', and 2 snapshots",
             scratch_path("only/refs/main"));
    assert_string_equal(err.msg, want);
}

static void refused(const char *repo, const char *revision, int code, const char *format,
                    const char *place) {
    struct fb_err err = {0};
    char *path, want[4096];

    assert_int_equal(fb_hub_snapshot(&path, repo, revision, &err), code);
    snprintf(want, sizeof want, format, place ? scratch_path(place) : "");
    assert_string_equal(err.msg, want);
    assert_null(path);
}

static void test_what_is_missing_is_named(void **state) {
    (void)state;
    scratch_write("m/refs/main", "gone");
    refused(scratch_path("m"), NULL, FB_ENOTFOUND, "there is no folder '%s/gone'", "m/snapshots");
    refused(scratch_path("m"), "v2", FB_ENOTFOUND, "there is no folder '%s/v2'", "m/snapshots");
    refused(scratch_path("m"), "refs/pr/2", FB_ENOTFOUND, "there is no '%s'", "m/refs/refs/pr/2");
    refused(scratch_path("e"), NULL, FB_ENOTFOUND, "there is no folder '%s'", "e/snapshots");
}

static void test_refs_cannot_lead_elsewhere(void **state) {
    (void)state;
    scratch_write("h/refs/main", "../../etc");
    refused(scratch_path("h"), NULL, FB_EFORMAT, "'%s' does not hold the name of a commit",
            "h/refs/main");
    scratch_write("h/refs/main", "..");
    refused(scratch_path("h"), NULL, FB_EFORMAT, "'%s' does not hold the name of a commit",
            "h/refs/main");
    scratch_write("h/refs/main", "");
    refused(scratch_path("h"), NULL, FB_EFORMAT, "'%s' does not hold the name of a commit",
            "h/refs/main");
    refused(scratch_path("h"), "../x", FB_EUSAGE, "'../x' is not a revision%s", NULL);
    refused(scratch_path("h"), "/etc", FB_EUSAGE, "'/etc' is not a revision%s", NULL);
    refused(scratch_path("h"), "", FB_EUSAGE, "'' is not a revision%s", NULL);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    char *path;
    int rc = fb_hub_snapshot(&path, arg, NULL, &err);

    free(path);
    return rc;
}

static void test_failed_allocations_are_reported(void **state) {
    char with_ref[2048], without[2048];

    (void)state;
    scratch_write("f/refs/main", "c1");
    scratch_write("f/snapshots/c1/f", "");
    scratch_write("g/snapshots/c1/f", "");
    snprintf(with_ref, sizeof with_ref, "%s", scratch_path("f"));
    snprintf(without, sizeof without, "%s", scratch_path("g"));
    assert_int_equal(for_each_allocation_failure(attempt, with_ref, 100), 3);
    assert_int_equal(for_each_allocation_failure(attempt, without, 100), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_those_of_the_hub),
        cmocka_unit_test(test_folders_are_named_by_kind_and_name),
        cmocka_unit_test(test_refs_name_snapshots),
        cmocka_unit_test(test_without_a_ref_the_only_snapshot_is_taken),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_refs_cannot_lead_elsewhere),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
