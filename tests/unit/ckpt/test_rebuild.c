#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ckpt/rebuild.h"

#include <stdlib.h>
#include <string.h>

static struct fb_arena arena;
static const int16_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static int teardown(void **state) {
    (void)state;
    fb_arena_free(&arena);
    return 0;
}

/* Opcodes: a storage of 12 I16; a call of a function with arguments. */
#define STORAGE                                                                                    \
    "(U\x07storagectorch\nShortStorage\nU\x01"                                                     \
    "0NK\x0ctQ"
#define V1(sizes)       "ctorch._utils\n_rebuild_tensor\n(" STORAGE sizes "tR"
#define V2(sizes, more) "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE sizes more "tR"
#define MORE            "\x89}" /* requires_grad, hooks */
/* Offset, sizes, strides. */
#define PLAIN "K\x00K\x03K\x04\x86K\x04K\x01\x86"

/* The pickle is made with the storage in place; `left` bytes may be copied. */
static int rebuild(struct fb_entry *entry, const char *bytes, size_t size, size_t left,
                   struct fb_err *err) {
    struct fb_copies copies = {&arena, left};
    struct fb_pickle p;

    if (fb_pickle_read(&p, &arena, bytes, size, err)) fail_msg("%s", err->msg);
    for (struct fb_pickle_storage *s = p.storages; s; s = s->next)
        s->data = (const unsigned char *)numbers;
    assert_true(fb_rebuild_is_tensor(p.root));
    memset(entry, 0, sizeof *entry);
    return fb_rebuild_tensor(entry, p.root, &copies, err);
}

static struct fb_entry read_bytes(const char *bytes, size_t size) {
    struct fb_err err = {0};
    struct fb_entry entry;

    if (rebuild(&entry, bytes, size, 1000, &err)) fail_msg("%s", err.msg);
    return entry;
}

#define READ(text) read_bytes(text ".", sizeof(text))

static void values(struct fb_entry entry, const char *wanted) {
    char out[200] = "";

    for (int64_t i = 0; i < entry.numel; i++) {
        int16_t v;
        memcpy(&v, (const char *)entry.data + i * 2, 2);
        out[2 * i] = (char)('a' + v);
        out[2 * i + 1] = ' ';
        out[2 * i + 2] = 0;
    }
    assert_string_equal(out, wanted);
}

static void test_contiguous_tensors_are_pointers_into_the_storage(void **state) {
    struct fb_entry entry = READ(V2(PLAIN, MORE));

    (void)state;
    assert_int_equal(entry.dtype, FB_I16);
    assert_int_equal(entry.ndim, 2);
    assert_int_equal(entry.shape[0], 3);
    assert_int_equal(entry.shape[1], 4);
    assert_int_equal(entry.numel, 12);
    assert_int_equal(entry.size, 24);
    assert_ptr_equal(entry.data, numbers);
    assert_ptr_equal(READ(V1("K\x02K\x03\x85K\x01\x85")).data, numbers + 2);
    assert_ptr_equal(READ(V1("K\x0bK\x01K\x01\x86K\x63K\x4d\x86")).data, numbers + 11);
    entry = READ(V1("K\x05))"));
    assert_int_equal(entry.ndim, 0);
    values(entry, "f ");
}

static void test_empty_tensors_need_no_element(void **state) {
    struct fb_entry entry = READ(V1("K\x0cK\x02K\x00\x86K\x7fK\x7f\x86"));

    (void)state;
    assert_int_equal(entry.numel, 0);
    assert_int_equal(entry.size, 0);
    assert_non_null(entry.data);
    /* 2^62 * 2^62 * 0: the sizes are never multiplied. */
    entry = READ(V1("K\x00\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40\x8a\x08\x00\x00\x00\x00\x00\x00"
                    "\x00\x40K\x00\x87K\x01K\x01K\x01\x87"));
    assert_int_equal(entry.numel, 0);
}

static void test_other_views_are_copied_in_order(void **state) {
    (void)state;
    values(READ(V1("K\x00K\x04K\x03\x86K\x01K\x04\x86")), "a e i b f j c g k d h l ");
    values(READ(V1("K\x01K\x04\x85K\x03\x85")), "b e h k ");
    values(READ(V1("K\x00K\x02K\x02K\x02\x87K\x01K\x06K\x02\x87")), "a c g i b d h j ");
    values(READ(V1("K\x07K\x02K\x03\x86K\x00K\x00\x86")), "h h h h h h ");
    values(READ(V1("K\x00K\x03K\x03\x86K\x02K\x01\x86")), "a b c c d e e f g ");
}

static void test_wrappers_are_taken_off(void **state) {
    (void)state;
    values(READ("ctorch._utils\n_rebuild_parameter\n(" V1("K\x05))") MORE "tR"), "f ");
    values(READ("ctorch.nn.parameter\nParameter\n" V1("K\x05))") "\x88\x86\x81"), "f ");
    values(READ("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor\nctorch\n"
                "Tensor\n(" STORAGE "K\x05))t}tR"),
           "f ");
    values(READ(V1("K\x00"
                   "ctorch\nSize\nK\x02\x85\x85RK\x01\x85")),
           "a b ");
}

/* Version 3: an untyped storage of bytes, and the type of the elements. */
#define V3(dtype)                                                                                  \
    "ctorch._utils\n_rebuild_tensor_v3\n((U\x07storagectorch.storage\nUntypedStorage\nU\x01"       \
    "0NK\x18tQK\x01K\x02\x85K\x01\x85" MORE dtype "tR"

