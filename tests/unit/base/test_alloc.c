#include "base/alloc.h"

#include "alloc_faults.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_size_zero_gives_a_pointer(void **state) {
    struct fb_err err = {0};
    void *p = fb_malloc(0, &err), *q = fb_calloc(0, 8, &err), *r = fb_realloc(NULL, 0, 8, &err);

    (void)state;
    assert_non_null(p);
    assert_non_null(q);
    assert_non_null(r);
    free(p);
    free(q);
    free(r);
}

static void test_product_that_overflows_is_refused(void **state) {
    struct fb_err err = {0};
    void *old = fb_malloc(8, &err);

    (void)state;
    assert_null(fb_calloc(SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.code, FB_ENOMEM);
    err = (struct fb_err){0};
    assert_null(fb_realloc(old, SIZE_MAX, 2, &err));
    assert_int_equal(err.code, FB_ENOMEM);
    free(old);
}

static void test_strings_are_copied(void **state) {
    struct fb_err err = {0};
    char *a = fb_strdup("abc", &err), *b = fb_strndup("abcdef", 2, &err);
    char *c = fb_asprintf(&err, "%s-%d", "x", 7);

    (void)state;
    assert_string_equal(a, "abc");
    assert_string_equal(b, "ab");
    assert_string_equal(c, "x-7");
    free(a);
    free(b);
    free(c);
}

static void test_calloc_gives_zeros(void **state) {
    struct fb_err err = {0};
    unsigned char *p = fb_calloc(10, 10, &err);

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    free(p);
}

static int allocate(void *arg) {
    struct fb_err err = {0};
    char *a = fb_strdup("abc", &err), *b = a ? fb_asprintf(&err, "%d", 1) : NULL;
    void *c = b ? fb_calloc(2, 2, &err) : NULL;
    void *d = c ? fb_realloc(NULL, 2, 2, &err) : NULL;

    (void)arg;
    free(a);
    free(b);
    free(c);
    free(d);
    return d ? FB_OK : err.code;
}

static void test_memory_failure_is_reported(void **state) {
    (void)state;
    assert_int_equal(for_each_allocation_failure(allocate, NULL, 10), 4);
}

/* The wish may be refused; the content never changes, whatever the size and the alignment. */
static void test_a_cache_line_begins_in_a_block(void **state) {
    _Alignas(FB_ALIGN) char block[3 * FB_ALIGN];

    (void)state;
    assert_ptr_equal(fb_aligned(block), block);
    assert_ptr_equal(fb_aligned(block + 1), block + FB_ALIGN);
    assert_ptr_equal(fb_aligned(block + FB_ALIGN - 1), block + FB_ALIGN);
}

static void test_wishing_for_huge_pages_changes_no_content(void **state) {
    static const size_t sizes[] = {1, 4096, (1 << 21) + 1, (1 << 23) + 5};
    struct fb_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *block = fb_malloc(sizes[i], &err);
        assert_non_null(block);
        block[0] = 7;
        block[sizes[i] - 1] = 9;
        fb_want_huge_pages(block, sizes[i]);
        assert_int_equal(block[sizes[i] - 1], 9);
        assert_true(sizes[i] == 1 || block[0] == 7);
        free(block);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cache_line_begins_in_a_block),
        cmocka_unit_test(test_wishing_for_huge_pages_changes_no_content),
        cmocka_unit_test(test_size_zero_gives_a_pointer),
        cmocka_unit_test(test_product_that_overflows_is_refused),
        cmocka_unit_test(test_strings_are_copied),
        cmocka_unit_test(test_calloc_gives_zeros),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
