/* given.h - trees and overrides for tests, written as text. */
#ifndef FB_TESTS_CONFIG_GIVEN_H
#define FB_TESTS_CONFIG_GIVEN_H

#include "config/json.h"
#include "config/override.h"
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline struct fb_node *given(struct fb_arena *a, const char *yaml) {
    struct fb_err err = {0};
    struct fb_node *node;

    if (fb_yaml_parse(&node, a, yaml, strlen(yaml), "test.yaml", &err)) fail_msg("%s", err.msg);
    return node;
}

/* A value of any kind; a document itself is always a mapping or a list. */
static inline struct fb_node *given_value(struct fb_arena *a, const char *yaml) {
    struct fb_err err = {0};
    const char *list = fb_arena_printf(a, &err, "[%s]", yaml);

    assert_non_null(list);
    return given(a, list)->item[0];
}

static inline struct fb_override given_override(struct fb_arena *a, const char *text) {
    struct fb_err err = {0};
    struct fb_override o;

    if (fb_override_parse(&o, text, a, &err)) fail_msg("%s", err.msg);
    return o;
}

/* A tree as JSON, which shows the type of every value. */
static inline const char *json_of(struct fb_arena *a, const struct fb_node *node) {
    struct fb_err err = {0};
    struct fb_str text = {0};
    const char *out;

    assert_non_null(node);
    if (fb_json_print(&text, node, &err)) fail_msg("%s", err.msg);
    out = fb_arena_strdup(a, fb_str_text(&text), &err);
    assert_non_null(out);
    fb_str_free(&text);
    return out;
}

#endif
