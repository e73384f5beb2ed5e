#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "base/file.h"
#include "base/str.h"
#include "ckpt/safetensors.h"
#include "ckpt/torchfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN FB_GOLDEN_DIR "/torch/"

/* Compares with what torch read back (tools/golden/torchfile.py). */
static void check(const char *torch, const char *safetensors) {
    struct fb_err err = {0};
    struct fb_torchfile file;
    struct fb_safetensors st;

    if (fb_torchfile_open(&file, torch, &err)) fail_msg("%s", err.msg);
    assert_int_equal(fb_safetensors_open(&st, safetensors, &err), FB_OK);
    assert_int_equal(file.count, st.count);
    for (int64_t i = 0; i < st.count; i++) {
        const struct fb_entry *a = &file.entry[i], *b = &st.entry[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->dtype, b->dtype);
        assert_int_equal(a->ndim, b->ndim);
        assert_memory_equal(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape);
        assert_int_equal(a->numel, b->numel);
        assert_int_equal(a->size, b->size);
        assert_memory_equal(a->data, b->data, a->size);
    }
    fb_safetensors_close(&st);
    fb_torchfile_close(&file);
}

static void test_both_formats_read_as_torch_reads_them(void **state) {
    (void)state;
    check(GOLDEN "types.pt", GOLDEN "types.safetensors");
    check(GOLDEN "types.legacy.pt", GOLDEN "types.safetensors");
    check(GOLDEN "views.pt", GOLDEN "views.safetensors");
    check(GOLDEN "views.legacy.pt", GOLDEN "views.safetensors");
    check(GOLDEN "deflated.pt", GOLDEN "views.safetensors");
    check(GOLDEN "zip64.pt", GOLDEN "views.safetensors");
}

static void test_what_is_no_tensor_is_passed_over(void **state) {
    (void)state;
    check(GOLDEN "extras.pt", GOLDEN "extras.safetensors");
    check(GOLDEN "extras.legacy.pt", GOLDEN "extras.safetensors");
}

static void test_the_model_of_a_training_checkpoint_is_found(void **state) {
    (void)state;
    check(GOLDEN "checkpoint.pt", GOLDEN "checkpoint.safetensors");
    check(GOLDEN "checkpoint.legacy.pt", GOLDEN "checkpoint.safetensors");
}

static void test_shared_tensors_share_their_bytes(void **state) {
    struct fb_err err = {0};
    struct fb_torchfile file;
    const struct fb_entry *e, *same;

    (void)state;
    assert_int_equal(fb_torchfile_open(&file, GOLDEN "views.pt", &err), FB_OK);
    e = file.entry;
    assert_string_equal(e[0].name, "base");
    for (same = e; strcmp(same->name, "same");)
        same++;
    assert_ptr_equal(e[0].data, same->data);
    assert_true((const unsigned char *)e[0].data > file.map.data &&
                (const unsigned char *)e[0].data < file.map.data + file.map.size);
    fb_torchfile_close(&file);
    fb_torchfile_close(&file); /* of a zeroed struct */
}

static void test_names_say_which_files_are_torch_files(void **state) {
    (void)state;
    assert_true(fb_torchfile_is_named("a/pytorch_model.bin"));
    assert_true(fb_torchfile_is_named("x.pt"));
    assert_true(fb_torchfile_is_named("x.pth"));
    assert_true(fb_torchfile_is_named("x.ckpt"));
    assert_false(fb_torchfile_is_named("x.pt.safetensors"));
    assert_false(fb_torchfile_is_named("bin"));
}

#define NOT_ALLOWED " is not allowed: a state dict has no need of it (nothing was executed)"

