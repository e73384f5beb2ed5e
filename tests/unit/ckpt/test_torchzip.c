#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "base/map.h"
#include "ckpt/torchzip.h"

#include <stdlib.h>
#include <string.h>

#define GOLDEN FB_GOLDEN_DIR "/torch/"

/* A golden file in memory of exactly its size. */
struct file {
    unsigned char *bytes;
    size_t size;
};

static struct file load(const char *path) {
    struct fb_err err = {0};
    struct fb_map map;
    struct file f;

    assert_int_equal(fb_map_open(&map, path, &err), FB_OK);
    f = (struct file){malloc(map.size), map.size};
    assert_non_null(f.bytes);
    memcpy(f.bytes, map.data, map.size);
    fb_map_close(&map);
    return f;
}

/* Place of the nth central record, of the end record. */
static unsigned char *record(struct file f, int n) {
    for (size_t i = 0; i + 4 <= f.size; i++)
        if (!memcmp(f.bytes + i, "PK\1\2", 4) && !n--) return f.bytes + i;
    fail_msg("no such record");
    return NULL;
}

static unsigned char *end_record(struct file f) {
    return f.bytes + f.size - 22;
}

static void check_base(const char *path) {
    struct fb_err err = {0};
    struct fb_arena owned = {0};
    struct fb_torchzip zip;
    struct file f = load(path);
    const unsigned char *data, *again;
    size_t size;
    float v;

    assert_true(fb_torchzip_is(f.bytes, f.size));
    assert_int_equal(fb_torchzip_open(&zip, f.bytes, f.size, &owned, &err), FB_OK);
    assert_true(fb_torchzip_has(&zip, "data.pkl"));
    assert_false(fb_torchzip_has(&zip, "constants.pkl"));
    assert_int_equal(fb_torchzip_read(&zip, "data/0", true, &data, &size, &err), FB_OK);
    assert_int_equal(size, 24 * sizeof v);
    memcpy(&v, data + 23 * sizeof v, sizeof v);
    assert_true(v == 23);
    assert_int_equal(fb_torchzip_read(&zip, "data/0", false, &again, &size, &err), FB_OK);
    assert_ptr_equal(data, again);
    fb_torchzip_close(&zip);
    fb_arena_free(&owned);
    free(f.bytes);
}

static void test_stored_deflated_and_zip64_archives_are_read(void **state) {
    (void)state;
    check_base(GOLDEN "views.pt");
    check_base(GOLDEN "deflated.pt");
    check_base(GOLDEN "zip64.pt");
}

