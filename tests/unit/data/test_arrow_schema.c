#include "data/arrow_schema.h"

#include "base/map.h"
#include "data/arrow_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The columns of mixed.arrow: what each takes of a batch, nested ones with their children. */
static void test_columns_and_what_they_take(void **state) {
    static const struct {
        const char *name, *refused;
        int64_t nodes, buffers, views;
    } expected[] = {
        {"before", NULL, 1, 3, 0},
        {"list", "is a list", 2, 4, 0},
        {"struct", "is a struct", 3, 6, 0},
        {"map", "is a map", 4, 8, 0},
        {"price", "is a decimal", 1, 2, 0},
        {"half", "holds 16-bit floats", 1, 2, 0},
        {"view", "is a view of text", 1, 2, 1},
        {"coded", "is a list", 2, 4, 0},
        {"nothing", NULL, 1, 0, 0},
        {"day", NULL, 1, 2, 0},
        {"when", NULL, 1, 2, 0},
        {"after", NULL, 1, 2, 0},
    };
    struct fb_arrow_schema schema;
    struct fb_arrow_message m;
    struct fb_arena arena = {0};
    struct fb_bytes stream;
    struct fb_err err = {0};
    struct fb_map map;
    char path[1024];

    (void)state;
    snprintf(path, sizeof path, "%s/data/mixed.arrow", FB_GOLDEN_DIR);
    assert_int_equal(fb_map_open(&map, path, &err), FB_OK);
    stream = (struct fb_bytes){map.data, map.data + map.size};
    assert_int_equal(fb_arrow_message_read(&m, &stream, &err), FB_OK);
    assert_int_equal(fb_arrow_schema_read(&schema, &m.header, m.version, &arena, &err), FB_OK);
    assert_int_equal(schema.fields, 12);
    for (int i = 0; i < schema.fields; i++) {
        const struct fb_arrow_field *f = &schema.field[i];
        assert_string_equal(f->name, expected[i].name);
        assert_int_equal(f->nodes, expected[i].nodes);
        assert_int_equal(f->buffers, expected[i].buffers);
        assert_int_equal(f->views, expected[i].views);
        if (expected[i].refused) assert_string_equal(f->refused, expected[i].refused);
        else assert_null(f->refused);
    }
    assert_int_equal(schema.field[9].type.width, 4);
    assert_int_equal(schema.field[10].type.width, 8);
    fb_arena_free(&arena);
    fb_map_close(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_and_what_they_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
