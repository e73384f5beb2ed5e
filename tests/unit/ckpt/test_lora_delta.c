#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ckpt/lora_delta.h"

#include "alloc_faults.h"

#include <math.h>
#include <string.h>

enum { R = 3, IN = 700, OUT = 5, SIZE = 20 * 129 };

static float a[SIZE], b[SIZE];

static struct fb_entry entry(const char *name, float *data, int64_t rows, int64_t cols) {
    return (struct fb_entry){.name = name,
                             .dtype = FB_F32,
                             .ndim = 2,
                             .shape = {rows, cols},
                             .numel = rows * cols,
                             .data = data,
                             .size = (size_t)(rows * cols) * sizeof *data};
}

static void fill(void) {
    for (int i = 0; i < SIZE; i++)
        a[i] = sinf((float)i);
    for (int i = 0; i < SIZE; i++)
        b[i] = cosf((float)i);
}

/* s B A of rank r, by its definition. */
static float scaled_product(int64_t r, int64_t cols, int64_t row, int64_t col) {
    float sum = 0;

    for (int64_t k = 0; k < r; k++)
        sum = fmaf(b[row * r + k], a[k * cols + col], sum);
    return sum * 0.3f;
}

/* 1 + s B A, or its transpose. */
static void check(bool in_out) {
    struct fb_entry ea = entry("a", a, R, IN), eb = entry("b", b, OUT, R);
    static float w[OUT * IN], piece[OUT * IN];
    struct fb_lora_delta d;
    struct fb_err err = {0};
    int64_t n = OUT * IN;

    assert_int_equal(fb_lora_delta_make(&d, &ea, &eb, in_out, 0.3f, &err), FB_OK);
    for (int64_t i = 0; i < n; i++)
        piece[i] = 1.0f;
    fb_lora_delta_add(&d, 0, n, piece, w);
    for (int64_t o = 0; o < OUT; o++)
        for (int64_t i = 0; i < IN; i++) {
            float sum = 1.0f + scaled_product(R, IN, o, i);
            assert_true(w[in_out ? i * OUT + o : o * IN + i] == sum);
        }
    for (int64_t begin = 0; begin < n; begin += 101)
        fb_lora_delta_add(&d, begin, begin + 101 < n ? 101 : n - begin, piece + begin,
                          piece + begin);
    assert_memory_equal(w, piece, sizeof w);
    fb_lora_delta_free(&d);
}

static void test_products_are_chains_of_fused_steps(void **state) {
    (void)state;
    fill();
    check(false);
    check(true);
}

/* Pieces that begin and end within rows, of every rank, odd numbers of columns, and rows that are
 * shorter than a vector. */
static void check_pieces(int64_t r, int64_t rows, int64_t cols, int64_t piece) {
    struct fb_entry ea = entry("a", a, r, cols), eb = entry("b", b, rows, r);
    static float expected[OUT * IN], found[OUT * IN];
    struct fb_lora_delta d;
    struct fb_err err = {0};
    int64_t n = rows * cols;

    assert_int_equal(fb_lora_delta_make(&d, &ea, &eb, false, 0.3f, &err), FB_OK);
    for (int64_t i = 0; i < n; i++) {
        found[i] = cosf((float)i);
        expected[i] = found[i] + scaled_product(r, cols, i / cols, i % cols);
    }
    for (int64_t begin = 0; begin < n; begin += piece)
        fb_lora_delta_add(&d, begin, begin + piece < n ? piece : n - begin, found + begin,
                          found + begin);
    assert_memory_equal(found, expected, (size_t)n * sizeof *found);
    fb_lora_delta_free(&d);
}

static void test_pieces_begin_and_end_anywhere(void **state) {
    static const int64_t cols[] = {1, 3, 15, 17, 63, 65, 97, 129};

    (void)state;
    fill();
    for (int64_t r = 1; r <= 20; r++)
        for (size_t c = 0; c < sizeof cols / sizeof *cols; c++)
            for (int64_t piece = 1; piece <= 7 * cols[c]; piece = 2 * piece + 5)
                check_pieces(r, 13, cols[c], piece);
}

static int attempt(void *arg) {
    struct fb_entry ea = entry("a", a, R, IN), eb = entry("b", b, OUT, R);
    struct fb_lora_delta d;
    struct fb_err err = {0};

    (void)arg;
    if (!fb_lora_delta_make(&d, &ea, &eb, true, 1, &err)) fb_lora_delta_free(&d);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    assert_int_equal(for_each_allocation_failure(attempt, NULL, 10), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_are_chains_of_fused_steps),
        cmocka_unit_test(test_pieces_begin_and_end_anywhere),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
