#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "ckpt/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file image: length, header, `payload` bytes of 'x'. The block is exactly as long as the file,
 * so that a sanitizer sees every read beyond it. */
static unsigned char *image(const char *header, size_t payload, size_t *size) {
    size_t n = strlen(header);
    unsigned char *bytes = malloc(8 + n + payload);

    assert_non_null(bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)n >> (8 * i));
    memcpy(bytes + 8, header, n);
    memset(bytes + 8 + n, 'x', payload);
    *size = 8 + n + payload;
    return bytes;
}

static void assert_refused(const char *header, size_t payload, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_safetensors st;
    size_t size;
    unsigned char *bytes = image(header, payload, &size);

    assert_int_equal(fb_safetensors_parse(&st, bytes, size, &err), code);
    assert_string_equal(err.msg, message);
    assert_null(st.entry);
    free(bytes);
}

static void test_entries_are_sorted_and_point_into_the_payload(void **state) {
    struct fb_err err = {0};
    struct fb_safetensors st;
    size_t size;
    unsigned char *bytes =
        image("{\"b\":{\"dtype\":\"U8\",\"shape\":[2,1],\"data_offsets\":[0,2]},"
              "\"__metadata__\":{\"k\":\"v\"},"
              "\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[2,4]},"
              "\"e\":{\"dtype\":\"F64\",\"shape\":[3,0],\"data_offsets\":[4,4]}}  ",
              4, &size);

    (void)state;
    assert_int_equal(fb_safetensors_parse(&st, bytes, size, &err), FB_OK);
    assert_int_equal(st.count, 3);
    assert_string_equal(st.entry[0].name, "a");
    assert_int_equal(st.entry[0].ndim, 0);
    assert_int_equal(st.entry[0].numel, 1);
    assert_ptr_equal(st.entry[0].data, bytes + size - 2);
    assert_string_equal(st.entry[1].name, "b");
    assert_int_equal(st.entry[1].shape[0], 2);
    assert_int_equal(st.entry[1].size, 2);
    assert_string_equal(st.entry[2].name, "e");
    assert_int_equal(st.entry[2].numel, 0);
    fb_safetensors_close(&st);
    free(bytes);
}

#define E(dtype, shape, offsets)                                                                   \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void test_bad_entries_are_refused_by_name(void **state) {
    (void)state;
    assert_refused("{\"a\":" E("F128", "[1]", "[0,1]") "}", 1, FB_EUNSUPPORTED,
                   "tensor 'a': dtype 'F128' is not known");
    assert_refused("{\"a\":" E("float32", "[1]", "[0,4]") "}", 4, FB_EUNSUPPORTED,
                   "tensor 'a': dtype 'float32' is not known");
    assert_refused("{\"a\":" E("U8", "[-1]", "[0,1]") "}", 1, FB_EFORMAT,
                   "tensor 'a': dimension 0 is not a size");
    assert_refused("{\"a\":" E("U8", "[1,1.0]", "[0,1]") "}", 1, FB_EFORMAT,
                   "tensor 'a': dimension 1 is not a size");
    assert_refused("{\"a\":" E("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, FB_EUNSUPPORTED,
                   "tensor 'a': has 9 dimensions, at most 8 are read");
    assert_refused("{\"a\":" E("F64", "[4294967296,4294967296]", "[0,0]") "}", 0, FB_EFORMAT,
                   "tensor 'a': the shape has more elements than memory has bytes");
    assert_refused("{\"a\":" E("U8", "[2]", "[0,3]") "}", 3, FB_EFORMAT,
                   "tensor 'a': data_offsets hold 3 bytes, dtype and shape demand 2");
    assert_refused("{\"a\":" E("U8", "[2]", "[2,0]") "}", 2, FB_EFORMAT,
                   "tensor 'a': data_offsets [2, 0] do not fit a payload of 2 bytes");
    assert_refused("{\"a\":" E("U8", "[9]", "[0,9]") "}", 2, FB_EFORMAT,
                   "tensor 'a': data_offsets [0, 9] do not fit a payload of 2 bytes");
    assert_refused("{\"a\":" E("U8", "[1]", "[0]") "}", 1, FB_EFORMAT,
                   "tensor 'a': data_offsets are not two integers");
    assert_refused("{\"a\":{\"dtype\":\"U8\"}}", 0, FB_EFORMAT, "tensor 'a': has no shape");
    assert_refused("{\"a\":{}}", 0, FB_EFORMAT, "tensor 'a': has no dtype");
    assert_refused("{\"a\":1}", 0, FB_EFORMAT, "tensor 'a': is not described by an object");
}

static void test_the_payload_must_be_covered_exactly(void **state) {
    (void)state;
    assert_refused("{\"a\":" E("U8", "[2]", "[0,2]") ",\"b\":" E("U8", "[2]", "[1,3]") "}", 3,
                   FB_EFORMAT, "tensor 'b': begins at byte 1, overlaps one that ends at 2");
    assert_refused("{\"a\":" E("U8", "[2]", "[0,2]") ",\"b\":" E("U8", "[1]", "[3,4]") "}", 4,
                   FB_EFORMAT, "tensor 'b': begins at byte 3, the one before ends at 2");
    assert_refused("{\"a\":" E("U8", "[2]", "[0,2]") "}", 3, FB_EFORMAT,
                   "the tensors take 2 bytes, the payload has 3");
}

