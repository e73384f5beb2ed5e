#include "data/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_texts_and_nulls_are_kept(void **state) {
    uint64_t budget = 1000;
    struct fb_sink sink = {.column = {.kind = FB_COLUMN_TEXT}, .optional = true, .budget = &budget};
    struct fb_err err = {0};
    size_t size;

    (void)state;
    assert_int_equal(fb_sink_reserve(&sink, 2, &err), FB_OK);
    assert_int_equal(fb_sink_reserve_text(&sink, 3, &err), FB_OK);
    sink.column.valid[0] = 0;
    sink.column.valid[1] = 1;
    fb_sink_push_text(&sink, (const unsigned char *)"abc", 3);
    fb_sink_spread(&sink, 1, 2);
    assert_true(sink.nulls);
    assert_int_equal(fb_sink_trim(&sink, 2, &err), FB_OK);
    fb_column_text(&sink.column, 0, &size);
    assert_int_equal(size, 0);
    assert_memory_equal(fb_column_text(&sink.column, 1, &size), "abc", 3);
    fb_sink_free(&sink);
}

/* A row takes 9 bytes: 8 of value or offset, 1 that says whether it is there. */
static void test_the_budget_is_a_limit(void **state) {
    uint64_t budget = 20;
    struct fb_sink sink = {.column = {.kind = FB_COLUMN_INT}, .budget = &budget};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_sink_reserve(&sink, 2, &err), FB_OK);
    assert_int_equal(budget, 2);
    assert_int_equal(fb_sink_reserve(&sink, 3, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "the data unpack to far more than the file's size can explain: 9 "
                                 "bytes asked for, 2 left");
    fb_sink_free(&sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_and_nulls_are_kept),
        cmocka_unit_test(test_the_budget_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
