/* fuzz_compose.c - overrides, one a line, applied to the shipped configuration and resolved. */
#include "config/compose.h"
#include "config/interp.h"
#include "config/yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str text = {0};
    struct fb_composed c;
    const char *line[LINES];
    struct fb_compose_request request = {.config_path = "embedded:config", .overrides = line};
    char *at = fb_arena_strndup(&a, (const char *)data, size, &err);

    while (at && *at && request.override_count < LINES) {
        char *end = strchr(at, '\n');
        if (end) *end = '\0';
        /* The search path leads out of the program. */
        if (!strstr(at, "searchpath")) line[request.override_count++] = at;
        at = end ? end + 1 : NULL;
    }
    if (!fb_compose(&c, &request, &a, &err)) {
        struct fb_interp in = {.arena = &a, .hydra = fb_node_get(c.all, "hydra")};
        if (fb_yaml_print(&text, c.job, &err)) abort();
        (void)!fb_interp_resolve_all(&in, c.job, &err);
    }
    fb_str_free(&text);
    fb_arena_free(&a);
    return 0;
}
