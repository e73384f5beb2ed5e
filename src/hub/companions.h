/* companions.h - the files that a Hugging Face folder may hold beside weights and configuration:
 * those of the tokenizer. */
#ifndef FB_HUB_COMPANIONS_H
#define FB_HUB_COMPANIONS_H

#include "base/err.h"

#include <stdbool.h>

/* Whether the folder has any of them. */
int fb_companions_there(const char *folder, bool *there, struct fb_err *err) FB_MUST_CHECK;
/* Copies those that are there, byte for byte. */
int fb_companions_copy(const char *from, const char *to, struct fb_err *err) FB_MUST_CHECK;

#endif
