/* folder.h - tokenizer folders made for one test. */
#ifndef FB_TESTS_TEXT_FOLDER_H
#define FB_TESTS_TEXT_FOLDER_H

#include "base/file.h"
#include "base/map.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SMALL FB_GOLDEN_DIR "/text/small"

/* A new empty folder; remove_folder frees the name. */
static inline char *new_folder(void) {
    const char *base = getenv("TMPDIR");
    char *path = malloc(512);

    snprintf(path, 512, "%s/fb_text_XXXXXX", base ? base : ".");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void put_file(const char *folder, const char *name, const char *content) {
    struct fb_err err = {0};
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(fb_file_replace(path, content, strlen(content), &err), FB_OK);
}

/* Copies all files of one folder into another. */
static inline void copy_files(const char *to, const char *from) {
    struct fb_err err = {0};
    char **names, a[1024], b[1024];
    size_t count;

    assert_int_equal(fb_list_dir(from, &names, &count, &err), FB_OK);
    for (size_t i = 0; i < count; i++) {
        snprintf(a, sizeof a, "%s/%s", from, names[i]);
        snprintf(b, sizeof b, "%s/%s", to, names[i]);
        assert_int_equal(fb_file_copy(a, b, &err), FB_OK);
    }
    fb_list_free(names, count);
}

static inline void copy_file(const char *folder, const char *from, const char *name) {
    struct fb_err err = {0};
    char a[1024], b[1024];

    snprintf(a, sizeof a, "%s/%s", from, name);
    snprintf(b, sizeof b, "%s/%s", folder, name);
    assert_int_equal(fb_file_copy(a, b, &err), FB_OK);
}

static inline void remove_folder(char *folder) {
    struct fb_err err = {0};
    char **names, path[1024];
    size_t count;

    assert_int_equal(fb_list_dir(folder, &names, &count, &err), FB_OK);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    fb_list_free(names, count);
    rmdir(folder);
    free(folder);
}

static inline struct fb_tokenizer *open_folder(const char *folder) {
    struct fb_err err = {0};
    struct fb_tokenizer *t;

    if (fb_tokenizer_open(&t, folder, &err)) fail_msg("%s", err.msg);
    return t;
}

/* Opening must fail with this message, "%s" in it being the folder. */
static inline void assert_refused(const char *folder, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_tokenizer *t;
    char expected[4096];

    snprintf(expected, sizeof expected, "tokenizer '%s': %s", folder, message);
    assert_int_equal(fb_tokenizer_open(&t, folder, &err), code);
    assert_string_equal(err.msg, expected);
    assert_null(t);
}

/* Encodes a text and compares with `n` ids. */
static inline void assert_ids(const struct fb_tokenizer *t, const char *text, int n, ...) {
    struct fb_err err = {0};
    struct fb_ids ids = {0};
    va_list args;

    if (fb_tokenizer_encode(t, &ids, text, strlen(text), true, &err)) fail_msg("%s", err.msg);
    assert_int_equal(ids.count, n);
    va_start(args, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(ids.id[i], va_arg(args, int));
    va_end(args);
    fb_ids_free(&ids);
}

/* Decodes `n` ids and compares with a text. */
static inline void assert_text(const struct fb_tokenizer *t, const char *text, bool skip, int n,
                               ...) {
    struct fb_err err = {0};
    struct fb_str out = {0};
    int32_t ids[32];
    va_list args;

    va_start(args, n);
    for (int i = 0; i < n; i++)
        ids[i] = va_arg(args, int);
    va_end(args);
    if (fb_tokenizer_decode(t, &out, ids, n, skip, &err)) fail_msg("%s", err.msg);
    assert_string_equal(fb_str_text(&out), text);
    fb_str_free(&out);
}

#endif
