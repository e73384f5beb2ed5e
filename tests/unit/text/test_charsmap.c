#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/map.h"
#include "text/charsmap.h"
#include "text/spiece.h"

#include <string.h>

/* The map of the golden model: see RULES in tools/golden/text_t5.py. */
static void open_map(struct fb_charsmap *m) {
    struct fb_err err = {0};
    struct fb_spiece s;
    struct fb_map file;

    assert_int_equal(fb_map_open(&file, FB_GOLDEN_DIR "/text/t5/spiece/spiece.model", &err), FB_OK);
    assert_int_equal(fb_spiece_read(&s, file.data, file.size, &err), FB_OK);
    assert_int_equal(fb_charsmap_read(m, s.charsmap, s.charsmap_size, &err), FB_OK);
    fb_spiece_free(&s);
    fb_map_close(&file);
}

static void test_rules_apply_to_clusters_and_characters(void **state) {
    static const char *const cases[][2] = {
        {"plain text", "plain text"},
        {"a\tb\r\nc", "a b c"},
        {"e\xcc\x81", "\xc3\xa9"},
        {"xe\xcc\x81", "x\xc3\xa9"},
        {"e\xcc\x81\xcc\x81", "\xc3\xa9"}, /* the rule of the shorter entry takes the cluster */
        {"\xef\xac\x81sh", "fish"},
        {"a\xc2\xad"
         "b",
         "ab"},
        {"\xe3\x81\x8b\xe3\x82\x99", "\xe3\x81\x8b\xe3\x82\x99"}, /* six bytes: one by one */
        {"", ""},
    };
    struct fb_charsmap m;
    struct fb_err err = {0};

    (void)state;
    open_map(&m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_str out = {0};
        assert_int_equal(fb_charsmap_apply(&m, &out, cases[i][0], strlen(cases[i][0]), &err),
                         FB_OK);
        assert_string_equal(fb_str_text(&out), cases[i][1]);
        fb_str_free(&out);
    }
    fb_charsmap_free(&m);
}

static void test_damaged_maps_are_refused_or_harmless(void **state) {
    static const unsigned char long_array[] = {0xff, 0xff, 0xff, 0x7f, 0},
                               odd[] = {3, 0, 0, 0, 1, 2, 3};
    unsigned char wild[8 + 4] = {4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 'a'};
    struct fb_charsmap m;
    struct fb_str out = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_charsmap_read(&m, long_array, sizeof long_array, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "character map: an array of 2147483647 bytes in 5");
    assert_int_equal(fb_charsmap_read(&m, odd, sizeof odd, &err), FB_EFORMAT);
    assert_int_equal(fb_charsmap_read(&m, "ab", 2, &err), FB_EFORMAT);
    assert_int_equal(fb_charsmap_read(&m, wild, sizeof wild, &err), FB_OK);
    assert_int_equal(fb_charsmap_apply(&m, &out, "a\xc3\xa9", 3, &err), FB_OK);
    assert_string_equal(fb_str_text(&out), "a\xc3\xa9");
    fb_str_free(&out);
    fb_charsmap_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_apply_to_clusters_and_characters),
        cmocka_unit_test(test_damaged_maps_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