static const struct {
    const char *name;
    int code;
    const char *message;
} cases[] = {
    {"tensor.pt", FB_EUNSUPPORTED,
     "holds one tensor without a name, not a mapping of names to tensors"},
    {"list.pt", FB_EUNSUPPORTED, "holds a list, not a mapping of names to tensors"},
    {"no_tensors.pt", FB_EUNSUPPORTED, "holds a mapping without tensors"},
    {"nested.pt", FB_EUNSUPPORTED,
     "holds no tensors at its top; entry 'a' is a mapping that holds some: save that one by "
     "itself"},
    {"unclear.pt", FB_EUNSUPPORTED,
     "holds tensors and, as entry 'model', a mapping that holds some, too: which are meant is not "
     "clear"},
    {"two_models.pt", FB_EUNSUPPORTED, "holds models under both 'state_dict' and 'model'"},
    {"integer_name.pt", FB_EUNSUPPORTED, "the name of a tensor is a number, not a text"},
    {"optimizer.pt", FB_EUNSUPPORTED, "holds the state of an optimizer and no model"},
    {"complex.pt", FB_EUNSUPPORTED,
     "data.pkl: byte 64: global 'torch.ComplexFloatStorage': complex numbers are not read"},
    {"sparse.pt", FB_EUNSUPPORTED,
     "data.pkl: byte 13: global 'torch._utils._rebuild_sparse_tensor': sparse tensors are not "
     "read"},
    {"quantized.pt", FB_EUNSUPPORTED,
     "data.pkl: byte 13: global 'torch._utils._rebuild_qtensor': quantized tensors are not read"},
    {"negative.pt", FB_EUNSUPPORTED,
     "tensor 'w': it is stored with metadata (a negative or conjugate view), which is not read"},
    {"numpy.pt", FB_EUNSUPPORTED,
     "data.pkl: byte 13: global 'numpy.core.multiarray._reconstruct'" NOT_ALLOWED},
    {"system.pt", FB_EUNSUPPORTED, "data.pkl: byte 169: global 'posix.system'" NOT_ALLOWED},
    {"system.legacy.pt", FB_EUNSUPPORTED,
     "pickle of the object: byte 183: global 'posix.system'" NOT_ALLOWED},
    {"eval.pt", FB_EUNSUPPORTED, "data.pkl: byte 13: global '__builtin__.eval'" NOT_ALLOWED},
    {"expanded.pt", FB_EUNSUPPORTED,
     "tensor 'w': its 1099511627776 elements are a view on a storage of 4 that would have to be "
     "copied, and 16778401 bytes are left for copies"},
    {"script.pt", FB_EUNSUPPORTED,
     "is a TorchScript archive, which holds code; save the module's state_dict() with torch.save "
     "instead"},
    {"protocol4.pt", FB_EUNSUPPORTED,
     "first pickle: byte 0: pickle protocol 4 is not read; torch.save writes 2, and up to 3 is "
     "understood"},
    {"plain.pt", FB_EUNSUPPORTED,
     "is a pickle, but not one of torch.save: it does not begin with torch's magic number"},
    {"big_endian.pt", FB_EUNSUPPORTED, "its byte order is not 'little'"},
    {"no_pickle.pt", FB_EUNSUPPORTED,
     "is a zip archive, but not one of torch.save: it has no data.pkl in a folder"},
    {"short.pt", FB_EFORMAT, "storage '0' has 95 bytes, the pickle says 24 elements of 4 bytes"},
    {"lost.pt", FB_EFORMAT, "has no entry 'data/0'"},
    {"checksum.pt", FB_EFORMAT,
     "entry 'data.pkl': its checksum is 6717561f, the directory says 9da62a6c"},
};

static void test_other_files_are_refused_each_in_its_words(void **state) {
    char path[512], want[1024];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_err err = {0};
        struct fb_torchfile file;
        snprintf(path, sizeof path, GOLDEN "refused/%s", cases[i].name);
        snprintf(want, sizeof want, "torch file '%s': %s", path, cases[i].message);
        assert_int_equal(fb_torchfile_open(&file, path, &err), cases[i].code);
        assert_string_equal(err.msg, want);
        assert_null(file.entry);
    }
    assert_false(fb_is_file("executed"));
}

static void refused(const char *bytes, size_t size, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_torchfile file;

    assert_int_equal(fb_torchfile_parse(&file, bytes, size, &err), code);
    assert_string_equal(err.msg, message);
}

/* A stream of the older format around a pickle that uses storage 0, two I16. */
#define HEAD "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.}."
#define TAIL                                                                                       \
    ".]U\x01"                                                                                      \
    "0a.\x02\0\0\0\0\0\0\0\x01\0\xff\xff"
#define TENSOR                                                                                     \
    "ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nShortStorage\nU\x01"                    \
    "0NK\x02tQK\x00K\x02\x85K\x01\x85tR"
