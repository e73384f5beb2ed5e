/* goldens.h - reading tests/golden/compose/<name>.jsonl: one JSON object a line. */
#ifndef FB_TESTS_CONFIG_GOLDENS_H
#define FB_TESTS_CONFIG_GOLDENS_H

#include "base/map.h"
#include "config/json.h"

#include <stdio.h>
#include <string.h>

/* Calls `each` with every line's object; returns how many there were, or -1. The arena is reset
 * before each line. */
static inline int for_each_golden(const char *name,
                                  void (*each)(const struct fb_node *golden, struct fb_arena *a)) {
    char path[512];
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_map map = {0};
    int lines = 0;

    snprintf(path, sizeof path, FB_GOLDEN_DIR "/compose/%s.jsonl", name);
    if (fb_map_open(&map, path, &err)) return -1;
    for (size_t at = 0; at < map.size; lines++) {
        const char *line = (const char *)map.data + at;
        const char *end = memchr(line, '\n', map.size - at);
        size_t size = end ? (size_t)(end - line) : map.size - at;
        struct fb_node *golden;
        fb_arena_reset(&a);
        if (fb_json_parse(&golden, &a, line, size, "golden", &err)) return -1;
        each(golden, &a);
        at += size + 1;
    }
    fb_map_close(&map);
    fb_arena_free(&a);
    return lines;
}

#endif
