#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "ckpt/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fb_arena arena;

static int teardown(void **state) {
    (void)state;
    fb_arena_free(&arena);
    return 0;
}

static const struct fb_pickle_value *read_bytes(const char *bytes, size_t size) {
    struct fb_err err = {0};
    struct fb_pickle p;

    assert_int_equal(fb_pickle_read(&p, &arena, bytes, size, &err), FB_OK);
    return p.root;
}

/* A literal, zero bytes included. */
#define READ(text) read_bytes(text, sizeof(text) - 1)

static void test_plain_values(void **state) {
    const struct fb_pickle_value *v;

    (void)state;
    assert_int_equal(READ("\x80\x02N.")->kind, FB_PICKLE_NONE);
    assert_int_equal(READ("\x88.")->integer, 1);
    assert_int_equal(READ("\x89.")->kind, FB_PICKLE_BOOL);
    assert_int_equal(READ("J\xfe\xff\xff\xff.")->integer, -2);
    assert_int_equal(READ("K\xff.")->integer, 255);
    assert_int_equal(READ("M\xff\xff.")->integer, 65535);
    assert_int_equal(READ("\x8a\x00.")->integer, 0);
    assert_int_equal(READ("\x8a\x02\x00\xff.")->integer, -256);
    assert_int_equal(READ("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.")->integer, INT64_MAX);
    v = READ("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.");
    assert_int_equal(v->kind, FB_PICKLE_LONG);
    assert_int_equal(v->count, 9);
    assert_int_equal(READ("G\x3f\xf0\x00\x00\x00\x00\x00\x00.")->kind, FB_PICKLE_REAL);
    assert_true(fb_pickle_is(READ("X\x02\x00\x00\x00hi."), "hi"));
    assert_false(fb_pickle_is(READ("U\x02hi."), "h"));
}

static void test_containers(void **state) {
    const struct fb_pickle_value *v;

    (void)state;
    v = READ("]K\x01"
             "a(K\x02K\x03"
             "e.");
    assert_int_equal(v->kind, FB_PICKLE_LIST);
    assert_int_equal(v->count, 3);
    assert_int_equal(v->item[2]->integer, 3);
    assert_int_equal(READ("(K\x01K\x02K\x03K\x04t.")->count, 4);
    assert_int_equal(READ("NN\x86.")->count, 2);
    assert_int_equal(READ("NNN\x87.")->count, 3);
    assert_int_equal(READ(").")->count, 0);
    assert_int_equal(READ("\x8f.")->kind, FB_PICKLE_SET);
    v = READ("}(U\x01"
             "aK\x01U\x01"
             "bK\x02uU\x01"
             "aK\x03s.");
    assert_int_equal(v->kind, FB_PICKLE_DICT);
    assert_int_equal(v->count, 6);
    assert_int_equal(fb_pickle_get(v, "a")->integer, 3); /* the later one */
    assert_int_equal(fb_pickle_get(v, "b")->integer, 2);
    assert_null(fb_pickle_get(v, "c"));
    assert_null(fb_pickle_get(READ("N."), "c"));
}

static void test_the_memo_gives_the_same_value(void **state) {
    const struct fb_pickle_value *v = READ("]q\x00(h\x00j\x00\x00\x00\x00"
                                           "e.");

    (void)state;
    assert_ptr_equal(v->item[0], v); /* a list that holds itself is a list */
    assert_ptr_equal(v->item[1], v);
    assert_int_equal(READ("Nr\x01\x00\x00\x00K\x07q\x01h\x01.")->integer, 7);
}

static void test_what_follows_stop_is_not_read(void **state) {
    struct fb_err err = {0};
    struct fb_pickle p;

    (void)state;
    assert_int_equal(fb_pickle_read(&p, &arena, "N.cos\nsystem\n", 13, &err), FB_OK);
    assert_int_equal(p.used, 2);
}

static void refused(const char *bytes, size_t size, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_pickle p;
    char *exact = malloc(size ? size : 1); /* so that a sanitizer sees a read beyond the end */

    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_int_equal(fb_pickle_read(&p, &arena, exact, size, &err), code);
    assert_string_equal(err.msg, message);
    free(exact);
}

#define BROKEN(text, message)  refused(text, sizeof(text) - 1, FB_EFORMAT, message)
#define REFUSED(text, message) refused(text, sizeof(text) - 1, FB_EUNSUPPORTED, message)

static void test_broken_pickles_name_the_byte(void **state) {
    (void)state;
    BROKEN("", "byte 0: the pickle ends without STOP");
    BROKEN("\x80\x02N", "byte 3: the pickle ends without STOP");
    BROKEN(".", "byte 0: takes 1 values from a stack of 0");
    BROKEN("N\x86.", "byte 1: takes 2 values from a stack of 1");
    BROKEN("N(\x85.", "byte 2: takes 1 values from a stack of 0"); /* a mark hides what is below */
    BROKEN("t.", "byte 0: takes a mark where none is set");
    BROKEN("N(Ne.", "byte 3: appends to what is no list");
    BROKEN("(Ne.", "byte 2: appends to nothing");
    BROKEN("(NNu.", "byte 3: sets items of nothing");
    BROKEN("](NNu.", "byte 4: sets items of what is no dict");
    BROKEN("}(Nu.", "byte 3: sets a key without a value");
    BROKEN("}]Ns.", "byte 3: has a key that is a list, a dict or a set");
    BROKEN("}]\x85Ns.", "byte 4: has a key that is a list, a dict or a set");
    BROKEN("h\x05.", "byte 0: memo number 5 was never put");
    BROKEN("Nq\x00j\xff\xff\xff\xff.", "byte 3: memo number 4294967295 was never put");
    BROKEN("Nr\xff\xff\xff\x7f.", "byte 1: memo number 2147483647 among the first 2 opcodes");
    BROKEN("q\x00.", "byte 0: takes 1 values from a stack of 0");
    BROKEN("J\x01\x02", "byte 0: ends inside an opcode: 4 bytes wanted, 2 are left");
    BROKEN("X\xff\xff\xff\x7fhi",
           "byte 0: ends inside an opcode: 2147483647 bytes wanted, 2 are left");
    BROKEN("\x8a\xff\x01", "byte 0: ends inside an opcode: 255 bytes wanted, 1 are left");
    BROKEN("\xff.", "byte 0: 0xff is no opcode");
}

