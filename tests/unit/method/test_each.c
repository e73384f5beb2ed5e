#include "method/each.h"

#include "alloc_faults.h"
#include "golden_merge.h"
#include "tiny_pool.h"

#include <omp.h>

static const char pool[] = "{type: AutoModelPool, models: {a: a.safetensors, b: b.safetensors}}";

static void begin(struct tiny *t) {
    tiny_begin(t);
    tiny_model(t, "a", "w", (const float[]){1, 2, 3, 4, 5}, 5);
    tiny_model(t, "b", "w", (const float[]){3, 4, 5, 6, 7}, 5);
    tiny_pool(t, pool);
}

/* Every method, every pool: in memory and through a file, in blocks of 1, 7 and all. */
static void test_no_block_size_changes_a_bit(void **state) {
    char path[] = "/tmp/fb_each_XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_return_code(fd, 0);
    close(fd);
    for (int64_t block = 1; block < 100; block += 6 + (block > 1) * 80) {
        assert_int_equal(golden_run_all("", block, NULL), 110);
        assert_int_equal(golden_run_all("", block, path), 110);
    }
    unlink(path);
}

static void test_no_number_of_threads_changes_a_bit(void **state) {
    const int threads[] = {1, 2, 4};
    int before = omp_get_max_threads();

    (void)state;
    for (int i = 0; i < 3; i++) {
        omp_set_num_threads(threads[i]);
        assert_int_equal(golden_run_all("", 5, NULL), 110);
    }
    omp_set_num_threads(before);
}

/* Notes which blocks it was given, beside taking the first expert. */
static void note(const void *state, const struct fb_block *in, float *out) {
    ((int *const *)state)[0][in->index]++;
    for (int64_t i = 0; i < in->count; i++)
        out[i] = in->expert[0][i];
}

static bool yes(void *state) {
    (void)state;
    return true;
}

static bool no(void *state) {
    (void)state;
    return false;
}

/* Five values in blocks of two: three blocks. */
static void test_marked_blocks_are_done_twice_if_asked_for(void **state) {
    int calls[3] = {0}, *pointer = calls;
    const bool mark[] = {false, true, false};
    struct tiny t;

    (void)state;
    begin(&t);
    t.merge.block = 2;
    assert_int_equal(fb_each_align(&t.merge, false, &t.err), FB_OK);
    assert_int_equal(fb_each_blocks(&t.merge), 3);
    assert_int_equal(fb_merge_twice(&t.merge, false, note, &pointer, yes, mark, &t.err), FB_OK);
    assert_true(calls[0] == 1 && calls[1] == 2 && calls[2] == 1);
    fb_merge_free(&t.merge);
    assert_int_equal(fb_merge_twice(&t.merge, false, note, &pointer, no, mark, &t.err), FB_OK);
    assert_true(calls[0] == 2 && calls[1] == 3 && calls[2] == 2);
    assert_true(tiny_value(&t, "w")[4] == 5.0f);
    tiny_end(&t);
}

static void add_up(void *accumulator, const void *state, const struct fb_block *in) {
    double *sum = accumulator;

    (void)state;
    for (int e = 0; e < in->experts; e++)
        for (int64_t i = 0; i < in->count; i++)
            *sum += (double)in->expert[e][i];
}

/* 1 + ... + 5 and 3 + ... + 7 are 15 and 25. */
static void test_a_scan_sees_every_value_once(void **state) {
    double *sum = calloc((size_t)fb_each_threads(), sizeof *sum), total = 0;
    void **pointer = calloc((size_t)fb_each_threads(), sizeof *pointer);
    struct tiny t;

    (void)state;
    assert_non_null(sum);
    assert_non_null(pointer);
    for (int i = 0; i < fb_each_threads(); i++)
        pointer[i] = &sum[i];
    begin(&t);
    t.merge.block = 2;
    assert_int_equal(fb_each_align(&t.merge, false, &t.err), FB_OK);
    assert_int_equal(fb_scan_each(&t.merge, "scan", false, add_up, NULL, pointer, &t.err), FB_OK);
    for (int i = 0; i < fb_each_threads(); i++)
        total += sum[i];
    assert_true(total == 40);
    tiny_end(&t);
    free(sum);
    free(pointer);
}

