#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/json.h"
#include "model/relative.h"

static void check_case(const struct fb_node *c) {
    struct fb_relative r = {fb_node_get(c, "buckets")->value.integer,
                            fb_node_get(c, "max_distance")->value.integer,
                            fb_node_get(c, "bidirectional")->value.flag};
    const struct fb_node *runs = fb_node_get(c, "runs");

    for (int64_t i = 0; i < runs->count; i++) {
        int64_t from = runs->item[i]->item[0]->value.integer;
        int64_t to = i + 1 < runs->count ? runs->item[i + 1]->item[0]->value.integer : 301;
        for (int64_t d = from; d < to; d++)
            assert_int_equal(fb_relative_bucket(&r, d), runs->item[i]->item[1]->value.integer);
    }
}

static void test_buckets_are_those_of_transformers(void **state) {
    struct fb_arena arena = {0};
    struct fb_node *json;
    struct fb_err err = {0};
    const struct fb_node *cases;

    (void)state;
    assert_int_equal(fb_json_load(&json, &arena, FB_GOLDEN_DIR "/t5/relative.json", &err), FB_OK);
    cases = fb_node_get(json, "cases");
    assert_int_equal(cases->count, 10);
    for (int64_t i = 0; i < cases->count; i++)
        check_case(cases->item[i]);
    fb_arena_free(&arena);
}

static void test_buckets_of_all_distances(void **state) {
    const struct fb_relative r = {32, 128, true};
    int64_t bucket[9];

    (void)state;
    fb_relative_buckets(bucket, &r, 5);
    for (int64_t d = -4; d <= 4; d++)
        assert_int_equal(bucket[d + 4], fb_relative_bucket(&r, d));
}

static void test_a_table_holds_each_heads_value_by_distance(void **state) {
    const struct fb_relative r = {8, 20, true};
    float weight[16], bias[2 * 9];

    (void)state;
    for (int i = 0; i < 16; i++)
        weight[i] = (float)i;
    fb_relative_bias(bias, &r, weight, 2, 5);
    for (int h = 0; h < 2; h++)
        for (int d = -4; d <= 4; d++)
            assert_true(bias[h * 9 + d + 4] == (float)(fb_relative_bucket(&r, d) * 2 + h));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_are_those_of_transformers),
        cmocka_unit_test(test_buckets_of_all_distances),
        cmocka_unit_test(test_a_table_holds_each_heads_value_by_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
