/* fuzz_override.c - one override from the command line, parsed and printed again. */
#include "config/override.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str text = {0};
    struct fb_override o;
    char *line = fb_arena_strndup(&a, (const char *)data, size, &err);

    if (line && !fb_override_parse(&o, line, &a, &err) && o.value &&
        fb_override_print_value(&text, o.value, &err))
        abort();
    fb_str_free(&text);
    fb_arena_free(&a);
    return 0;
}
