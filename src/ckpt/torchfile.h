/* torchfile.h - one file of torch.save that holds a state dict: .bin, .pt, .pth, .ckpt.
 *
 * The content decides which format it is: a zip archive (torchzip.h) or the older stream
 * (legacy.h). What is read is a mapping of names to tensors. What else is in it (numbers, texts,
 * _metadata) is passed over. A training checkpoint, which has no tensors at its top, is read if
 * exactly one of its entries `state_dict`, `model_state_dict` and `model` is such a mapping;
 * nothing else is guessed. Nothing in the file is ever executed. */
#ifndef FB_CKPT_TORCHFILE_H
#define FB_CKPT_TORCHFILE_H

#include "base/arena.h"
#include "base/map.h"
#include "ckpt/ckpt.h"

struct fb_torchfile {
    struct fb_map map;
    struct fb_entry *entry; /* [count] sorted by name, bytewise; owned */
    int64_t count;
    struct fb_arena owned; /* names; views that are not contiguous, and what was deflated */
};

/* Whether a name ends like a torch file's. */
bool fb_torchfile_is_named(const char *path);
/* Maps and reads a file. FB_EFORMAT: broken; FB_EUNSUPPORTED: refused by name. The path is in every
 * message. `file` is closed after a failure. Owned: fb_torchfile_close. */
int fb_torchfile_open(struct fb_torchfile *file, const char *path,
                      struct fb_err *err) FB_MUST_CHECK;
/* The same for bytes in memory, which are borrowed until the close. */
int fb_torchfile_parse(struct fb_torchfile *file, const void *bytes, size_t size,
                       struct fb_err *err) FB_MUST_CHECK;
void fb_torchfile_close(struct fb_torchfile *file);

#endif
