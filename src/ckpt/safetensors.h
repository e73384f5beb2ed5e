/* safetensors.h - one mapped .safetensors file.
 *
 *     u64 little-endian n | n bytes of JSON | payload
 *     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
 *      "__metadata__": {"key": "text"}}
 *
 * Offsets count from the payload. As in the reference library, the tensors must fill the payload
 * without holes or overlap, and the header is at most 100 MB. */
#ifndef FB_CKPT_SAFETENSORS_H
#define FB_CKPT_SAFETENSORS_H

#include "base/map.h"
#include "ckpt/ckpt.h"

struct fb_safetensors {
    struct fb_map map;
    struct fb_entry *entry; /* [count] sorted by name, bytewise; owned */
    int64_t count;
    char *names; /* owned: the text the entries' names point to */
};

/* Maps and checks a file. FB_EFORMAT names the tensor; the path is in every message. `st` is closed
 * after a failure. Owned: fb_safetensors_close. */
int fb_safetensors_open(struct fb_safetensors *st, const char *path,
                        struct fb_err *err) FB_MUST_CHECK;
/* The same for bytes in memory, which are borrowed until the close. */
int fb_safetensors_parse(struct fb_safetensors *st, const void *bytes, size_t size,
                         struct fb_err *err) FB_MUST_CHECK;
void fb_safetensors_close(struct fb_safetensors *st);

#endif
