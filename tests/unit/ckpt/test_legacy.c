#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "base/map.h"
#include "ckpt/legacy.h"

#include <stdlib.h>
#include <string.h>

#define GOLDEN FB_GOLDEN_DIR "/torch/"

static struct fb_arena arena;

static int teardown(void **state) {
    (void)state;
    fb_arena_free(&arena);
    return 0;
}

/* The pickles of a stream. */
#define MAGIC   "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19."
#define VERSION "\x80\x02M\xe9\x03."
#define MACHINE "\x80\x02}U\x0dlittle_endian\x88s."
#define HEAD    MAGIC VERSION MACHINE
#define ID(key) "(U\x07storagectorch\nShortStorage\nU\x01" key "NK\x02tQ"
#define KEY                                                                                        \
    "]U\x01"                                                                                       \
    "0a."
#define DATA "\x02\0\0\0\0\0\0\0\x01\0\xff\xff"

static int read_exact(struct fb_pickle *p, const char *bytes, size_t size, struct fb_err *err) {
    char *exact = malloc(size ? size : 1);
    int rc;

    assert_non_null(exact);
    memcpy(exact, bytes, size);
    rc = fb_legacy_read(p, &arena, exact, size, err);
    free(exact);
    return rc;
}

static void test_storages_follow_the_pickles(void **state) {
    static const char bytes[] = HEAD "]" ID("0") "a" ID("0") "a." KEY DATA;
    struct fb_err err = {0};
    struct fb_pickle p;

    (void)state;
    assert_int_equal(fb_legacy_read(&p, &arena, bytes, sizeof bytes - 1, &err), FB_OK);
    assert_int_equal(p.root->count, 2);
    assert_ptr_equal(p.storages->data, bytes + sizeof bytes - 1 - 4);
    assert_ptr_equal(p.storages->next->data, p.storages->data); /* one storage, named twice */
}

static void refused(const char *bytes, size_t size, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_pickle p;

    assert_int_equal(read_exact(&p, bytes, size, &err), code);
    assert_string_equal(err.msg, message);
}

#define BROKEN(text, message)  refused(text, sizeof(text) - 1, FB_EFORMAT, message)
#define REFUSED(text, message) refused(text, sizeof(text) - 1, FB_EUNSUPPORTED, message)

static void test_other_pickles_are_told_apart(void **state) {
    (void)state;
    REFUSED("\x80\x02}.", "is a pickle, but not one of torch.save: it does not begin with torch's "
                          "magic number");
    REFUSED("\x80\x02\x8a\x0am\xfc\x9c\x46\xf9 j\xa8P\x19.",
            "is a pickle, but not one of torch.save: it does not begin with torch's magic number");
    REFUSED("\x80\x02"
            "cos\nsystem\n",
            "first pickle: byte 2: global 'os.system' is not allowed: "
            "a state dict has no need of it (nothing was executed)");
    REFUSED(MAGIC "M\xe8\x03.", "the version of the format is not 1001");
    REFUSED(MAGIC VERSION "}U\x0dlittle_endian\x89s.",
            "was written on a big-endian machine, which is not read");
}

static void test_broken_streams_are_refused(void **state) {
    (void)state;
    BROKEN(MAGIC, "pickle of the version: byte 0: the pickle ends without STOP");
    BROKEN(MAGIC VERSION, "pickle of the machine: byte 0: the pickle ends without STOP");
    BROKEN(HEAD "N", "pickle of the object: byte 1: the pickle ends without STOP");
    BROKEN(HEAD "N.", "pickle of the storage keys: byte 0: the pickle ends without STOP");
    BROKEN(HEAD "N.N.", "the storage keys are no list");
    BROKEN(HEAD "N.]Na.", "a storage key is no text");
    BROKEN(HEAD "N.]U\x02k\0a.", "a storage key is no text");
    BROKEN(HEAD ID("0") ".](U\x01"
                        "0U\x01"
                        "0e.",
           "storage '0' is listed twice");
    BROKEN(HEAD ID("0") ".].", "storage '0' is used and not in the file");
    BROKEN(HEAD "N." KEY, "storage '0': no tensor uses it");
    BROKEN(HEAD ID("0") "." KEY "\x02\0\0\0\0\0\0", "storage '0': the file ends before it");
    BROKEN(HEAD ID("0") "." KEY "\x02\0\0\0\0\0\0\0\x01\0\xff",
           "storage '0': 2 elements of 2 bytes, 3 bytes are left");
    BROKEN(HEAD ID("0") "." KEY "\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\xff\xff",
           "storage '0': 18446744073709551615 elements of 2 bytes, 4 bytes are left");
    BROKEN(HEAD ID("0") "." KEY "\x01\0\0\0\0\0\0\0\x01\0",
           "storage '0' has 1 elements, the pickle says 2");
    BROKEN(HEAD "]" ID("0") "a(U\x07storagectorch\nLongStorage\nU\x01"
                            "0NK\x02tQa." KEY DATA,
           "storage '0' is used as torch.ShortStorage and as torch.LongStorage");
}

static void test_no_damage_is_a_crash(void **state) {
    struct fb_err err = {0};
    struct fb_pickle p;
    struct fb_map map;
    char *bytes;

    (void)state;
    assert_int_equal(fb_map_open(&map, GOLDEN "views.legacy.pt", &err), FB_OK);
    assert_non_null(bytes = malloc(map.size));
    memcpy(bytes, map.data, map.size);
    for (size_t size = 0; size < map.size; size++) {
        err.code = 0;
        assert_true(read_exact(&p, bytes, size, &err) < 0);
        fb_arena_reset(&arena);
    }
    for (size_t bit = 0; bit < 8 * map.size; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        err.msg[0] = 0;
        if (fb_legacy_read(&p, &arena, bytes, map.size, &err)) assert_true(err.msg[0]);
        fb_arena_reset(&arena);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    free(bytes);
    fb_map_close(&map);
}

static int attempt(void *arg) {
    static const char bytes[] = HEAD "]" ID("0") "a." KEY DATA;
    struct fb_err err = {0};
    struct fb_arena own = {0};
    struct fb_pickle p;
    int rc = fb_legacy_read(&p, &own, bytes, sizeof bytes - 1, &err);

    (void)arg;
    fb_arena_free(&own);
    return rc;
}

static void test_failed_allocations_are_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 100) >= 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storages_follow_the_pickles),
        cmocka_unit_test(test_other_pickles_are_told_apart),
        cmocka_unit_test(test_broken_streams_are_refused),
        cmocka_unit_test(test_no_damage_is_a_crash),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
