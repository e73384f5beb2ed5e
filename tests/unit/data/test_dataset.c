#include "data/dataset.h"

#include "alloc_faults.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int make(void **state) {
    (void)state;
    scratch_make();
    return 0;
}

static int drop(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

static void check_rows(const struct fb_dataset *d, const char *expected) {
    struct fb_err err = {0};
    struct fb_str out = {0};

    for (int64_t row = 0; row < d->rows; row++) {
        assert_int_equal(fb_dataset_print_row(&out, d, row, &err), FB_OK);
        assert_int_equal(fb_str_putc(&out, '\n', &err), FB_OK);
    }
    assert_string_equal(fb_str_text(&out), expected);
    fb_str_free(&out);
}

static void check_file(const char *path, const char *expected) {
    struct fb_err err = {0};
    struct fb_dataset d;

    if (fb_dataset_open(&d, path, -1, &err)) fail_msg("%s", err.msg);
    assert_string_equal(d.source, path);
    check_rows(&d, expected);
    fb_dataset_free(&d);
}

static void test_the_name_decides_unless_the_content_does(void **state) {
    (void)state;
    check_file(scratch_write("a.tsv", "a,b\tc\n1,2\t3\n"), "{\"a,b\": \"1,2\", \"c\": 3}\n");
    check_file(scratch_write("a.csv", "a,b\n\"1,2\",3\n"), "{\"a\": \"1,2\", \"b\": 3}\n");
    check_file(scratch_write("a.json", "[{\"a\": 1}]"), "{\"a\": 1}\n");
    check_file(FB_GOLDEN_DIR "/data/checksum.parquet",
               "{\"text\": \"one\"}\n{\"text\": \"two\"}\n{\"text\": \"three\"}\n");
}

static void check_refused(const char *path, int code, const char *words) {
    char message[2048];
    struct fb_err err = {0};
    struct fb_dataset d;

    snprintf(message, sizeof message, "dataset '%s': %s", path, words);
    assert_int_equal(fb_dataset_open(&d, path, -1, &err), code);
    assert_string_equal(err.msg, message);
    assert_null(d.column);
}

static void test_errors_name_the_file(void **state) {
    (void)state;
    check_refused("no/such/file", FB_ENOTFOUND, "cannot open: No such file or directory");
    check_refused(scratch_write("a.parquet", "text"), FB_EFORMAT,
                  "does not begin with PAR1: not a parquet file");
    check_refused(scratch_write("b.parquet", "PARE...."), FB_EUNSUPPORTED,
                  "the file is encrypted: not supported");
    check_refused(scratch_write("a.jsonl", "{\"a\": 1}\n{"), FB_EFORMAT,
                  "line 2: not valid JSON: string or '}' expected near end of file");
}

static void open_text(struct fb_dataset *d, const char *name, const char *text) {
    struct fb_err err = {0};

    if (fb_dataset_open(d, scratch_write(name, text), -1, &err)) fail_msg("%s", err.msg);
}

static const char first[] = "{\"t\": \"a\", \"n\": 1, \"x\": 0.5, \"f\": true}\n";
static const char second[] = "{\"t\": null, \"n\": 2, \"x\": null, \"f\": false}\n"
                             "{\"t\": \"bc\", \"n\": 3, \"x\": 1e20, \"f\": null}\n";

static void test_appending_joins_rows_and_nulls(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d, more;

    (void)state;
    open_text(&d, "a.jsonl", first);
    open_text(&more, "b.jsonl", second);
    assert_int_equal(fb_dataset_append(&d, &more, &err), FB_OK);
    assert_null(more.column);
    assert_non_null(strstr(d.source, "a.jsonl, "));
    check_rows(&d, "{\"t\": \"a\", \"n\": 1, \"x\": 0.5, \"f\": true}\n"
                   "{\"t\": null, \"n\": 2, \"x\": null, \"f\": false}\n"
                   "{\"t\": \"bc\", \"n\": 3, \"x\": 1e+20, \"f\": null}\n");
    fb_dataset_free(&d);
}

static void check_mismatch(const char *a, const char *b, const char *words) {
    struct fb_err err = {0};
    struct fb_dataset d, more;

    open_text(&d, "a.jsonl", a);
    open_text(&more, "b.jsonl", b);
    assert_int_equal(fb_dataset_append(&d, &more, &err), FB_EMISMATCH);
    assert_non_null(strstr(err.msg, words));
    assert_int_equal(d.rows, 1);
    assert_null(more.column);
    fb_dataset_free(&d);
}

static void test_appending_other_columns_is_refused(void **state) {
    (void)state;
    check_mismatch("{\"a\": 1}", "{\"a\": 1, \"b\": 2}", "b.jsonl': 2 columns, 1 before");
    check_mismatch("{\"a\": 1}", "{\"b\": 1}", "b.jsonl': column 1 is 'b', 'a' before");
    check_mismatch("{\"a\": 1}", "{\"a\": \"1\"}", "b.jsonl': column 'a' is text, integer before");
}

static void test_a_missing_column_lists_those_there_are(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    open_text(&d, "a.jsonl", first);
    assert_string_equal(fb_dataset_column(&d, "n", &err)->name, "n");
    assert_null(fb_dataset_column(&d, "label", &err));
    assert_int_equal(err.code, FB_ENOTFOUND);
    assert_non_null(strstr(err.msg, "a.jsonl': no column 'label' (columns: t, n, x, f)"));
    fb_dataset_free(&d);
}

/* What Python's json.dumps(ensure_ascii=False) makes of them; a 32-bit 3.8 is 3.799999952316284. */
static void test_values_print_as_python_prints_them(void **state) {
    double real[] = {0.0, 1.0};
    int64_t flag[] = {1, 0};
    uint64_t offset[] = {0, 8, 8};
    char bytes[] = "\"\\\n\t\x01\xc3\xa9\xff";
    struct fb_column columns[] = {
        {.name = "r", .kind = FB_COLUMN_REAL, .real = real},
        {.name = "\"b", .kind = FB_COLUMN_BOOL, .integer = flag},
        {.name = "t", .kind = FB_COLUMN_TEXT, .bytes = bytes, .offset = offset},
    };
    struct fb_dataset d = {.rows = 1, .columns = 3, .column = columns};

    (void)state;
    real[0] = (double)3.8f;
    check_rows(&d, "{\"r\": 3.799999952316284, \"\\\"b\": true, "
                   "\"t\": \"\\\"\\\\\\n\\t\\u0001\xc3\xa9\xef\xbf\xbd\"}\n");
    real[0] = -(double)INFINITY;
    d.columns = 1;
    check_rows(&d, "{\"r\": -Infinity}\n");
    real[0] = (double)NAN;
    check_rows(&d, "{\"r\": NaN}\n");
}

static int attempt(void *arg) {
    char(*path)[1024] = arg;
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_dataset d, more;
    int rc;

    rc = fb_dataset_open(&d, path[0], -1, &err);
    if (!rc) rc = fb_dataset_open(&more, path[1], -1, &err);
    if (!rc) rc = fb_dataset_append(&d, &more, &err);
    if (!rc) rc = fb_dataset_print_row(&out, &d, 2, &err);
    fb_str_free(&out);
    fb_dataset_free(&d);
    return rc;
}

static void test_survives_every_allocation_failure(void **state) {
    char path[2][1024];

    (void)state;
    snprintf(path[0], sizeof path[0], "%s", scratch_write("a.jsonl", first));
    snprintf(path[1], sizeof path[1], "%s", scratch_write("b.jsonl", second));
    assert_true(for_each_allocation_failure(attempt, path, 1000) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_name_decides_unless_the_content_does, make, drop),
        cmocka_unit_test_setup_teardown(test_errors_name_the_file, make, drop),
        cmocka_unit_test_setup_teardown(test_appending_joins_rows_and_nulls, make, drop),
        cmocka_unit_test_setup_teardown(test_appending_other_columns_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(test_a_missing_column_lists_those_there_are, make, drop),
        cmocka_unit_test(test_values_print_as_python_prints_them),
        cmocka_unit_test_setup_teardown(test_survives_every_allocation_failure, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
