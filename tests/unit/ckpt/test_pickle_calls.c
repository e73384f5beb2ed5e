#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ckpt/pickle.h"

#include <stdlib.h>
#include <string.h>

static struct fb_arena arena;

static int teardown(void **state) {
    (void)state;
    fb_arena_free(&arena);
    return 0;
}

static struct fb_pickle read_bytes(const char *bytes, size_t size) {
    struct fb_err err = {0};
    struct fb_pickle p;

    if (fb_pickle_read(&p, &arena, bytes, size, &err)) fail_msg("%s", err.msg);
    return p;
}

#define READ(text) read_bytes(text, sizeof(text) - 1)

/* Bytes of often used opcodes. */
#define DICT_CLASS "ccollections\nOrderedDict\n"
#define STORAGE                                                                                    \
    "U\x07storagectorch\nFloatStorage\nU\x01"                                                      \
    "0U\x03"                                                                                       \
    "cpuK\x04"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"

static void test_a_call_is_kept_and_not_made(void **state) {
    const struct fb_pickle_value *v = READ(REBUILD "K\x01\x85R.").root;

    (void)state;
    assert_int_equal(v->kind, FB_PICKLE_CALL);
    assert_string_equal(v->global->name, "torch._utils._rebuild_tensor_v2");
    assert_int_equal(v->item[0]->kind, FB_PICKLE_TUPLE);
    assert_int_equal(v->item[0]->item[0]->integer, 1);
    v = READ("ctorch.nn.parameter\nParameter\nK\x01\x85\x81.").root;
    assert_string_equal(v->global->name, "torch.nn.parameter.Parameter");
}

static void test_an_ordered_dict_is_a_dict_that_counts_its_tensors(void **state) {
    const struct fb_pickle_value *v;

    (void)state;
    v = READ(DICT_CLASS ")R(U\x01"
                        "a" REBUILD ")RU\x01"
                        "bNu}b.")
            .root;
    assert_int_equal(v->kind, FB_PICKLE_DICT);
    assert_true(v->ordered);
    assert_int_equal(v->count, 4);
    assert_int_equal(v->integer, 1);
    v = READ(DICT_CLASS "](]U\x01"
                        "aaK\x01"
                        "aU\x01"
                        "bK\x02\x86"
                        "e\x85R.")
            .root;
    assert_int_equal(fb_pickle_get(v, "a")->integer, 1);
    assert_int_equal(fb_pickle_get(v, "b")->integer, 2);
}

static void test_storages_are_collected(void **state) {
    struct fb_pickle p = READ("](" STORAGE "tQa(" STORAGE "NtQa.");

    (void)state;
    assert_int_equal(p.root->item[1]->kind, FB_PICKLE_STORAGE);
    assert_ptr_equal(p.root->item[1]->storage, p.storages);
    assert_ptr_equal(p.root->item[0]->storage, p.storages->next);
    assert_null(p.storages->next->next);
    assert_string_equal(p.storages->key, "0");
    assert_int_equal(p.storages->numel, 4);
    assert_int_equal(p.storages->type->dtype, FB_F32);
}

static void refused(const char *bytes, size_t size, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_pickle p;
    char *exact = malloc(size);

    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_int_equal(fb_pickle_read(&p, &arena, exact, size, &err), code);
    assert_string_equal(err.msg, message);
    free(exact);
}

#define BROKEN(text, message)  refused(text, sizeof(text) - 1, FB_EFORMAT, message)
#define REFUSED(text, message) refused(text, sizeof(text) - 1, FB_EUNSUPPORTED, message)

#define NOT_ALLOWED " is not allowed: a state dict has no need of it (nothing was executed)"

static void test_functions_are_refused_by_name(void **state) {
    (void)state;
    REFUSED("\x80\x02"
            "cos\nsystem\nU\x04true\x85R.",
            "byte 2: global 'os.system'" NOT_ALLOWED);
    REFUSED("c__builtin__\neval\n", "byte 0: global '__builtin__.eval'" NOT_ALLOWED);
    REFUSED("c\n\n", "byte 0: global '.'" NOT_ALLOWED);
    REFUSED("cos\rsystem\nx\n", "byte 0: global 'os\\x0dsystem.x'" NOT_ALLOWED);
    REFUSED("ctorch\nSize.__class__\n", "byte 0: global 'torch.Size.__class__'" NOT_ALLOWED);
    /* A call inside the arguments of an allowed one. */
    REFUSED("ctorch\nSize\ncos\nsystem\nU\x04true\x85R\x85R.",
            "byte 12: global 'os.system'" NOT_ALLOWED);
    REFUSED("(U\x04trueios\nsystem\n.", "byte 7: global 'os.system'" NOT_ALLOWED);
    REFUSED("(itorch\nSize\n.", "byte 1: opcode INST (of 'torch.Size') is not read");
    BROKEN("cos", "byte 0: a name has no end within 1000 bytes");
    BROKEN("ctorch\nSize", "byte 0: a name has no end within 1000 bytes");
}