static void test_protocols_from_4_on_are_refused_with_their_number(void **state) {
    (void)state;
    REFUSED("\x80\x04N.", "byte 0: pickle protocol 4 is not read; torch.save writes 2, and up to 3 "
                          "is understood");
    REFUSED("\x80\x05N.", "byte 0: pickle protocol 5 is not read; torch.save writes 2, and up to 3 "
                          "is understood");
}

static void test_opcodes_that_torch_refuses_are_refused_by_name(void **state) {
    static const struct {
        const char *name, *bytes;
    } cases[] = {
        {"POP", "0"},
        {"POP_MARK", "1"},
        {"DUP", "2"},
        {"FLOAT", "F1\n"},
        {"INT", "I1\n"},
        {"LONG", "L1L\n"},
        {"PERSID", "Px\n"},
        {"STRING", "S'x'\n"},
        {"UNICODE", "Vx\n"},
        {"DICT", "(d"},
        {"GET", "g0\n"},
        {"LIST", "(l"},
        {"OBJ", "(o"},
        {"PUT", "p0\n"},
        {"EXT1", "\x82\x01"},
        {"EXT2", "\x83\x01\x01"},
        {"EXT4", "\x84\x01\x01\x01\x01"},
        {"LONG4", "\x8b\xff\xff\xff\x7f"},
        {"BINSTRING", "T"},
        {"BINBYTES", "B"},
        {"SHORT_BINBYTES", "C"},
        {"BINUNICODE8", "\x8d"},
        {"BINBYTES8", "\x8e"},
        {"SHORT_BINUNICODE", "\x8c"},
        {"ADDITEMS", "\x90"},
        {"FROZENSET", "\x91"},
        {"NEWOBJ_EX", "\x92"},
        {"STACK_GLOBAL", "\x93"},
        {"MEMOIZE", "\x94"},
        {"FRAME", "\x95"},
        {"BYTEARRAY8", "\x96"},
        {"NEXT_BUFFER", "\x97"},
        {"READONLY_BUFFER", "\x98"},
    };
    char message[200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(message, sizeof message,
                 "byte %d: opcode %s is not read: torch.save does not write it",
                 *cases[i].bytes == '(', cases[i].name);
        refused(cases[i].bytes, strlen(cases[i].bytes), FB_EUNSUPPORTED, message);
    }
}

static void test_marks_and_opcodes_are_limited(void **state) {
    char *many = malloc(FB_PICKLE_OPCODES + 1);

    (void)state;
    assert_non_null(many);
    memset(many, '(', FB_PICKLE_MARKS + 1);
    refused(many, FB_PICKLE_MARKS + 1, FB_EFORMAT, "byte 1000: more than 1000 marks are open");
    memset(many, ')', FB_PICKLE_OPCODES + 1);
    refused(many, FB_PICKLE_OPCODES + 1, FB_EUNSUPPORTED, "more than 4194304 opcodes");
    free(many);
}

/* 100,000 lists, each in the next: no recursion, so no limit on depth. */
static void test_deep_nesting_is_read(void **state) {
    enum { DEPTH = 100000 };
    char *deep = malloc(2 * DEPTH);
    const struct fb_pickle_value *v;

    (void)state;
    assert_non_null(deep);
    memset(deep, ']', DEPTH);
    memset(deep + DEPTH, 'a', DEPTH - 1);
    deep[2 * DEPTH - 1] = '.';
    v = read_bytes(deep, 2 * DEPTH);
    for (int i = 1; i < DEPTH; i++)
        v = v->item[0];
    assert_int_equal(v->count, 0);
    free(deep);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_arena own = {0};
    struct fb_pickle p;
    int rc = fb_pickle_read(&p, &own, arg, 18, &err);

    fb_arena_free(&own);
    return rc;
}

static void test_failed_allocations_are_reported(void **state) {
    char bytes[] = "}q\x00(K\x01]q\x01K\x02NN\x86q\x02u.";

    (void)state;
    assert_true(for_each_allocation_failure(attempt, bytes, 100) >= 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_values),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_the_memo_gives_the_same_value),
        cmocka_unit_test(test_what_follows_stop_is_not_read),
        cmocka_unit_test(test_broken_pickles_name_the_byte),
        cmocka_unit_test(test_protocols_from_4_on_are_refused_with_their_number),
        cmocka_unit_test(test_opcodes_that_torch_refuses_are_refused_by_name),
        cmocka_unit_test(test_marks_and_opcodes_are_limited),
        cmocka_unit_test(test_deep_nesting_is_read),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
