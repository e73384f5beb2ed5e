#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "model/weights.h"
#include "scratch.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_tensors_are_kept_in_order_and_aligned(void **state) {
    const int64_t shape[] = {3, 5};
    struct fb_err err = {0};
    struct fb_weights w = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct fb_weight *item;
        snprintf(name, sizeof name, "t%d", i);
        item = fb_weights_add(&w, name, 2, shape, &err);
        assert_non_null(item);
        assert_int_equal((uintptr_t)item->data % 64, 0);
        item->owned[14] = (float)i;
    }
    assert_int_equal(w.names.count, 100);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "t%d", i);
        assert_string_equal(w.item[i].name, name);
        assert_int_equal(w.item[i].numel, 15);
        assert_int_equal(w.item[i].shape[1], 5);
        assert_true(w.item[i].trainable && w.item[i].data == w.item[i].owned);
        assert_true(fb_weights_find(&w, name)->data[14] == (float)i);
    }
    assert_null(fb_weights_find(&w, "t100"));
    fb_weights_free(&w);
    assert_int_equal(w.names.count, 0);
    assert_null(fb_weights_find(&w, "t0"));
}

static void test_borrowed_values_are_not_ours(void **state) {
    static const float values[] = {1, 2};
    const int64_t shape[] = {2};
    struct fb_err err = {0};
    struct fb_weights w = {0};

    (void)state;
    assert_non_null(fb_weights_borrow(&w, "a", 1, shape, values, &err));
    assert_non_null(fb_weights_borrow(&w, "scalar", 0, NULL, values, &err));
    assert_ptr_equal(fb_weights_find(&w, "a")->data, values);
    assert_null(fb_weights_find(&w, "a")->owned);
    assert_int_equal(fb_weights_find(&w, "scalar")->numel, 1);
    fb_weights_free(&w);
}

static void test_released_values_are_gone_and_the_shapes_stay(void **state) {
    static const float values[] = {1, 2};
    const int64_t shape[] = {2};
    struct fb_err err = {0};
    struct fb_weights w = {0};

    (void)state;
    assert_non_null(fb_weights_add(&w, "copied", 1, shape, &err));
    assert_non_null(fb_weights_add(&w, "kept", 1, shape, &err));
    assert_non_null(fb_weights_borrow(&w, "not ours", 1, shape, values, &err));
    fb_weights_release(&w, "copied");
    fb_weights_release(&w, "not ours");
    fb_weights_release(&w, "not there");
    assert_null(fb_weights_find(&w, "copied")->data);
    assert_null(fb_weights_find(&w, "copied")->owned);
    assert_int_equal(fb_weights_find(&w, "copied")->numel, 2);
    assert_non_null(fb_weights_find(&w, "kept")->data);
    assert_ptr_equal(fb_weights_find(&w, "not ours")->data, values);
    fb_weights_release(&w, "copied");
    fb_weights_free(&w);
}

/* A checkpoint with one tensor "w" of `count` values: value i is i. */
static struct fb_ckpt *open_mapped(int count) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    const char *path = scratch_path("w.safetensors");
    FILE *f = fopen(path, "wb");
    char header[128];
    uint64_t size = (uint64_t)snprintf(
        header, sizeof header, "{\"w\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[0,%d]}}",
        count, 4 * count);

    assert_non_null(f);
    for (; size % 8; size++)
        header[size] = ' ';
    assert_int_equal(fwrite(&size, 8, 1, f), 1);
    assert_int_equal(fwrite(header, size, 1, f), 1);
    for (int i = 0; i < count; i++) {
        float v = (float)i;
        assert_int_equal(fwrite(&v, sizeof v, 1, f), 1);
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(fb_ckpt_open(&ckpt, path, &err), FB_OK);
    return ckpt;
}

/* Whether the page of an address counts as resident memory of this process: bit 63 of its entry in
 * the page map. Skips the test where the kernel does not say. */
static bool is_resident(const void *address) {
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    off_t at = (off_t)((uintptr_t)address / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof entry);

    if (fd < 0 || pread(fd, &entry, sizeof entry, at) != sizeof entry) {
        fputs("skipped: no /proc/self/pagemap\n", stderr);
        skip();
    }
    close(fd);
    return entry >> 63;
}

static void test_released_values_of_a_file_leave_the_memory_and_can_be_read(void **state) {
    enum { COUNT = 1 << 18 };
    struct fb_err err = {0};
    struct fb_weights w = {0};
    struct fb_ckpt *ckpt;
    const struct fb_weight *item;

    (void)state;
    scratch_make();
    ckpt = open_mapped(COUNT);
    item = fb_weights_borrow_entry(&w, "v", ckpt, fb_ckpt_find(ckpt, "w"), &err);
    assert_non_null(item);
    assert_true(item->numel == COUNT && !item->owned);
    assert_true(item->data[COUNT / 2] == COUNT / 2);
    assert_true(is_resident(&item->data[COUNT / 2]));
    fb_weights_release(&w, "v");
    assert_false(is_resident(&item->data[COUNT / 2]));
    assert_true(item->data[COUNT / 2] == COUNT / 2 && item->data[COUNT - 1] == COUNT - 1);
    /* What was made ours is freed. */
    assert_int_equal(fb_weights_own(&w, 0, &err), FB_OK);
    fb_weights_release(&w, "v");
    assert_null(item->data);
    fb_weights_free(&w);
    fb_ckpt_close(ckpt);
    scratch_remove();
}

static void test_a_name_is_taken_once(void **state) {
    const int64_t shape[] = {2};
    struct fb_err err = {0};
    struct fb_weights w = {0};

    (void)state;
    assert_non_null(fb_weights_add(&w, "a", 1, shape, &err));
    assert_null(fb_weights_add(&w, "a", 1, shape, &err));
    assert_int_equal(err.code, FB_EMISMATCH);
    assert_string_equal(err.msg, "two tensors 'a'");
    assert_int_equal(w.names.count, 1);
    fb_weights_free(&w);
}

static void test_shapes_beyond_memory_are_refused(void **state) {
    const int64_t negative[] = {2, -1}, huge[] = {INT64_MAX / 4, 2}, empty[] = {0, 7};
    struct fb_err err = {0};
    struct fb_weights w = {0};

    (void)state;
    assert_null(fb_weights_add(&w, "a", 2, negative, &err));
    assert_string_equal(err.msg, "tensor 'a': dimension 1 of -1 is out of range");
    assert_null(fb_weights_add(&w, "a", 2, huge, &err));
    assert_int_equal(err.code, FB_EFORMAT);
    assert_int_equal(fb_weights_add(&w, "a", 2, empty, &err)->numel, 0);
    fb_weights_free(&w);
}

static int attempt(void *arg) {
    const int64_t shape[] = {2};
    struct fb_err err = {0};
    struct fb_weights w = {0};
    char name[16];

    (void)arg;
    for (int i = 0; i < 40 && !err.code; i++) {
        snprintf(name, sizeof name, "t%d", i);
        if (!fb_weights_add(&w, name, 1, shape, &err)) assert_int_not_equal(err.code, FB_OK);
    }
    fb_weights_free(&w);
    return err.code;
}

static void test_failed_allocations_are_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 1000) >= 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_are_kept_in_order_and_aligned),
        cmocka_unit_test(test_borrowed_values_are_not_ours),
        cmocka_unit_test(test_released_values_are_gone_and_the_shapes_stay),
        cmocka_unit_test(test_released_values_of_a_file_leave_the_memory_and_can_be_read),
        cmocka_unit_test(test_a_name_is_taken_once),
        cmocka_unit_test(test_shapes_beyond_memory_are_refused),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
