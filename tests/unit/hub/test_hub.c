#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "hub/hub.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const variables[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME",
                                        "XDG_CACHE_HOME", "HOME"};

static int setup(void **state) {
    (void)state;
    scratch_make();
    for (int i = 0; i < 5; i++)
        unsetenv(variables[i]);
    return 0;
}

static void assert_cache(const char *want) {
    struct fb_err err = {0};
    char *path;

    assert_int_equal(fb_hub_cache_dir(&path, &err), FB_OK);
    assert_string_equal(path, want);
    free(path);
}

static void test_variables_rank_as_in_the_reference(void **state) {
    struct fb_err err = {0};
    char *path;

    (void)state;
    assert_int_equal(fb_hub_cache_dir(&path, &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "no cache folder: neither HF_HOME nor HOME is set");
    setenv("HOME", "/h", 1);
    assert_cache("/h/.cache/huggingface/hub");
    setenv("XDG_CACHE_HOME", "/x", 1);
    assert_cache("/x/huggingface/hub");
    setenv("HF_HOME", "~/hf", 1);
    assert_cache("/h/hf/hub");
    setenv("HUGGINGFACE_HUB_CACHE", "/old", 1);
    assert_cache("/old");
    setenv("HF_HUB_CACHE", "~", 1);
    assert_cache("/h");
    setenv("HF_HUB_CACHE", "", 1);
    assert_cache("/old");
}

static void found(const char *name, enum fb_hub_kind kind, const char *revision, const char *want) {
    struct fb_err err = {0};
    char *path;

    assert_int_equal(fb_hub_resolve(&path, name, kind, revision, &err), FB_OK);
    assert_string_equal(path, want);
    free(path);
}

static void test_names_are_found_in_the_cache(void **state) {
    (void)state;
    setenv("HF_HUB_CACHE", scratch_path("hub"), 1);
    scratch_write("hub/models--org--m/refs/main", "c1");
    scratch_write("hub/models--org--m/snapshots/c1/config.json", "{}");
    scratch_write("hub/models--org--m/snapshots/c2/config.json", "{}");
    scratch_write("hub/datasets--glue/snapshots/c3/x", "");
    found("org/m", FB_HUB_MODEL, NULL, scratch_path("hub/models--org--m/snapshots/c1"));
    found("org/m", FB_HUB_MODEL, "c2", scratch_path("hub/models--org--m/snapshots/c2"));
    found("glue", FB_HUB_DATASET, NULL, scratch_path("hub/datasets--glue/snapshots/c3"));
}

static void test_a_path_that_exists_wins(void **state) {
    char old[2048];

    (void)state;
    assert_non_null(getcwd(old, sizeof old));
    setenv("HF_HUB_CACHE", scratch_path("hub"), 1);
    scratch_write("hub/models--org--m/snapshots/c1/config.json", "{}");
    scratch_write("here/org/m/config.json", "{}");
    assert_int_equal(chdir(scratch_path("here")), 0);
    found("org/m", FB_HUB_MODEL, NULL, "org/m");
    found("org/m/config.json", FB_HUB_MODEL, NULL, "org/m/config.json");
    found("embedded:config/method", FB_HUB_MODEL, NULL, "embedded:config/method");
    assert_int_equal(chdir(old), 0);
}

static void refused(const char *name, enum fb_hub_kind kind, const char *revision, int code,
                    const char *want) {
    struct fb_err err = {0};
    char *path;

    assert_int_equal(fb_hub_resolve(&path, name, kind, revision, &err), code);
    assert_string_equal(err.msg, want);
    assert_null(path);
}

static void test_every_place_and_the_remedy_are_named(void **state) {
    (void)state;
    setenv("HF_HUB_CACHE", "/nonexistent", 1);
    refused("org/m", FB_HUB_MODEL, NULL, FB_ENOTFOUND,
            "model 'org/m' is not on this machine: there is no such file or folder, and in the "
            "Hugging Face cache there is no folder '/nonexistent/models--org--m'. To fetch it, "
            "run 'huggingface-cli download org/m' on a machine with network, or copy the folder "
            "here and give its path");
    refused("glue", FB_HUB_DATASET, "v1", FB_ENOTFOUND,
            "dataset 'glue' (revision 'v1') is not on this machine: there is no such file or "
            "folder, and in the Hugging Face cache there is no folder "
            "'/nonexistent/datasets--glue'. To fetch it, run 'huggingface-cli download "
            "--repo-type dataset glue --revision v1' on a machine with network, or copy the folder "
            "here and give its path");
}

static void test_what_is_no_name_of_the_hub_is_a_missing_path(void **state) {
    (void)state;
    setenv("HF_HUB_CACHE", scratch_path("hub"), 1);
    refused("a/b/c", FB_HUB_MODEL, NULL, FB_ENOTFOUND,
            "model 'a/b/c': there is no such file or folder, and it is not a name of the hub "
            "('name' or 'org/name')");
    refused("../x", FB_HUB_MODEL, NULL, FB_ENOTFOUND,
            "model '../x': there is no such file or folder, and it is not a name of the hub "
            "('name' or 'org/name')");
    refused("", FB_HUB_MODEL, NULL, FB_ENOTFOUND, "the name of the model is empty");
}

static void test_a_pipe_is_not_a_model(void **state) {
    char path[2048], want[4096];

    (void)state;
    snprintf(path, sizeof path, "%s", scratch_path("pipe"));
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(want, sizeof want, "model '%s' is neither a file nor a folder", path);
    refused(path, FB_HUB_MODEL, NULL, FB_EIO, want);
}

static void test_a_damaged_cache_is_not_a_missing_model(void **state) {
    char want[4096];

    (void)state;
    setenv("HF_HUB_CACHE", scratch_path("hub"), 1);
    scratch_write("hub/models--org--m/refs/main", "..");
    snprintf(want, sizeof want, "model 'org/m': '%s' does not hold the name of a commit",
             scratch_path("hub/models--org--m/refs/main"));
    refused("org/m", FB_HUB_MODEL, NULL, FB_EFORMAT, want);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    char *path;
    int rc = fb_hub_resolve(&path, arg, FB_HUB_MODEL, NULL, &err);

    free(path);
    return rc;
}

static void test_failed_allocations_are_reported(void **state) {
    char name[] = "org/m";

    (void)state;
    setenv("HF_HUB_CACHE", scratch_path("hub"), 1);
    scratch_write("hub/models--org--m/snapshots/c1/config.json", "{}");
    assert_true(for_each_allocation_failure(attempt, name, 100) >= 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_variables_rank_as_in_the_reference, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_names_are_found_in_the_cache, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_path_that_exists_wins, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_every_place_and_the_remedy_are_named, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_name_of_the_hub_is_a_missing_path, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_pipe_is_not_a_model, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_cache_is_not_a_missing_model, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_failed_allocations_are_reported, setup,
                                        scratch_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
