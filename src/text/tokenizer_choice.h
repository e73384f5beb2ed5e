/* tokenizer_choice.h - the tokenizer that a configuration names: a folder or hub name as a string,
 * or {pretrained_model_name_or_path: ...} as the newer layouts have it. */
#ifndef FB_TEXT_TOKENIZER_CHOICE_H
#define FB_TEXT_TOKENIZER_CHOICE_H

#include "config/node.h"
#include "text/tokenizer.h"

/* Borrowed; NULL for `node` (`where`.tokenizer: "taskpool", "modelpool") takes `fallback`. */
struct fb_tokenizer_choice {
    const struct fb_node *node;
    const char *where, *fallback;
};

/* Folder or hub name; NULL after FB_ECONFIG. */
const char *fb_tokenizer_chosen(const struct fb_tokenizer_choice *choice, struct fb_err *err);
/* Finds and opens it; owned: fb_tokenizer_close. Errors begin with "<where>.tokenizer". */
int fb_tokenizer_open_chosen(struct fb_tokenizer **out, const struct fb_tokenizer_choice *choice,
                             struct fb_err *err) FB_MUST_CHECK;

#endif
