#include "kernel/threads.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_number_that_was_set_is_used(void **state) {
    int before = fb_threads();

    (void)state;
    assert_true(before >= 1);
    fb_threads_set(before + 2);
    assert_int_equal(fb_threads(), before + 2);
    fb_threads_set(1);
    assert_int_equal(fb_threads(), 1);
    fb_threads_set(before);
}

/* The variable is read when a program starts, so this one is started again: see main. */
static int status_with(const char *variable, const char *what) {
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (!child) {
        setenv("OMP_NUM_THREADS", variable, 1);
        execl("/proc/self/exe", "test_threads", what, (char *)NULL);
        _exit(100);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_the_environment_sets_the_number_to_begin_with(void **state) {
    (void)state;
    assert_int_equal(status_with("3", "count"), 3);
}

static void test_an_absurd_number_in_the_environment_is_bounded(void **state) {
    (void)state;
    assert_int_equal(status_with("100000", "bound"), 7);
    assert_int_equal(status_with("3", "bound"), 3);
}

/* What a started program says with its exit status, which holds 8 bits. */
static int answer(const char *what) {
    if (strcmp(what, "bound") != 0) return fb_threads();
    fb_threads_bound();
    return fb_threads() == FB_THREADS_MAX ? 7 : fb_threads();
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_number_that_was_set_is_used),
        cmocka_unit_test(test_the_environment_sets_the_number_to_begin_with),
        cmocka_unit_test(test_an_absurd_number_in_the_environment_is_bounded),
    };

    if (argc > 1) return answer(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
