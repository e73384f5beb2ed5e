#include "config/node.h"

#include "alloc_faults.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct fb_place nowhere;

static struct fb_node *integer(struct fb_arena *a, int64_t v) {
    struct fb_err err = {0};

    return fb_node_int(a, v, nowhere, &err);
}

/* {a: {b: [1, x]}, c: null} */
static struct fb_node *sample(struct fb_arena *a) {
    struct fb_err err = {0};
    struct fb_node *root = fb_node_map(a, nowhere, &err), *inner = fb_node_map(a, nowhere, &err);
    struct fb_node *list = fb_node_list(a, nowhere, &err);

    assert_int_equal(fb_node_push(a, list, integer(a, 1), &err), FB_OK);
    assert_int_equal(fb_node_push(a, list, fb_node_text(a, "x", nowhere, &err), &err), FB_OK);
    assert_int_equal(fb_node_set(a, inner, "b", list, &err), FB_OK);
    assert_int_equal(fb_node_set(a, root, "a", inner, &err), FB_OK);
    assert_int_equal(fb_node_set(a, root, "c", fb_node_null(a, nowhere, &err), &err), FB_OK);
    return root;
}

static void test_paths_lead_down_and_up(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str path = {0};
    struct fb_node *root = sample(&a);

    (void)state;
    assert_ptr_equal(fb_node_at(root, ""), root);
    assert_string_equal(fb_node_at(root, "a.b.1")->text, "x");
    assert_null(fb_node_at(root, "a.b.2"));
    assert_null(fb_node_at(root, "a.b.-1"));
    assert_null(fb_node_at(root, "a.b.x"));
    assert_null(fb_node_at(root, "a.x"));
    assert_null(fb_node_at(root, "c.x"));
    assert_null(fb_node_at(NULL, "a"));
    assert_int_equal(fb_node_path(&path, fb_node_at(root, "a.b.1"), &err), FB_OK);
    assert_string_equal(path.data, "a.b.1");
    fb_str_free(&path);
    assert_int_equal(fb_node_path(&path, root, &err), FB_OK);
    assert_string_equal(fb_str_text(&path), "");
    fb_str_free(&path);
    fb_arena_free(&a);
}

static void test_setting_a_key_again_keeps_its_position(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *root = sample(&a);

    (void)state;
    assert_int_equal(fb_node_set_int(&a, root, "a", 7, &err), FB_OK);
    assert_int_equal(root->count, 2);
    assert_string_equal(root->key[0].text, "a");
    assert_int_equal(root->item[0]->value.integer, 7);
    assert_ptr_equal(root->item[0]->parent, root);
    fb_arena_free(&a);
}

static void test_keys_of_different_kinds_are_different(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *map = fb_node_map(&a, nowhere, &err);

    (void)state;
    assert_int_equal(fb_node_set_key(&a, map, (struct fb_key){"1", FB_INT}, integer(&a, 1), &err),
                     FB_OK);
    assert_int_equal(fb_node_set(&a, map, "1", integer(&a, 2), &err), FB_OK);
    assert_int_equal(map->count, 2);
    assert_int_equal(fb_node_get(map, "1")->value.integer, 2);
    assert_int_equal(fb_node_index(map, (struct fb_key){"1", FB_INT}), 0);
    assert_int_equal(fb_node_at(map, "1")->value.integer, 1);
    fb_arena_free(&a);
}

/* Large maps have an index; it must follow insertions, replacements and removals. */
static void test_large_maps_find_the_same_as_small_ones(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *map = fb_node_map(&a, nowhere, &err);
    char key[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(fb_node_set_int(&a, map, key, i, &err), FB_OK);
    }
    for (int64_t i = 998; i >= 0; i -= 2) /* the even ones */
        fb_node_remove(map, i);
    assert_int_equal(map->count, 500);
    assert_null(fb_node_get(map, "k10"));
    assert_int_equal(fb_node_get(map, "k11")->value.integer, 11);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(fb_node_set_int(&a, map, key, -i, &err), FB_OK);
    }
    assert_int_equal(map->count, 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(fb_node_get(map, key)->value.integer, -i);
    }
    assert_null(fb_node_get(map, "k1000"));
    fb_arena_free(&a);
}

static void test_look_ups_in_other_kinds_find_nothing(void **state) {
    struct fb_arena a = {0};
    struct fb_node *root = sample(&a);

    (void)state;
    assert_null(fb_node_get(NULL, "a"));
    assert_null(fb_node_get(fb_node_at(root, "a.b"), "a"));
    assert_int_equal(fb_node_index(fb_node_at(root, "c"), (struct fb_key){"a", FB_TEXT}), -1);
    fb_arena_free(&a);
}

static void test_a_copy_is_deep_and_a_root(void **state) {
    struct fb_arena a = {0}, b = {0};
    struct fb_err err = {0};
    struct fb_node *root = sample(&a), *copy;

    (void)state;
    fb_node_at(root, "a.b.1")->quoted = true;
    fb_node_at(root, "a.b.1")->literal = true;
    fb_node_at(root, "a")->place = (struct fb_place){"f", 3, 4};
    assert_non_null(copy = fb_node_copy(&b, fb_node_get(root, "a"), &err));
    fb_arena_free(&a);
    assert_null(copy->parent);
    assert_int_equal(copy->place.line, 3);
    assert_string_equal(fb_node_at(copy, "b.1")->text, "x");
    assert_true(fb_node_at(copy, "b.1")->quoted);
    assert_true(fb_node_at(copy, "b.1")->literal);
    assert_ptr_equal(fb_node_at(copy, "b")->parent, copy);
    fb_arena_free(&b);
}