static void test_bad_headers_are_refused(void **state) {
    struct fb_err err = {0};
    struct fb_safetensors st;
    const unsigned char long_header[16] = {9}, huge[16] = {0, 0, 0, 0, 0, 0, 0, 128};

    (void)state;
    assert_refused("[]", 0, FB_EFORMAT, "header is not a JSON object");
    assert_refused("", 0, FB_EFORMAT, "header: '[' or '{' expected near end of file (byte 0)");
    assert_refused("{} x", 0, FB_EFORMAT, "header: end of file expected near 'x' (byte 4)");
    assert_refused("{\"a\":1,\"a\":2}", 0, FB_EFORMAT,
                   "header: duplicate object key near '\"a\"' (byte 10)");
    assert_refused("{\"\xff\":1}", 0, FB_EFORMAT,
                   "header: unable to decode byte 0xff near '\"' (byte 2)");
    assert_refused("{\"__metadata__\":{\"k\":1}}", 0, FB_EFORMAT,
                   "__metadata__: 'k' is not a string");
    assert_refused("{\"__metadata__\":[]}", 0, FB_EFORMAT, "__metadata__ is not an object");
    assert_int_equal(fb_safetensors_parse(&st, long_header, 7, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "7 bytes, too short for the length of a header");
    assert_int_equal(fb_safetensors_parse(&st, long_header, 16, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "header claims 9 bytes, 8 follow and 100000000 is the limit");
    assert_int_equal(fb_safetensors_parse(&st, huge, 16, &err), FB_EFORMAT);
    assert_string_equal(err.msg,
                        "header claims 9223372036854775808 bytes, 8 follow and 100000000 is the "
                        "limit");
}

static void test_metadata_may_be_null_as_in_the_reference(void **state) {
    struct fb_err err = {0};
    struct fb_safetensors st;
    size_t size;
    unsigned char *bytes = image("{\"__metadata__\":null}", 0, &size);

    (void)state;
    assert_int_equal(fb_safetensors_parse(&st, bytes, size, &err), FB_OK);
    assert_int_equal(st.count, 0);
    fb_safetensors_close(&st);
    free(bytes);
}

/* The golden file in memory of its own, `size` bytes exactly. */
static unsigned char *golden(size_t *size) {
    FILE *f = fopen(FB_GOLDEN_DIR "/ckpt/types.safetensors", "rb");
    unsigned char *bytes = malloc(1 << 16);

    assert_true(f && bytes);
    *size = fread(bytes, 1, 1 << 16, f);
    assert_true(*size > 0 && *size < 1 << 16);
    fclose(f);
    return bytes;
}

/* Cut after any byte, the header and the payload no longer fit each other. */
static void test_every_truncation_is_refused(void **state) {
    size_t size;
    unsigned char *bytes = golden(&size);

    (void)state;
    for (size_t n = 0; n < size; n++) {
        struct fb_err err = {0};
        struct fb_safetensors st;
        unsigned char *cut = malloc(n ? n : 1);
        assert_non_null(cut);
        memcpy(cut, bytes, n);
        assert_int_equal(fb_safetensors_parse(&st, cut, n, &err), FB_EFORMAT);
        free(cut);
    }
    free(bytes);
}

static bool inside(const struct fb_safetensors *st, const unsigned char *bytes, size_t size) {
    for (int64_t i = 0; i < st->count; i++) {
        const struct fb_entry *entry = &st->entry[i];
        const unsigned char *data = entry->data;
        if (data < bytes || data > bytes + size || entry->size > size - (size_t)(data - bytes))
            return false;
    }
    return true;
}

/* Any single flipped bit is refused, or changes a name, a dtype of the same width, a shape of the
 * same product or a place of an empty tensor; what is accepted lies inside the file. */
static void test_flipped_bits_never_lead_outside(void **state) {
    size_t size, accepted = 0;
    unsigned char *bytes = golden(&size);

    (void)state;
    for (size_t bit = 0; bit < size * 8; bit++) {
        struct fb_err err = {0};
        struct fb_safetensors st;
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (!fb_safetensors_parse(&st, bytes, size, &err)) {
            accepted++;
            assert_true(inside(&st, bytes, size));
            fb_safetensors_close(&st);
        } else assert_true(err.code == FB_EFORMAT || err.code == FB_EUNSUPPORTED);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(accepted < size * 8 / 2);
    free(bytes);
}

static void test_messages_name_the_path(void **state) {
    struct fb_err err = {0};
    struct fb_safetensors st;

    (void)state;
    assert_int_equal(fb_safetensors_open(&st, "/nonexistent/x", &err), FB_ENOTFOUND);
    assert_string_equal(err.msg,
                        "safetensors '/nonexistent/x': cannot open: No such file or directory");
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_safetensors st;

    if (fb_safetensors_open(&st, arg, &err)) return err.code;
    fb_safetensors_close(&st);
    return FB_OK;
}

static void test_failed_allocations_are_reported(void **state) {
    char path[] = FB_GOLDEN_DIR "/ckpt/types.safetensors";

    (void)state;
    assert_true(for_each_allocation_failure(attempt, path, 1000) >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_sorted_and_point_into_the_payload),
        cmocka_unit_test(test_bad_entries_are_refused_by_name),
        cmocka_unit_test(test_the_payload_must_be_covered_exactly),
        cmocka_unit_test(test_bad_headers_are_refused),
        cmocka_unit_test(test_metadata_may_be_null_as_in_the_reference),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_flipped_bits_never_lead_outside),
        cmocka_unit_test(test_messages_name_the_path),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
