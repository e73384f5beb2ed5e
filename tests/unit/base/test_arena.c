#include "base/arena.h"

#include "alloc_faults.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_blocks_are_aligned_and_apart(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    unsigned char *last = NULL;

    (void)state;
    for (size_t size = 0; size < 300; size++) {
        unsigned char *p = fb_arena_alloc(&a, size, &err);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        assert_true(p != last);
        memset(p, 0xee, size);
        last = p;
    }
    fb_arena_free(&a);
}

static void test_reset_keeps_the_memory_and_forgets_the_blocks(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    void *first = fb_arena_alloc(&a, 1000, &err);
    size_t used = a.used;

    (void)state;
    fb_arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_int_equal(a.peak, used);
    assert_ptr_equal(fb_arena_alloc(&a, 1000, &err), first);
    fb_arena_free(&a);
    assert_null(a.first);
}

static void test_blocks_larger_than_a_chunk_fit(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    unsigned char *p;

    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_non_null(fb_arena_alloc(&a, 100, &err));
        assert_non_null(p = fb_arena_alloc(&a, 1 << 20, &err));
        memset(p, 1, 1 << 20);
        assert_non_null(fb_arena_alloc(&a, 100, &err));
        fb_arena_reset(&a);
    }
    fb_arena_free(&a);
}

/* A small block after a large one must not be handed out on top of a live one. */
static void test_mixed_sizes_keep_their_contents(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    unsigned char *block[200];
    size_t size[200];

    (void)state;
    for (int i = 0; i < 200; i++) {
        size[i] = (size_t)i * 7919 % 90000;
        block[i] = fb_arena_alloc(&a, size[i], &err);
        memset(block[i], i, size[i]);
    }
    for (int i = 0; i < 200; i++)
        for (size_t k = 0; k < size[i]; k++)
            assert_int_equal(block[i][k], i);
    fb_arena_free(&a);
}

/* Chunks double up to 64 MiB: a small block after a larger one gets a chunk of 64 MiB, not of twice
 * the larger one. None of this memory is touched. */
static void test_growth_stops_at_64_mib(void **state) {
    const size_t step = (size_t)64 << 20;
    struct fb_arena a = {0};
    struct fb_err err = {0};
    char *block;

    (void)state;
    assert_non_null(fb_arena_alloc(&a, step + 1, &err));
    assert_non_null(block = fb_arena_alloc(&a, 1, &err));
    assert_ptr_equal(fb_arena_alloc(&a, step - 64, &err), block + 64); /* fills the chunk */
    assert_ptr_not_equal(fb_arena_alloc(&a, 1, &err), block + step);
    fb_arena_free(&a);
}

/* The largest doubling: 32 MiB is followed by 64 MiB. */
static void test_growth_doubles_up_to_64_mib(void **state) {
    const size_t half = (size_t)32 << 20;
    struct fb_arena a = {0};
    struct fb_err err = {0};
    char *block;

    (void)state;
    assert_non_null(fb_arena_alloc(&a, half - 1, &err));
    assert_non_null(block = fb_arena_alloc(&a, 64, &err));
    assert_ptr_equal(fb_arena_alloc(&a, 2 * (half - 1) - 64, &err), block + 64);
    fb_arena_free(&a);
}

static void test_strings(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};

    (void)state;
    assert_string_equal(fb_arena_strdup(&a, "abc", &err), "abc");
    assert_string_equal(fb_arena_strndup(&a, "abc", 1, &err), "a");
    assert_string_equal(fb_arena_printf(&a, &err, "%s/%d", "x", 3), "x/3");
    fb_arena_free(&a);
}

static void test_zeroed_blocks_stay_zero_after_a_reset(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    unsigned char *p = fb_arena_alloc(&a, 512, &err);

    (void)state;
    memset(p, 0xff, 512);
    fb_arena_reset(&a);
    p = fb_arena_calloc(&a, 64, 8, &err);
    for (int i = 0; i < 512; i++)
        assert_int_equal(p[i], 0);
    fb_arena_free(&a);
}

static void test_impossible_sizes_are_refused(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};

    (void)state;
    assert_null(fb_arena_alloc(&a, SIZE_MAX, &err));
    assert_int_equal(err.code, FB_ENOMEM);
    assert_null(fb_arena_calloc(&a, SIZE_MAX / 2, 3, &err));
    assert_non_null(fb_arena_alloc(&a, 8, &err));
    assert_null(fb_arena_alloc(&a, SIZE_MAX - 8, &err));
    fb_arena_free(&a);
}

static int use_arena(void *arg) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    void *p = fb_arena_alloc(&a, 10, &err);

    (void)arg;
    if (p) p = fb_arena_alloc(&a, 1 << 20, &err);
    if (p) p = fb_arena_strdup(&a, "x", &err);
    fb_arena_free(&a);
    return p ? FB_OK : err.code;
}

static void test_memory_failure_is_reported(void **state) {
    (void)state;
    assert_int_equal(for_each_allocation_failure(use_arena, NULL, 10), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_apart),
        cmocka_unit_test(test_reset_keeps_the_memory_and_forgets_the_blocks),
        cmocka_unit_test(test_blocks_larger_than_a_chunk_fit),
        cmocka_unit_test(test_mixed_sizes_keep_their_contents),
        cmocka_unit_test(test_growth_stops_at_64_mib),
        cmocka_unit_test(test_growth_doubles_up_to_64_mib),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_zeroed_blocks_stay_zero_after_a_reset),
        cmocka_unit_test(test_impossible_sizes_are_refused),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
