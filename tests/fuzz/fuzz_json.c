/* Whatever the JSON reader accepts is printed as JSON that it accepts again, as the same text. */
#include "config/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str text = {0}, again = {0};
    struct fb_node *node;

    if (fb_json_parse(&node, &a, (const char *)data, size, "fuzz", &err)) goto done;
    if (fb_json_print(&text, node, &err)) abort();
    if (fb_json_parse(&node, &a, text.data, text.size, "back", &err)) abort();
    if (fb_json_print(&again, node, &err) || strcmp(text.data, again.data) != 0) abort();
done:
    fb_str_free(&text);
    fb_str_free(&again);
    fb_arena_free(&a);
    return 0;
}