#define REFUSED(object, code, message)                                                             \
    refused(HEAD object TAIL, sizeof(HEAD object TAIL) - 1, code, message)

static void test_names_must_be_texts_and_differ(void **state) {
    (void)state;
    REFUSED("}(U\x01"
            "a" TENSOR "U\x01"
            "a" TENSOR "u",
            FB_EFORMAT, "tensor 'a' is there twice");
    REFUSED("}U\x02\xff\xfe" TENSOR "s", FB_EFORMAT,
            "tensor '\\xff\\xfe': its name is no UTF-8 text");
    REFUSED("}U\x02"
            "a\0" TENSOR "s",
            FB_EFORMAT, "tensor 'a\\x00': its name is no UTF-8 text");
    REFUSED("}U\x03\xed\xa0\x80" TENSOR "s", FB_EFORMAT,
            "tensor '\\xed\\xa0\\x80': its name is no UTF-8 text");
    REFUSED("}N" TENSOR "s", FB_EUNSUPPORTED, "the name of a tensor is None, not a text");
}

/* A mapping that holds itself, beside a tensor and alone. */
static void test_containers_that_hold_themselves_are_refused(void **state) {
    (void)state;
    REFUSED("}q\x00(U\x01"
            "a" TENSOR "U\x01"
            "bh\x00u",
            FB_EUNSUPPORTED,
            "holds tensors and, as entry 'b', a mapping that holds some, too: which are meant is "
            "not clear");
    REFUSED("]q\x00(h\x00" TENSOR "e", FB_EUNSUPPORTED,
            "holds a list, not a mapping of names to tensors");
}

/* One name of 60 bytes, said 100 times in 2 bytes each. */
static void test_repeated_names_take_no_memory(void **state) {
    char bytes[2000];
    size_t at = 0;

#define ADD(text) memcpy(bytes + at, text, sizeof(text) - 1), at += sizeof(text) - 1
    (void)state;
    ADD(HEAD "}(U\x3c");
    memset(bytes + at, 'n', 60), at += 60;
    ADD("q\x00" TENSOR "q\x01");
    for (int i = 0; i < 100; i++)
        ADD("h\x00h\x01");
    ADD("u" TAIL);
#undef ADD
    refused(bytes, at, FB_EFORMAT, "the names of its tensors repeat");
}

static void test_other_content_is_refused(void **state) {
    char tar[512] = "0";
    static const char other[] =
        "begins neither like a zip archive nor like a pickle: not written by torch.save";

    (void)state;
    refused("", 0, FB_EFORMAT, other);
    refused("abc", 3, FB_EFORMAT, other);
    refused("\x10\0\0\0\0\0\0\0{}", 10, FB_EFORMAT, other);
    memcpy(tar + 257, "ustar", 5);
    refused(tar, sizeof tar, FB_EUNSUPPORTED,
            "is a tar archive, as torch wrote before 0.1.10, which is not read");
    refused("PK\5\6", 4, FB_EFORMAT, "the zip directory is missing: the file has been cut");
}

