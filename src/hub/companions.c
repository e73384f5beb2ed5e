#include "hub/companions.h"

#include "base/file.h"
#include "base/map.h"

#include <stdlib.h>

static const char *const files[] = {"vocab.json",
                                    "merges.txt",
                                    "tokenizer.json",
                                    "tokenizer_config.json",
                                    "special_tokens_map.json",
                                    "added_tokens.json",
                                    "spiece.model",
                                    NULL};

int fb_companions_there(const char *folder, bool *there, struct fb_err *err) {
    *there = false;
    for (int i = 0; files[i] && !*there; i++) {
        char *path = fb_path_join(folder, files[i], err);
        if (!path) return err->code;
        *there = fb_is_file(path);
        free(path);
    }
    return FB_OK;
}

int fb_companions_copy(const char *from, const char *to, struct fb_err *err) {
    int rc = FB_OK;

    for (int i = 0; !rc && files[i]; i++) {
        char *source = fb_path_join(from, files[i], err);
        char *copy = source ? fb_path_join(to, files[i], err) : NULL;
        rc = copy ? FB_OK : err->code;
        if (!rc && fb_is_file(source)) rc = fb_file_copy(source, copy, err);
        free(source);
        free(copy);
    }
    return rc;
}
