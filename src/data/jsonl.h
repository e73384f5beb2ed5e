/* jsonl.h - rows from JSON text.
 *
 * Three layouts: one object per line; one list of objects; one object of objects (the keys are
 * dropped). A byte order mark, blank lines and "\r\n" are accepted. Columns are all names that
 * occur, in order of first appearance; what a row lacks is null. Integers and reals in one column
 * become reals; a nested value becomes its JSON text without spaces; other mixtures are errors. */
#ifndef FB_DATA_JSONL_H
#define FB_DATA_JSONL_H

#include "data/dataset.h"

/* `limit` >= 0: only that many rows. FB_EFORMAT names the line, or the row where a list or object
 * holds them all. */
int fb_jsonl_read(struct fb_dataset *out, const char *text, size_t size, int64_t limit,
                  struct fb_err *err) FB_MUST_CHECK;

#endif
