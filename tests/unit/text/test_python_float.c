#include "text/python_float.h"

#include "alloc_faults.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static size_t from_hex(char *out, const char *hex) {
    size_t n = 0;

    for (; *hex != '-' && *hex; hex += 2, n++) {
        unsigned byte;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        out[n] = (char)byte;
    }
    return n;
}

static void test_odd_texts_are_read_as_python_reads_them(void **state) {
    FILE *f = fopen(FB_GOLDEN_DIR "/text/python_float.txt", "r");
    char hex[2048], value[64], text[1024];
    struct fb_err err = {0};
    int count = 0;

    (void)state;
    assert_non_null(f);
    for (; fscanf(f, "%2047s %63s", hex, value) == 2; count++) {
        size_t size = from_hex(text, hex);
        double found, expected = strtod(value, NULL);
        bool valid, wanted = strcmp(value, "invalid") != 0;
        assert_int_equal(fb_python_float(&found, &valid, text, size, &err), FB_OK);
        if (valid != wanted || (isnan(expected) ? !isnan(found) : found != expected) ||
            (!isnan(found) && !signbit(found) != !signbit(expected)))
            fail_msg("'%.*s' (%s): %a, Python has %s", (int)size, text, hex, found, value);
    }
    fclose(f);
    assert_true(count > 600);
}

static void test_bytes_that_are_no_text_are_no_number(void **state) {
    struct fb_err err = {0};
    double found = 1;
    bool valid = true;

    (void)state;
    assert_int_equal(fb_python_float(&found, &valid, "1\xff", 2, &err), FB_OK);
    assert_false(valid);
    assert_true(found == 0);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    double found;
    bool valid;

    (void)arg;
    return fb_python_float(&found, &valid, "1.5", 3, &err);
}

static void test_memory_that_runs_out_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 10) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd_texts_are_read_as_python_reads_them),
        cmocka_unit_test(test_bytes_that_are_no_text_are_no_number),
        cmocka_unit_test(test_memory_that_runs_out_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
