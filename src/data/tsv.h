/* tsv.h - rows from tab- or comma-separated text.
 *
 * Tab-separated text as GLUE publishes it: no quoting, a '"' is a character like others. Comma-
 * separated text after RFC 4180: a field in '"' may hold commas, line ends and doubled quotes. A
 * byte order mark and "\r\n" are accepted; every row has as many fields as the header. */
#ifndef FB_DATA_TSV_H
#define FB_DATA_TSV_H

#include "data/dataset.h"

struct fb_tsv_form {
    char separator;
    bool quotes;               /* RFC 4180 quoting */
    bool text_only;            /* all columns are text; otherwise a column is of integers or reals
                                 when every field in it that is not empty is one (no leading zeros,
                                 so that "007" stays text), and empty fields are its nulls */
    const char *const *header; /* NULL-terminated names of the columns; NULL: the first row */
};

/* `limit` >= 0: only that many rows, which then decide the kinds. FB_EFORMAT names the line. */
int fb_tsv_read(struct fb_dataset *out, const char *text, size_t size,
                const struct fb_tsv_form *form, int64_t limit, struct fb_err *err) FB_MUST_CHECK;

#endif
