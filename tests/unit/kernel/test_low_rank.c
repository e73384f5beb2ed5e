#include "kernel/low_rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/cpu.h"

#include <math.h>
#include <string.h>

/* A strip and a half of the widest vectors, and two groups of rows and what is left of one. */
enum { ROWS = 11, COLS = 103, LDY = 107, LDO = 109, RANK = 20 };

static float x[ROWS * RANK], y[RANK * LDY], before[ROWS * LDO];

/* Values of all magnitudes, so that a sum in another order or with another rounding differs. */
static void fill(float *values, int n, int seed) {
    for (int i = 0; i < n; i++)
        values[i] = sinf((float)(i * 7 + seed)) * ldexpf(1, (i + seed) % 9 - 4);
}

static void add_plainly(const struct fb_low_rank *p, float *out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            float sum = 0;
            for (int64_t k = 0; k < p->r; k++)
                sum = fmaf(p->x[i * p->r + k], p->y[k * p->ldy + j], sum);
            sum *= p->scale;
            out[i * LDO + j] += sum;
        }
}

/* Elements outside must keep their values, too. */
static void check(const struct fb_isa *isa, int64_t r, int64_t rows, int64_t cols) {
    const struct fb_low_rank p = {.x = x, .y = y, .r = r, .ldy = LDY, .scale = 0.3f};
    float expected[ROWS * LDO], found[ROWS * LDO];

    memcpy(expected, before, sizeof expected);
    memcpy(found, before, sizeof found);
    add_plainly(&p, expected, rows, cols);
    if (isa) isa->low_rank_add(&p, before, found, LDO, rows, cols);
    else fb_low_rank_add(&p, found, found, LDO, rows, cols);
    assert_memory_equal(found, expected, sizeof found);
}

static void test_every_instruction_set_gives_the_bits_of_the_definition(void **state) {
    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++)
        for (int64_t r = 1; r <= RANK; r++)
            for (int64_t cols = 1; cols <= COLS; cols += cols < 20 ? 1 : 7)
                check(fb_cpu_isa_at(i), r, 1 + (r + cols) % ROWS, cols);
}

static void test_all_rows_and_no_rows(void **state) {
    (void)state;
    for (int64_t rows = 0; rows <= ROWS; rows++)
        check(NULL, 16, rows, COLS);
    check(NULL, 16, ROWS, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_instruction_set_gives_the_bits_of_the_definition),
        cmocka_unit_test(test_all_rows_and_no_rows),
    };

    fill(x, ROWS * RANK, 1);
    fill(y, RANK * LDY, 2);
    fill(before, ROWS * LDO, 3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
