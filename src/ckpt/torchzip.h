/* torchzip.h - the zip archive that torch.save writes since 1.6.
 *
 *     NAME/data.pkl     a pickle of the object; storages are persistent ids
 *     NAME/data/KEY     the bytes of storage KEY
 *     NAME/byteorder    "little" (newer files)
 *     NAME/version      and others, which do not matter here
 *
 * Only the central directory is believed (APPNOTE.TXT 6.3, zip64 included), and it is checked:
 * every entry lies inside the file, they take no more bytes than it has. Stored entries, all that
 * torch writes, are pointers into the mapped file; deflated ones are inflated once. The checksum of
 * data.pkl is verified; those of storages are not, which would read the whole file. */
#ifndef FB_CKPT_TORCHZIP_H
#define FB_CKPT_TORCHZIP_H

#include "base/arena.h"
#include "base/names.h"

#include <stdbool.h>
#include <stdint.h>

struct fb_zip_entry {
    uint64_t header;       /* offset of the local header */
    uint64_t packed, size; /* bytes in the file and unpacked */
    uint32_t crc;
    uint16_t method;           /* 0 stored, 8 deflated */
    const unsigned char *data; /* where the content is; NULL until it is asked for */
};

struct fb_torchzip {
    const unsigned char *bytes; /* borrowed */
    size_t size;
    const unsigned char *folder; /* "NAME/", [folder_size]; borrowed */
    size_t folder_size;
    struct fb_names names; /* without "NAME/"; owned */
    struct fb_zip_entry *entry;
    struct fb_arena *owned; /* takes what is inflated; borrowed */
};

/* Whether bytes begin like a zip archive. */
bool fb_torchzip_is(const void *bytes, size_t size);
/* Reads the directory. `bytes` and `owned` are borrowed until the close, and what fb_torchzip_read
 * gives lives as long as they. `zip` is closed after a failure. */
int fb_torchzip_open(struct fb_torchzip *zip, const void *bytes, size_t size,
                     struct fb_arena *owned, struct fb_err *err) FB_MUST_CHECK;
void fb_torchzip_close(struct fb_torchzip *zip);

bool fb_torchzip_has(const struct fb_torchzip *zip, const char *name);
/* Content of an entry; `check` verifies its checksum. Borrowed. */
int fb_torchzip_read(struct fb_torchzip *zip, const char *name, bool check,
                     const unsigned char **data, size_t *size, struct fb_err *err) FB_MUST_CHECK;

#endif
