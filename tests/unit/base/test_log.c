#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int real_stderr;

/* Sends stderr to a file until caught. */
static void catch_stderr(void) {
    fflush(stderr);
    real_stderr = dup(STDERR_FILENO);
    assert_non_null(freopen("test_log.text", "w", stderr));
}

static void caught(char text[4096]) {
    FILE *f;
    size_t n;

    fflush(stderr);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    assert_non_null(f = fopen("test_log.text", "r"));
    n = fread(text, 1, 4095, f);
    text[n] = '\0';
    fclose(f);
    remove("test_log.text");
}

static void say_all(const struct fb_log *log) {
    fb_warn(log, "one %d", 1);
    fb_info(log, "two");
    fb_detail(log, "three");
}

static void test_level_decides_what_is_said(void **state) {
    static const char *const expected[] = {"", "warning: one 1\ntwo\n",
                                           "warning: one 1\ntwo\nthree\n"};
    char text[4096];

    (void)state;
    for (int level = 0; level < 3; level++) {
        struct fb_log log = {.level = level};
        catch_stderr();
        say_all(&log);
        caught(text);
        assert_string_equal(text, expected[level]);
    }
}

static void test_control_characters_do_nothing_to_a_terminal(void **state) {
    struct fb_log log = {.level = 1};
    char text[4096];

    (void)state;
    catch_stderr();
    fb_say("program: ", "tensor '\033[31m\t\x7f'\n\xc3\xa9\\");
    fb_warn(&log, "column '%s'", "\r");
    caught(text);
    assert_string_equal(text, "program: tensor '\\x1b[31m\\x09\\x7f'\n\xc3\xa9\\\n"
                              "warning: column '\\x0d'\n");
}

static void test_no_log_says_nothing(void **state) {
    struct fb_progress p;
    char text[4096];

    (void)state;
    catch_stderr();
    say_all(NULL);
    fb_progress_begin(&p, NULL, "merge", "tensors", 10);
    fb_progress_add(&p, 10);
    fb_progress_end(&p);
    caught(text);
    assert_string_equal(text, "");
    assert_int_equal(p.done, 10);
}

static void test_progress_elsewhere_is_a_line_after_half_a_minute(void **state) {
    struct fb_log log = {.level = 1};
    struct fb_progress p;
    char text[4096];

    (void)state;
    catch_stderr();
    fb_progress_begin(&p, &log, "merge", "tensors", 148);
    fb_progress_add(&p, 1);
    p.started -= 31;
    p.shown -= 31;
    fb_progress_add(&p, 36);
    fb_progress_end(&p);
    caught(text);
    assert_string_equal(text, "merge 37/148 tensors, 1.2/s, 93 s left\n");
}

static void test_progress_on_a_terminal_redraws_and_clears_its_line(void **state) {
    struct fb_log log = {.level = 1, .terminal = true};
    struct fb_progress p;
    char text[4096];

    (void)state;
    catch_stderr();
    fb_progress_begin(&p, &log, "cola", "examples", 100);
    p.started -= 10;
    p.shown -= 10;
    fb_progress_add(&p, 50);
    fb_progress_end(&p);
    caught(text);
    assert_string_equal(text, "\rcola 50/100 examples, 5.0/s, 10 s left\033[K\r\033[K");
}

static void test_clock_never_goes_back(void **state) {
    double last = fb_now();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        double now = fb_now();
        assert_true(now >= last);
        last = now;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level_decides_what_is_said),
        cmocka_unit_test(test_control_characters_do_nothing_to_a_terminal),
        cmocka_unit_test(test_no_log_says_nothing),
        cmocka_unit_test(test_progress_elsewhere_is_a_line_after_half_a_minute),
        cmocka_unit_test(test_progress_on_a_terminal_redraws_and_clears_its_line),
        cmocka_unit_test(test_clock_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