static void test_allowed_names_cannot_be_misused(void **state) {
    (void)state;
    REFUSED("ctorch\nFloatStorage\n)R.", "byte 21: a call of 'torch.FloatStorage' is not read");
    REFUSED("ctorch\nfloat32\n)R.", "byte 16: a call of 'torch.float32' is not read");
    REFUSED("ctorch\nSize\n)\x81.", "byte 13: opcode NEWOBJ (of 'torch.Size') is not read");
    BROKEN("K\x01)R.", "byte 3: calls what is no function");
    BROKEN("ctorch\nSize\n]R.", "byte 13: calls 'torch.Size' with what is no tuple");
    REFUSED("ctorch\nSize\n}b.",
            "byte 13: opcode BUILD is read for an OrderedDict and for nothing else");
    REFUSED("}}b.", "byte 2: opcode BUILD is read for an OrderedDict and for nothing else");
    BROKEN(DICT_CLASS "K\x01\x85R.", "byte 28: calls OrderedDict with what is no list of pairs");
    BROKEN(DICT_CLASS "](K\x01"
                      "e\x85R.",
           "byte 31: calls OrderedDict with what is no list of pairs");
    BROKEN(DICT_CLASS "](]N\x86"
                      "e\x85R.",
           "byte 32: has a key that is a list, a dict or a set");
}

static void test_persistent_ids_must_be_storages(void **state) {
    (void)state;
    REFUSED("K\x01Q.", "byte 2: a persistent id is no tuple that names its kind");
    REFUSED(")Q.", "byte 1: a persistent id is no tuple that names its kind");
    REFUSED("U\x06moduleN\x86Q.",
            "byte 10: a persistent id of kind 'module' is not read, only 'storage' is");
    BROKEN("U\x07storageN\x86Q.",
           "byte 11: a persistent id is not ('storage', type, key, location, elements)");
    BROKEN("(U\x07storagectorch\nSize\nU\x01"
           "0NK\x04tQ.",
           "byte 29: a persistent id is not ('storage', type, key, location, elements)");
    BROKEN("(U\x07storagectorch\nFloatStorage\nU\x01"
           "0NJ\xff\xff\xff\xfftQ.",
           "byte 40: storage '0' of -1 elements");
    BROKEN("(U\x07storagectorch\nFloatStorage\nU\x02"
           "0\0NK\x01tQ.",
           "byte 38: storage '0\\x00' of 1 elements");
    REFUSED("(" STORAGE "K\x01tQ.",
            "byte 43: storage '0' is a view of another one, which is not read");
}

static void test_a_long_storage_key_is_refused(void **state) {
    static const char head[] = "(U\x07storagectorch\nFloatStorage\nX\xe9\x03\x00",
                      tail[] = "NK\x04tQ.";
    char bytes[sizeof head + FB_PICKLE_KEY + 1 + sizeof tail];
    char *at = bytes;

    (void)state;
    memcpy(at, head, sizeof head), at += sizeof head; /* its end is the last byte of the length */
    memset(at, 'k', FB_PICKLE_KEY + 1), at += FB_PICKLE_KEY + 1;
    memcpy(at, tail, sizeof tail - 1), at += sizeof tail - 1;
    refused(bytes, (size_t)(at - bytes), FB_EFORMAT,
            "byte 1040: a storage key has 1001 bytes, the limit is 1000");
}

/* One list of n pairs may be named n times: what is made of it is counted. */
static void test_calls_on_a_shared_list_are_bounded(void **state) {
    enum { PAIRS = 3000, CALLS = 3000 };
    const size_t size = 40 + 3 * PAIRS + 7 * CALLS;
    char *bytes = malloc(size), *at = bytes;
    struct fb_err err = {0};
    struct fb_pickle p;

    (void)state;
    assert_non_null(bytes);
    memcpy(at, DICT_CLASS "q\x00](", 29), at += 29;
    for (int i = 0; i < PAIRS; i++)
        memcpy(at, "NN\x86", 3), at += 3;
    memcpy(at, "eq\x01", 3), at += 3;
    for (int i = 0; i < CALLS; i++)
        memcpy(at, "h\x00h\x01\x85R", 6), at += 6;
    assert_int_equal(fb_pickle_read(&p, &arena, bytes, (size_t)(at - bytes), &err),
                     FB_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, ": more than 4194304 opcodes and pairs of OrderedDicts"));
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_is_kept_and_not_made),
        cmocka_unit_test(test_an_ordered_dict_is_a_dict_that_counts_its_tensors),
        cmocka_unit_test(test_storages_are_collected),
        cmocka_unit_test(test_functions_are_refused_by_name),
        cmocka_unit_test(test_allowed_names_cannot_be_misused),
        cmocka_unit_test(test_persistent_ids_must_be_storages),
        cmocka_unit_test(test_a_long_storage_key_is_refused),
        cmocka_unit_test(test_calls_on_a_shared_list_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