static void test_version_3_names_the_element_type(void **state) {
    struct fb_entry entry = READ(V3("ctorch\nuint32\n"));

    (void)state;
    assert_int_equal(entry.dtype, FB_U32);
    assert_int_equal(entry.size, 8);
    assert_ptr_equal(entry.data, numbers + 2);
}

static void refused(const char *bytes, size_t size, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_entry entry;

    assert_int_equal(rebuild(&entry, bytes, size, 1000, &err), code);
    assert_string_equal(err.msg, message);
}

#define BROKEN(text, message)  refused(text ".", sizeof(text), FB_EFORMAT, message)
#define REFUSED(text, message) refused(text ".", sizeof(text), FB_EUNSUPPORTED, message)
#define LARGE                  "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f" /* 2^63 - 1 */

static void test_tensors_must_lie_in_their_storage(void **state) {
    static const char beyond[] = "it reaches beyond its storage of 12 elements";

    (void)state;
    BROKEN(V1("K\x01K\x03K\x04\x86K\x04K\x01\x86"), beyond);
    BROKEN(V1("K\x0c))"), beyond);
    BROKEN(V1("K\x00K\x02K\x02\x86K\x0bK\x01\x86"), beyond);
    BROKEN(V1("K\x00K\x02\x85" LARGE "\x85"), beyond);
    BROKEN(V1("K\x00K\x03\x85" LARGE "\x85"), beyond);
    BROKEN(V1("K\x0d))"), "it begins at element 13 of a storage of 12");
    BROKEN(V1("J\xff\xff\xff\xff))"), "it begins at element -1 of a storage of 12");
    BROKEN(V1("K\x00" LARGE LARGE "\x86K\x00K\x00\x86"), "it has more than 2^60 elements");
}

/* 2^40 elements with a stride of zero, and 501 where 1000 bytes may be copied. */
static void test_expanded_views_are_bounded(void **state) {
    (void)state;
    REFUSED(V1("K\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x85K\x00\x85"),
            "its 1099511627776 elements are a view on a storage of 12 that would have to be "
            "copied, and 1000 bytes are left for copies");
    REFUSED(V1("K\x00M\xf5\x01\x85K\x00\x85"),
            "its 501 elements are a view on a storage of 12 that would have to be copied, and "
            "1000 bytes are left for copies");
    assert_int_equal(READ(V1("K\x00M\xf4\x01\x85K\x00\x85")).numel, 500);
}

#define SHAPE "its sizes and strides are not two tuples of up to 8 whole numbers of one length"

static void test_wrong_arguments_are_refused(void **state) {
    (void)state;
    BROKEN("ctorch._utils\n_rebuild_tensor_v2\n)R", "it has no storage and offset");
    BROKEN("ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR", "it has no storage and offset");
    BROKEN(V1("K\x00"), SHAPE);
    BROKEN(V1("K\x00K\x02K\x02"), SHAPE);
    BROKEN(V1("K\x00)K\x01\x85"), SHAPE);
    BROKEN(V1("K\x00N\x85K\x01\x85"), SHAPE);
    BROKEN(V1("K\x00J\xff\xff\xff\xff\x85K\x01\x85"), SHAPE);
    BROKEN(V1("K\x00K\x01\x85J\xff\xff\xff\xff\x85"), SHAPE);
    BROKEN(V1("K\x00(KKKKKKKKKKKKKKKKKKtq\x09h\x09"), SHAPE);
    BROKEN(V3(""), "its element type is not given");
    BROKEN(V3("N"), "its element type is not given");
    REFUSED(V2(PLAIN, MORE "}U\x03neg\x88s"),
            "it is stored with metadata (a negative or conjugate view), which is not read");
    values(READ(V2("K\x05))", MORE "N")), "f ");
    values(READ(V2("K\x05))", MORE "}")), "f ");
    BROKEN("ctorch._utils\n_rebuild_parameter\nN\x85R",
           "'torch._utils._rebuild_parameter' of what is no tensor");
    BROKEN("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nSize\nctorch\nTensor\n)}tR",
           "'torch._tensor._rebuild_from_type_v2' of what is no tensor");
}

static void test_wrappers_are_bounded(void **state) {
    char bytes[2000];
    size_t at = 0;
    static const char class[] = "ctorch.nn.parameter\nParameter\n", tensor[] = V1("K\x05))");

    (void)state;
    for (int i = 0; i < 9; i++, at += sizeof class - 1)
        memcpy(bytes + at, class, sizeof class - 1);
    memcpy(bytes + at, tensor, sizeof tensor - 1), at += sizeof tensor - 1;
    for (int i = 0; i < 9; i++, at += 2)
        memcpy(bytes + at, "\x85R", 2);
    bytes[at++] = '.';
    refused(bytes, at, FB_EFORMAT, "it is wrapped more than 8 times");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contiguous_tensors_are_pointers_into_the_storage),
        cmocka_unit_test(test_empty_tensors_need_no_element),
        cmocka_unit_test(test_other_views_are_copied_in_order),
        cmocka_unit_test(test_wrappers_are_taken_off),
        cmocka_unit_test(test_version_3_names_the_element_type),
        cmocka_unit_test(test_tensors_must_lie_in_their_storage),
        cmocka_unit_test(test_expanded_views_are_bounded),
        cmocka_unit_test(test_wrong_arguments_are_refused),
        cmocka_unit_test(test_wrappers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