static void test_removing_keeps_the_order(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *list = fb_node_list(&a, nowhere, &err), *gone;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(fb_node_push(&a, list, integer(&a, i), &err), FB_OK);
    gone = list->item[1];
    fb_node_remove(list, 1);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->item[1]->value.integer, 2);
    assert_null(gone->parent);
    fb_arena_free(&a);
}

static void test_equality_is_pythons(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *one = integer(&a, 1), *real = fb_node_real(&a, 1, nowhere, &err);
    struct fb_node *truth = fb_node_bool(&a, true, nowhere, &err);
    struct fb_node *text = fb_node_text(&a, "1", nowhere, &err);
    struct fb_node *nan = fb_node_real(&a, (double)NAN, nowhere, &err);
    struct fb_node *big = integer(&a, INT64_MAX), *bigger = integer(&a, INT64_MAX);
    struct fb_node *first = sample(&a), *second = fb_node_map(&a, nowhere, &err);

    (void)state;
    big->text = "9223372036854775808";
    bigger->text = "9223372036854775809";
    assert_true(fb_node_equal(one, real) && fb_node_equal(real, truth));
    assert_false(fb_node_equal(one, text));
    assert_false(fb_node_equal(nan, nan));
    assert_true(fb_node_equal(big, big));
    assert_false(fb_node_equal(big, bigger));
    assert_false(fb_node_equal(big, integer(&a, INT64_MAX)));
    assert_int_equal(fb_node_set(&a, second, "c", fb_node_null(&a, nowhere, &err), &err), FB_OK);
    assert_false(fb_node_equal(first, second));
    assert_int_equal(
        fb_node_set(&a, second, "a", fb_node_copy(&a, fb_node_get(first, "a"), &err), &err), FB_OK);
    assert_true(fb_node_equal(first, second));
    fb_node_at(second, "a.b.0")->value.integer = 2;
    assert_false(fb_node_equal(first, second));
    fb_arena_free(&a);
}

static void test_special_strings_are_recognised(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *missing = fb_node_text(&a, "\?\?\?", nowhere, &err);
    struct fb_node *inter = fb_node_text(&a, "x${y}", nowhere, &err);

    (void)state;
    assert_true(fb_node_is_missing(missing));
    assert_false(fb_node_is_missing(inter));
    assert_false(fb_node_is_missing(NULL));
    assert_true(fb_node_is_interpolation(inter));
    assert_false(fb_node_is_interpolation(missing));
    inter->literal = true;
    assert_false(fb_node_is_interpolation(inter));
    fb_arena_free(&a);
}

static void test_keys_are_made_of_scalars(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_key key;

    (void)state;
    assert_int_equal(fb_key_of(&key, &a, integer(&a, -5), &err), FB_OK);
    assert_string_equal(key.text, "-5");
    assert_int_equal(fb_key_of(&key, &a, fb_node_bool(&a, true, nowhere, &err), &err), FB_OK);
    assert_string_equal(key.text, "true");
    assert_int_equal(fb_key_of(&key, &a, fb_node_real(&a, 1e-5, nowhere, &err), &err), FB_OK);
    assert_string_equal(key.text, "1e-05");
    assert_int_equal(key.kind, FB_REAL);
    assert_int_equal(fb_key_of(&key, &a, fb_node_null(&a, nowhere, &err), &err), FB_OK);
    assert_string_equal(key.text, "null");
    assert_int_equal(fb_key_of(&key, &a, sample(&a), &err), FB_ECONFIG);
    assert_string_equal(err.msg, "a key must be a scalar, found a mapping");
    fb_arena_free(&a);
}

static void test_places_are_prefixes(void **state) {
    char text[64];

    (void)state;
    fb_place_format(text, sizeof text, (struct fb_place){"f.yaml", 3, 7});
    assert_string_equal(text, "f.yaml:3:7: ");
    fb_place_format(text, sizeof text, (struct fb_place){"command line", 0, 0});
    assert_string_equal(text, "command line: ");
    fb_place_format(text, sizeof text, nowhere);
    assert_string_equal(text, "");
    assert_string_equal(fb_kind_name(FB_MAP), "mapping");
    assert_string_equal(fb_kind_name(FB_NULL), "null");
}

static int attempt(void *arg) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *map = fb_node_map(&a, nowhere, &err);
    int rc = FB_OK;
    char key[16];

    (void)arg;
    for (int i = 0; i < 5000 && !rc; i++) {
        snprintf(key, sizeof key, "k%d", i);
        rc = fb_node_set_int(&a, map, key, i, &err);
    }
    if (!rc && !fb_node_copy(&a, map, &err)) rc = err.code;
    fb_arena_free(&a);
    return rc;
}

static void test_failing_allocations_are_reported(void **state) {
    (void)state;
    assert_in_range(for_each_allocation_failure(attempt, NULL, 100), 3, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_lead_down_and_up),
        cmocka_unit_test(test_setting_a_key_again_keeps_its_position),
        cmocka_unit_test(test_keys_of_different_kinds_are_different),
        cmocka_unit_test(test_large_maps_find_the_same_as_small_ones),
        cmocka_unit_test(test_look_ups_in_other_kinds_find_nothing),
        cmocka_unit_test(test_a_copy_is_deep_and_a_root),
        cmocka_unit_test(test_removing_keeps_the_order),
        cmocka_unit_test(test_equality_is_pythons),
        cmocka_unit_test(test_special_strings_are_recognised),
        cmocka_unit_test(test_keys_are_made_of_scalars),
        cmocka_unit_test(test_places_are_prefixes),
        cmocka_unit_test(test_failing_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
