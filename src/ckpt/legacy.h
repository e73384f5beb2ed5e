/* legacy.h - the stream that torch.save wrote before 1.6, and writes when told to.
 *
 *     pickle of 0x1950a86a20f9469cfc6c | pickle of 1001 | pickle of facts about the machine |
 *     pickle of the object | pickle of the list of storage keys |
 *     for each key: u64 little-endian number of elements, then their bytes
 *
 * (torch/serialization.py, _legacy_load.) The bytes are pointers into the file. */
#ifndef FB_CKPT_LEGACY_H
#define FB_CKPT_LEGACY_H

#include "ckpt/pickle.h"

/* Reads the whole stream and sets the data of all storages of the object's pickle. FB_EUNSUPPORTED:
 * a pickle, but not of this format. Borrowed from `bytes` and `arena`. */
int fb_legacy_read(struct fb_pickle *out, struct fb_arena *arena, const void *bytes, size_t size,
                   struct fb_err *err) FB_MUST_CHECK;

#endif
