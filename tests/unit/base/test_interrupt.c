#include "base/interrupt.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Each case runs in a child, because the flag is never taken back. */
static int in_child(int (*work)(void)) {
    int status = 0;
    pid_t child = fork();

    if (!child) _exit(work());
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int first_signal_asks(void) {
    struct fb_err err = {0};

    fb_interrupt_install();
    if (fb_interrupted(&err) != FB_OK) return 1;
    raise(SIGINT);
    if (fb_interrupted(&err) != FB_EINTERRUPTED) return 2;
    return strcmp(err.msg, "interrupted") ? 3 : 0;
}

static int termination_asks_too(void) {
    struct fb_err err = {0};

    fb_interrupt_install();
    raise(SIGTERM);
    return fb_interrupted(&err) == FB_EINTERRUPTED ? 0 : 1;
}

static int a_closed_terminal_asks_too(void) {
    struct fb_err err = {0};

    fb_interrupt_install();
    raise(SIGHUP);
    return fb_interrupted(&err) == FB_EINTERRUPTED ? 0 : 1;
}

static int nohup_is_respected(void) {
    struct fb_err err = {0};

    signal(SIGHUP, SIG_IGN);
    fb_interrupt_install();
    raise(SIGHUP);
    return fb_interrupted(&err) == FB_OK ? 0 : 1;
}

static int a_limit_on_files_is_an_error(void) {
    struct rlimit limit = {.rlim_cur = 10, .rlim_max = 10};
    FILE *f = tmpfile();

    fb_interrupt_install();
    if (!f || setrlimit(RLIMIT_FSIZE, &limit)) return 1;
    return ftruncate(fileno(f), 20) == -1 && errno == EFBIG ? 0 : 2;
}

static int second_signal_ends(void) {
    fb_interrupt_install();
    raise(SIGINT);
    raise(SIGINT);
    return 0;
}

static void test_signal_is_reported_as_an_error(void **state) {
    (void)state;
    assert_int_equal(in_child(first_signal_asks), 0);
    assert_int_equal(in_child(termination_asks_too), 0);
    assert_int_equal(in_child(a_closed_terminal_asks_too), 0);
    assert_int_equal(in_child(nohup_is_respected), 0);
}

static void test_a_file_above_the_limit_does_not_end_the_process(void **state) {
    (void)state;
    assert_int_equal(in_child(a_limit_on_files_is_an_error), 0);
}

static void test_second_signal_ends_the_process(void **state) {
    (void)state;
    assert_int_equal(in_child(second_signal_ends), -SIGINT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signal_is_reported_as_an_error),
        cmocka_unit_test(test_a_file_above_the_limit_does_not_end_the_process),
        cmocka_unit_test(test_second_signal_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