static void count_values(void *accumulator, const void *state, const struct fb_block *in) {
    int64_t *count = accumulator;

    (void)state;
    count[0] += in->count;
    count[1] += in->begin;
}

static void check_sample(int64_t n, int64_t block, int64_t values, int64_t begins) {
    int64_t(*count)[2] = calloc((size_t)fb_each_threads(), sizeof *count), sum[2] = {0};
    void **pointer = calloc((size_t)fb_each_threads(), sizeof *pointer);
    float *x = calloc((size_t)n, sizeof *x);
    struct tiny t;

    assert_true(count && pointer && x);
    for (int i = 0; i < fb_each_threads(); i++)
        pointer[i] = count[i];
    tiny_begin(&t);
    tiny_model(&t, "a", "w", x, n);
    tiny_model(&t, "b", "w", x, n);
    tiny_pool(&t, pool);
    t.merge.block = block;
    assert_int_equal(fb_each_align(&t.merge, false, &t.err), FB_OK);
    assert_int_equal(fb_scan_sample(&t.merge, "sample", false, count_values, NULL, pointer, &t.err),
                     FB_OK);
    for (int i = 0; i < fb_each_threads(); i++)
        for (int j = 0; j < 2; j++)
            sum[j] += count[i][j];
    assert_int_equal(sum[0], values);
    assert_int_equal(sum[1], begins);
    tiny_end(&t);
    free(count);
    free(pointer);
    free(x);
}

static void test_a_sample_is_every_so_manieth_piece(void **state) {
    const int64_t far = FB_EACH_STRIDE * FB_EACH_PIECE;

    (void)state;
    check_sample(5, 2, 2, 0);
    check_sample(far, 0, FB_EACH_PIECE, 0);
    check_sample(far + 3, 0, FB_EACH_PIECE + 3, far);
    check_sample(far + FB_EACH_PIECE + 3, 0, 2 * FB_EACH_PIECE, far);
    check_sample(2 * FB_EACH_STRIDE, 1, 2, FB_EACH_STRIDE);
}

static void test_a_file_that_cannot_be_written_leaves_nothing(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    t.merge.stream_path = ".";
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EIO);
    assert_false(t.merge.streamed);
    assert_int_equal(t.merge.weights.names.count, 0);
    tiny_end(&t);
}

static void test_keeps_stored_types_when_told_to(void **state) {
    const uint16_t half[] = {0x3f80, 0x4000};
    struct fb_entry e = {.name = "w",
                         .dtype = FB_BF16,
                         .ndim = 1,
                         .shape = {2},
                         .numel = 2,
                         .data = half,
                         .size = sizeof half};
    struct fb_ckpt *file;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_write(&t, "a", &e, 1);
    tiny_model(&t, "b", "w", (const float[]){3, 4}, 2);
    tiny_pool(&t, pool);
    t.merge.stream_path = "out.safetensors";
    t.merge.stream_as_stored = true;
    if (tiny_run(&t, "{name: simple_average}")) fail_msg("%s", t.err.msg);
    assert_int_equal(fb_ckpt_open(&file, "out.safetensors", &t.err), FB_OK);
    assert_memory_equal(fb_ckpt_find(file, "w")->data, ((const uint16_t[]){0x4000, 0x4040}), 4);
    fb_ckpt_close(file);
    tiny_end(&t);
}

static int attempt(void *arg) {
    struct tiny *t = arg;
    struct fb_arena arena = {0};
    int rc;

    t->err = (struct fb_err){0};
    t->merge.arena = &arena;
    rc = fb_each_align(&t->merge, false, &t->err);
    if (!rc) rc = fb_merge_each(&t->merge, false, note, &(int *){(int[3]){0}}, &t->err);
    fb_merge_free(&t->merge);
    fb_arena_free(&arena);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    t.merge.block = 2;
    assert_true(for_each_allocation_failure(attempt, &t, 1000) > 10);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_block_size_changes_a_bit),
        cmocka_unit_test(test_no_number_of_threads_changes_a_bit),
        cmocka_unit_test(test_marked_blocks_are_done_twice_if_asked_for),
        cmocka_unit_test(test_a_scan_sees_every_value_once),
        cmocka_unit_test(test_a_sample_is_every_so_manieth_piece),
        cmocka_unit_test(test_a_file_that_cannot_be_written_leaves_nothing),
        cmocka_unit_test(test_keeps_stored_types_when_told_to),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