static void test_stored_entries_are_pointers_into_the_file(void **state) {
    struct fb_err err = {0};
    struct fb_torchzip zip;
    struct file f = load(GOLDEN "views.pt");
    const unsigned char *data;
    size_t size;

    (void)state;
    assert_int_equal(fb_torchzip_open(&zip, f.bytes, f.size, NULL, &err), FB_OK);
    assert_int_equal(fb_torchzip_read(&zip, "data/0", false, &data, &size, &err), FB_OK);
    assert_true(data > f.bytes && data + size < f.bytes + f.size);
    assert_int_equal(fb_torchzip_read(&zip, "data/9\n", false, &data, &size, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "has no entry 'data/9\\x0a'");
    fb_torchzip_close(&zip);
    fb_torchzip_close(&zip); /* of a zeroed struct */
    free(f.bytes);
}

/* Opens the changed file and reads every entry, with checksums. */
static int try_all(struct file f, struct fb_err *err) {
    struct fb_arena owned = {0};
    struct fb_torchzip zip;
    const unsigned char *data;
    size_t size;

    if (!fb_torchzip_open(&zip, f.bytes, f.size, &owned, err)) {
        for (int64_t i = 0; i < zip.names.count && !err->code; i++)
            if (fb_torchzip_read(&zip, zip.names.name[i], true, &data, &size, err)) break;
        fb_torchzip_close(&zip);
    }
    fb_arena_free(&owned);
    return err->code;
}

static void refused(struct file f, int code, const char *message) {
    struct fb_err err = {0};

    assert_int_equal(try_all(f, &err), code);
    assert_string_equal(err.msg, message);
    free(f.bytes);
}

static void set16(unsigned char *at, unsigned value) {
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
}

static void set32(unsigned char *at, unsigned value) {
    set16(at, value & 0xffff);
    set16(at + 2, value >> 16);
}

static void test_a_damaged_directory_is_refused(void **state) {
    struct file f = load(GOLDEN "views.pt");

    (void)state;
    f.size -= 1;
    refused(f, FB_EFORMAT, "the zip directory is missing: the file has been cut");
    f = load(GOLDEN "views.pt");
    set32(end_record(f) + 12, 5000);
    refused(f, FB_EFORMAT, "the zip directory claims bytes 1912 to 6912 of 2380");
    f = load(GOLDEN "views.pt");
    set16(end_record(f) + 10, 20);
    refused(f, FB_EFORMAT, "the zip directory claims 20 entries in 370 bytes");
    f = load(GOLDEN "deflated.pt");
    set16(end_record(f) + 10, 65535);
    refused(f, FB_EFORMAT, "the zip64 directory is not where it should be");
    f = load(GOLDEN "zip64.pt");
    end_record(f)[-12] ^= 1;
    refused(f, FB_EFORMAT, "the zip64 directory is not at byte 2187");
    f = load(GOLDEN "views.pt");
    record(f, 1)[0] = 'p';
    refused(f, FB_EFORMAT, "the zip directory is damaged");
    f = load(GOLDEN "views.pt");
    set16(record(f, 0) + 32, 60000);
    refused(f, FB_EFORMAT, "the zip directory is damaged");
}

static void test_damaged_entries_are_named(void **state) {
    struct file f = load(GOLDEN "views.pt");

    (void)state;
    record(f, 0)[8] |= 1;
    refused(f, FB_EUNSUPPORTED, "entry 'views/data.pkl': it is encrypted");
    f = load(GOLDEN "views.pt");
    record(f, 0)[10] = 12;
    refused(f, FB_EUNSUPPORTED, "entry 'views/data.pkl': compression method 12 is not read");
    f = load(GOLDEN "views.pt");
    set32(record(f, 0) + 42, 4000);
    refused(f, FB_EFORMAT, "entry 'views/data.pkl': 1102 bytes at byte 4000 do not fit into 2380");
    f = load(GOLDEN "views.pt");
    set32(record(f, 0) + 24, 4000);
    refused(f, FB_EFORMAT, "entry 'views/data.pkl': 4000 bytes are stored as 1102");
    f = load(GOLDEN "deflated.pt");
    set32(record(f, 0) + 24, 1 << 30);
    refused(f, FB_EFORMAT,
            "entry 'views/data.pkl': 1073741824 bytes cannot come from 627 deflated ones");
    f = load(GOLDEN "views.pt");
    set32(record(f, 0) + 42, 1);
    refused(f, FB_EFORMAT, "entry 'data.pkl': no local header at byte 1");
    f = load(GOLDEN "views.pt");
    set16(f.bytes + 28, 60000);
    refused(f, FB_EFORMAT, "entry 'data.pkl': 1102 bytes at byte 60044 do not fit into 2380");
    f = load(GOLDEN "views.pt");
    record(f, 0)[16] ^= 1;
    refused(f, FB_EFORMAT,
            "entry 'data.pkl': its checksum is 9da62a6c, the directory says 9da62a6d");
    f = load(GOLDEN "deflated.pt");
    set32(record(f, 0) + 24, 941);
    refused(f, FB_EFORMAT, "entry 'data.pkl': its deflated data are damaged");
    f = load(GOLDEN "views.pt");
    record(f, 0)[46] = 0;
    refused(f, FB_EFORMAT, "entry '\\x00iews/data.pkl': a zero byte is in its name");
}

/* Entries that share bytes: how an archive of kilobytes unpacks to gigabytes. */
static void test_entries_that_share_bytes_are_refused(void **state) {
    struct file f = load(GOLDEN "views.pt");

    (void)state;
    for (int i = 1; i < 5; i++) {
        memcpy(record(f, i) + 20, record(f, 0) + 20, 8);
        memcpy(record(f, i) + 42, record(f, 0) + 42, 4);
    }
    refused(f, FB_EFORMAT, "its entries take more than its 2380 bytes");
    f = load(GOLDEN "views.pt");
    assert_memory_equal(record(f, 1) + 46, "views/byteorder", 15);
    set16(record(f, 1) + 28, 14); /* and the 'r' into the extra field, which is longer now */
    set16(record(f, 1) + 30, 1);
    memcpy(record(f, 1) + 46, "views/data.pkl", 14);
    refused(f, FB_EFORMAT, "entry 'views/data.pkl': it is there twice");
}

/* Every prefix, and every bit of the bytes that are not content, changed by itself. */
static void test_no_damage_is_a_crash(void **state) {
    static const char *const paths[] = {GOLDEN "views.pt", GOLDEN "deflated.pt", GOLDEN "zip64.pt"};

    (void)state;
    for (int p = 0; p < 3; p++) {
        struct file f = load(paths[p]);
        for (size_t size = 0; size < f.size; size++) {
            struct fb_err err = {0};
            struct file cut = {malloc(size ? size : 1), size};
            assert_non_null(cut.bytes);
            memcpy(cut.bytes, f.bytes, size);
            assert_true(try_all(cut, &err) < 0);
            free(cut.bytes);
        }
        for (size_t bit = 0; bit < 8 * f.size; bit++) {
            struct fb_err err = {0};
            f.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            if (try_all(f, &err)) assert_true(err.msg[0]);
            f.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        free(f.bytes);
    }
}

static int attempt(void *arg) {
    struct fb_err err = {0};

    return try_all(*(struct file *)arg, &err);
}

static void test_failed_allocations_are_reported(void **state) {
    struct file f = load(GOLDEN "deflated.pt");

    (void)state;
    assert_true(for_each_allocation_failure(attempt, &f, 100) >= 5);
    free(f.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_deflated_and_zip64_archives_are_read),
        cmocka_unit_test(test_stored_entries_are_pointers_into_the_file),
        cmocka_unit_test(test_a_damaged_directory_is_refused),
        cmocka_unit_test(test_damaged_entries_are_named),
        cmocka_unit_test(test_entries_that_share_bytes_are_refused),
        cmocka_unit_test(test_no_damage_is_a_crash),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
