#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ckpt/globals.h"

#include <string.h>

static const struct fb_global *find(const char *module, const char *name) {
    struct fb_err err = {0};
    const struct fb_global *global;

    assert_int_equal(fb_global_find(&global, module, strlen(module), name, strlen(name), &err),
                     FB_OK);
    return global;
}

static void test_names_of_state_dicts_are_found(void **state) {
    (void)state;
    assert_int_equal(find("collections", "OrderedDict")->kind, FB_GLOBAL_ORDERED_DICT);
    assert_int_equal(find("torch._utils", "_rebuild_tensor_v2")->kind, FB_GLOBAL_REBUILD_TENSOR_V2);
    assert_int_equal(find("torch", "HalfStorage")->dtype, FB_F16);
    assert_int_equal(find("torch.cuda", "BFloat16Storage")->dtype, FB_BF16);
    assert_int_equal(find("torch", "uint16")->kind, FB_GLOBAL_DTYPE);
    assert_string_equal(find("torch", "Size")->name, "torch.Size");
}

static void test_calls_that_make_tensors_are_told_apart(void **state) {
    (void)state;
    assert_true(fb_global_makes_tensor(find("torch._utils", "_rebuild_tensor")));
    assert_true(fb_global_makes_tensor(find("torch._utils", "_rebuild_parameter")));
    assert_true(fb_global_makes_tensor(find("torch._tensor", "_rebuild_from_type_v2")));
    assert_false(fb_global_makes_tensor(find("torch", "Size")));
    assert_false(fb_global_makes_tensor(find("torch", "Tensor")));
    assert_false(fb_global_makes_tensor(find("collections", "OrderedDict")));
}

static void refused(const char *module, size_t size, const char *name, const char *message) {
    struct fb_err err = {0};
    const struct fb_global *global;

    assert_int_equal(fb_global_find(&global, module, size, name, strlen(name), &err),
                     FB_EUNSUPPORTED);
    assert_string_equal(err.msg, message);
    assert_null(global);
}

#define NOT_ALLOWED " is not allowed: a state dict has no need of it (nothing was executed)"

static void test_other_names_are_refused_by_name(void **state) {
    char module[301], name[301], message[512];

    (void)state;
    refused("os", 2, "system", "global 'os.system'" NOT_ALLOWED);
    refused("builtins", 8, "eval", "global 'builtins.eval'" NOT_ALLOWED);
    refused("torch", 5, "load", "global 'torch.load'" NOT_ALLOWED);
    refused("torch", 5, "FloatStorage.__init__",
            "global 'torch.FloatStorage.__init__'" NOT_ALLOWED);
    refused("torch.cuda", 10, "Size", "global 'torch.cuda.Size'" NOT_ALLOWED);
    refused("", 0, "", "global '.'" NOT_ALLOWED);
    /* What looks like an allowed name and is not. */
    refused("torch\0", 6, "Size", "global 'torch\\x00.Size'" NOT_ALLOWED);
    refused("torch\r", 6, "Size", "global 'torch\\x0d.Size'" NOT_ALLOWED);
    refused("\x1b[2Jtorch", 9, "Size", "global '\\x1b[2Jtorch.Size'" NOT_ALLOWED);
    memset(module, 'm', 300), memset(name, 'n', 300);
    module[300] = name[300] = 0;
    memcpy(message, "global '", 8), memset(message + 8, 'm', 100), message[108] = '.';
    memset(message + 109, 'n', 100);
    memcpy(message + 209, "'" NOT_ALLOWED, sizeof "'" NOT_ALLOWED);
    refused(module, 300, name, message);
}

static void test_tensors_that_cannot_be_represented_say_what_they_are(void **state) {
    (void)state;
    refused("torch", 5, "ComplexDoubleStorage",
            "global 'torch.ComplexDoubleStorage': complex numbers are not read");
    refused("torch.cuda", 10, "ComplexFloatStorage",
            "global 'torch.cuda.ComplexFloatStorage': complex numbers are not read");
    refused("torch", 5, "QInt8Storage",
            "global 'torch.QInt8Storage': quantized tensors are not read");
    refused("torch._utils", 12, "_rebuild_sparse_tensor",
            "global 'torch._utils._rebuild_sparse_tensor': sparse tensors are not read");
    refused("torch", 5, "float8_e4m3fnuz",
            "global 'torch.float8_e4m3fnuz': this 8-bit floating-point type is not read");
}

static void test_file_content_is_shown_as_ascii(void **state) {
    char out[FB_SHOWN_TEXT], long_one[200];

    (void)state;
    assert_string_equal(fb_shown(out, "a \n\xc3\xa9~\x7f", 7), "a \\x0a\\xc3\\xa9~\\x7f");
    assert_string_equal(fb_shown(out, "", 0), "");
    memset(long_one, 1, sizeof long_one);
    assert_int_equal(strlen(fb_shown(out, long_one, sizeof long_one)), FB_SHOWN_TEXT - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_state_dicts_are_found),
        cmocka_unit_test(test_calls_that_make_tensors_are_told_apart),
        cmocka_unit_test(test_other_names_are_refused_by_name),
        cmocka_unit_test(test_tensors_that_cannot_be_represented_say_what_they_are),
        cmocka_unit_test(test_file_content_is_shown_as_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
