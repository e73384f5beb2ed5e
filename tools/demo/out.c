#include "out.h"

#include "base/file.h"
#include "config/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int demo_put_field(struct fb_str *out, const char *name, const char *text, struct fb_err *err) {
    bool first = !out->size || out->data[out->size - 1] == '\n';

    if (fb_str_printf(out, err, "%s\"%s\": ", first ? "{" : ", ", name)) return err->code;
    return fb_json_print_text(out, text, strlen(text), true, err);
}

int demo_write(const char *folder, const char *name, const struct fb_str *text,
               struct fb_err *err) {
    char *path = fb_path_join(folder, name, err);
    int rc = path ? fb_file_replace(path, fb_str_text(text), text->size, err) : err->code;

    free(path);
    return rc;
}
