/* Whatever the YAML reader accepts can be printed, and the printed text reads as the same value. */
#include "config/interp.h"
#include "config/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_str text = {0}, again = {0};
    struct fb_node *node, *back;

    if (fb_yaml_parse(&node, &a, (const char *)data, size, "fuzz", &err)) goto done;
    if (fb_yaml_print(&text, node, &err)) goto done;
    if (fb_yaml_parse(&back, &a, text.data, text.size, "back", &err)) goto done;
    if (fb_yaml_print(&again, back, &err)) abort();
    if (fb_interp_resolve_all(&in, node, &err)) goto done;
done:
    fb_str_free(&text);
    fb_str_free(&again);
    fb_arena_free(&a);
    return 0;
}
