/* parquet.h - reading the flat columns of a parquet file. */
#ifndef FB_DATA_PARQUET_H
#define FB_DATA_PARQUET_H

#include "data/dataset.h"

/* Reads all flat columns of the file image; columns that are not read (nested, decimal, INT96 ...)
 * are listed in `skipped` with the reason. `limit` >= 0: only that many rows. Errors: FB_EFORMAT
 * (damaged), FB_EUNSUPPORTED (compression, encryption). */
int fb_parquet_read(struct fb_dataset *out, const unsigned char *file, size_t size, int64_t limit,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
