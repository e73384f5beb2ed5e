/* out.h - texts that become files. */
#ifndef DEMO_OUT_H
#define DEMO_OUT_H

#include "base/str.h"

/* Appends a field of a JSON line: {"<name>": "<text>", with a comma in place of the brace when it
 * is not the first one. The caller ends the line. */
int demo_put_field(struct fb_str *out, const char *name, const char *text,
                   struct fb_err *err) FB_MUST_CHECK;
/* Writes <folder>/<name>; the folders are made. */
int demo_write(const char *folder, const char *name, const struct fb_str *text,
               struct fb_err *err) FB_MUST_CHECK;

#endif