/* Every prefix of a file, and every bit changed by itself. */
static void test_no_damage_is_a_crash(void **state) {
    static const char *const paths[] = {GOLDEN "views.pt", GOLDEN "types.legacy.pt"};

    (void)state;
    for (int p = 0; p < 2; p++) {
        struct fb_err err = {0};
        struct fb_torchfile file;
        struct fb_map map;
        unsigned char *bytes;
        assert_int_equal(fb_map_open(&map, paths[p], &err), FB_OK);
        assert_non_null(bytes = malloc(map.size));
        memcpy(bytes, map.data, map.size);
        for (size_t size = 0; size < map.size; size++)
            assert_true(fb_torchfile_parse(&file, bytes + map.size - size, size, &err) < 0);
        for (size_t bit = 0; bit < 8 * map.size; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            err.msg[0] = 0;
            if (fb_torchfile_parse(&file, bytes, map.size, &err)) assert_true(err.msg[0]);
            else fb_torchfile_close(&file);
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        free(bytes);
        fb_map_close(&map);
    }
}

/* Files of other projects: how many tensors each holds, or the end of what is said of it. What the
 * tensors are is compared by tests/oracle/check_torchfiles.py. */
static const struct {
    const char *name;
    int64_t count;
    const char *message;
} published[] = {
    {"TinyPeLLM/pytorch_model.bin", 24, NULL},
    {"TinyPeLLM/tinypellm_model.pt", 36, NULL},
    {"burn/bool.pt", 1, NULL},
    {"burn/buffers.pt", 2, NULL},
    {"burn/checkpoint.pt", 4, NULL},
    {"burn/complex_nested.pt", 23, NULL},
    {"burn/empty.pt", 1, NULL},
    {"burn/legacy_shared_storage.pt", 3, NULL},
    {"burn/legacy_uncloned_views.pt", 2, NULL},
    {"burn/legacy_with_offsets.pt", 3, NULL},
    {"burn/mnist.pt", 20, NULL},
    {"burn/non_contiguous_indexes.pt", 10, NULL},
    {"burn/parameter.pt", 1, NULL},
    {"burn/scalar.pt", 1, NULL},
    {"burn/special_values.pt", 1, NULL},
    {"candle/fortran_tensor_3d.pth", 1, NULL},
    {"candle/test_with_key.pt", 1, NULL},
    {"STT/ckpt.pt", 0,
     "first pickle: byte 0: pickle protocol 4 is not read; torch.save writes 2, and up to 3 is "
     "understood"},
    {"burn/broken.pt", 0,
     "begins neither like a zip archive nor like a pickle: not written by torch.save"},
    {"burn/complex_structure.pt", 0, "holds a mapping without tensors"},
    {"burn/nested_dict.pt", 0,
     "holds no tensors at its top; entry 'layer1' is a mapping that holds some: save that one by "
     "itself"},
    {"tch-rs/foo.pt", 0,
     "is a TorchScript archive, which holds code; save the module's state_dict() with torch.save "
     "instead"},
    {"trainer_state/optimizer.pt", 0, "holds the state of an optimizer and no model"},
    {"trainer_state/rng_state.pth", 0,
     "data.pkl: byte 3835: global 'numpy._core.multiarray._reconstruct'" NOT_ALLOWED},
    {"trainer_state/scheduler.pt", 0, "holds a mapping without tensors"},
    {"trainer_state/training_args.bin", 0,
     "data.pkl: byte 2: global 'transformers.training_args.TrainingArguments'" NOT_ALLOWED},
};

static void test_published_files_are_read_or_refused(void **state) {
    char path[512], want[1024];

    (void)state;
    if (!fb_is_dir(FB_SHARED_DATA)) skip();
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        struct fb_err err = {0};
        struct fb_torchfile file;
        snprintf(path, sizeof path, FB_SHARED_DATA "/checkpoints/%s", published[i].name);
        if (fb_torchfile_open(&file, path, &err)) {
            snprintf(want, sizeof want, "torch file '%s': %s", path,
                     published[i].message ? published[i].message : "(should be read)");
            assert_string_equal(err.msg, want);
            continue;
        }
        assert_null(published[i].message);
        assert_int_equal(file.count, published[i].count);
        fb_torchfile_close(&file);
    }
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_torchfile file;

    if (fb_torchfile_open(&file, arg, &err)) return err.code;
    fb_torchfile_close(&file);
    return FB_OK;
}

static void test_failed_allocations_are_reported(void **state) {
    char zip[] = GOLDEN "views.pt", legacy[] = GOLDEN "views.legacy.pt";

    (void)state;
    assert_true(for_each_allocation_failure(attempt, zip, 1000) >= 15);
    assert_true(for_each_allocation_failure(attempt, legacy, 1000) >= 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_formats_read_as_torch_reads_them),
        cmocka_unit_test(test_what_is_no_tensor_is_passed_over),
        cmocka_unit_test(test_the_model_of_a_training_checkpoint_is_found),
        cmocka_unit_test(test_shared_tensors_share_their_bytes),
        cmocka_unit_test(test_names_say_which_files_are_torch_files),
        cmocka_unit_test(test_other_files_are_refused_each_in_its_words),
        cmocka_unit_test(test_names_must_be_texts_and_differ),
        cmocka_unit_test(test_containers_that_hold_themselves_are_refused),
        cmocka_unit_test(test_repeated_names_take_no_memory),
        cmocka_unit_test(test_other_content_is_refused),
        cmocka_unit_test(test_no_damage_is_a_crash),
        cmocka_unit_test(test_published_files_are_read_or_refused),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
