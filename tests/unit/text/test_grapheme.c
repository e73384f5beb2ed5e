#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "text/grapheme.h"

#include <string.h>

static void expect(const char *text, size_t first) {
    assert_int_equal(fb_grapheme_next(text, strlen(text)), first);
}

static void test_clusters_are_those_of_uax_29(void **state) {
    (void)state;
    expect("ab", 1);
    expect("\r\n", 2);
    expect("\n\r", 1);
    expect("e\xcc\x81x", 3);        /* e and a combining acute */
    expect("\n\xcc\x81", 1);        /* nothing extends a control character */
    expect("e\xcc\x81\xcc\x81", 5); /* two marks */
    expect("a\xe2\x80\x8d"
           "b",
           4);                                  /* a joiner extends what is before it */
    expect("\xc2\xa9\xe2\x80\x8d\xc2\xa9x", 7); /* pictographs are joined */
    expect("\xc2\xa9\xe2\x80\x8d"
           "a",
           5);                             /* but not with a letter */
    expect("\xd8\x80\xd8\xa7", 4);         /* a prepended number sign */
    expect("\xe3\x81\x8b\xe3\x82\x99", 6); /* kana and its mark */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clusters_are_those_of_uax_29)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
