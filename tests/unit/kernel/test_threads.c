#include "kernel/threads.h"

#include <stdlib.h>
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
static void test_the_environment_sets_the_number_to_begin_with(void **state) {
    int status;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (!child) {
        setenv("OMP_NUM_THREADS", "3", 1);
        execl("/proc/self/exe", "test_threads", "count", (char *)NULL);
        _exit(100);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_number_that_was_set_is_used),
        cmocka_unit_test(test_the_environment_sets_the_number_to_begin_with),
    };

    (void)argv;
    if (argc > 1) return fb_threads();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
