/* arrow.h - reading Arrow's IPC stream and file formats into a dataset. */
#ifndef FB_DATA_ARROW_H
#define FB_DATA_ARROW_H

#include "data/dataset.h"

/* Whether the bytes begin as one of the two formats does. */
bool fb_arrow_recognise(const unsigned char *file, size_t size);
/* Flat columns become columns; nested ones are listed in out->skipped. `limit` >= 0 stops after
 * that many rows. FB_EFORMAT; FB_EUNSUPPORTED for LZ4, big-endian data and tensors. */
int fb_arrow_read(struct fb_dataset *out, const unsigned char *file, size_t size, int64_t limit,
                  struct fb_err *err) FB_MUST_CHECK;

#endif
