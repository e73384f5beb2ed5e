#include "data/arrow_batch.h"

#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fb_bytes open_golden(struct fb_map *map, const char *name) {
    struct fb_err err = {0};
    char path[1024];

    snprintf(path, sizeof path, "%s/data/%s", FB_GOLDEN_DIR, name);
    assert_int_equal(fb_map_open(map, path, &err), FB_OK);
    return (struct fb_bytes){map->data, map->data + map->size};
}

/* A schema, one batch of two rows in three columns, the end. */
static void test_messages_follow_each_other(void **state) {
    uint64_t budget = 0;
    struct fb_bytes stream, buffer[3];
    struct fb_arrow_message m;
    struct fb_arrow_batch batch;
    struct fb_err err = {0};
    struct fb_map map;
    int64_t nulls;

    (void)state;
    stream = open_golden(&map, "sst2.arrow");
    assert_int_equal(fb_arrow_message_read(&m, &stream, &err), FB_OK);
    assert_int_equal(m.kind, FB_ARROW_SCHEMA);
    assert_int_equal(fb_arrow_message_read(&m, &stream, &err), FB_OK);
    assert_int_equal(m.kind, FB_ARROW_RECORDS);
    assert_int_equal(fb_arrow_batch_open(&batch, &m.header, m.body, &budget, &err), FB_OK);
    assert_int_equal(batch.rows, 2);
    assert_int_equal(fb_arrow_batch_skip(&batch, 1, 3, 0, &err), FB_OK);
    assert_int_equal(fb_arrow_batch_array(&batch, 2, buffer, &nulls, &err), FB_OK);
    assert_int_equal(nulls, 0);
    assert_int_equal(fb_le64(buffer[1].at), 1);
    assert_int_equal(fb_le64(buffer[1].at + 8), 0);
    assert_int_equal(fb_arrow_batch_skip(&batch, 2, 2, 0, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a batch has 3 arrays and 7 buffers, fewer than its schema");
    fb_arrow_batch_close(&batch);
    assert_int_equal(fb_arrow_message_read(&m, &stream, &err), FB_OK);
    assert_int_equal(m.kind, FB_ARROW_END);
    fb_map_close(&map);
}

static void test_sizes_are_checked(void **state) {
    static const unsigned char image[] = {255, 255, 255, 255, 9, 0, 0, 0, 0};
    struct fb_bytes stream = {image, image + sizeof image};
    struct fb_arrow_message m;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_arrow_message_read(&m, &stream, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "metadata of 9 bytes, 1 are left");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_follow_each_other),
        cmocka_unit_test(test_sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
