/* torchzip.c - see torchzip.h. All numbers of the format are little-endian. */
#include "ckpt/torchzip.h"

#include "base/alloc.h"
#include "ckpt/globals.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    COMMENT_MAX = 65535,
    ENCRYPTED = 1,     /* bit of the flags */
    DEFLATE_MAX = 1032 /* bytes that one deflated byte can become */
};

#define LOCAL_MAGIC   0x04034b50u
#define CENTRAL_MAGIC 0x02014b50u
#define END_MAGIC     0x06054b50u
#define END64_MAGIC   0x06064b50u
#define LOCATOR_MAGIC 0x07064b50u

static uint16_t le16(const unsigned char *b) {
    return (uint16_t)(b[0] | b[1] << 8);
}

static uint32_t le32(const unsigned char *b) {
    return le16(b) | (uint32_t)le16(b + 2) << 16;
}

static uint64_t le64(const unsigned char *b) {
    return le32(b) | (uint64_t)le32(b + 4) << 32;
}

bool fb_torchzip_is(const void *bytes, size_t size) {
    return size >= 4 && (le32(bytes) == LOCAL_MAGIC || le32(bytes) == END_MAGIC);
}

/* ---- the end of the archive ----------------------------------------------------------------- */

/* Where the central directory is. */
struct directory {
    uint64_t begin, size, count;
};

static int read_end64(const struct fb_torchzip *zip, uint64_t end, struct directory *d,
                      struct fb_err *err) {
    const unsigned char *b = zip->bytes + end;
    uint64_t at;

    if (end < LOCATOR_BYTES || le32(b - LOCATOR_BYTES) != LOCATOR_MAGIC)
        return fb_fail(err, FB_EFORMAT, "the zip64 directory is not where it should be");
    at = le64(b - LOCATOR_BYTES + 8);
    if (at > zip->size || zip->size - at < END64_BYTES || le32(zip->bytes + at) != END64_MAGIC)
        return fb_fail(err, FB_EFORMAT, "the zip64 directory is not at byte %ju", (uintmax_t)at);
    b = zip->bytes + at;
    *d = (struct directory){.count = le64(b + 32), .size = le64(b + 40), .begin = le64(b + 48)};
    return FB_OK;
}

/* The last record of the file, which only a comment may follow. */
static int find_directory(const struct fb_torchzip *zip, struct directory *d, struct fb_err *err) {
    size_t lowest = zip->size > END_BYTES + COMMENT_MAX ? zip->size - END_BYTES - COMMENT_MAX : 0;
    size_t at = zip->size < END_BYTES ? 0 : zip->size - END_BYTES;
    const unsigned char *b;

    while (at > lowest && le32(zip->bytes + at) != END_MAGIC)
        at--;
    b = zip->bytes + at;
    if (zip->size < END_BYTES || le32(b) != END_MAGIC)
        return fb_fail(err, FB_EFORMAT, "the zip directory is missing: the file has been cut");
    *d = (struct directory){.count = le16(b + 10), .size = le32(b + 12), .begin = le32(b + 16)};
    if (d->count == UINT16_MAX || d->size == UINT32_MAX || d->begin == UINT32_MAX)
        if (read_end64(zip, at, d, err)) return err->code;
    if (d->begin > zip->size || d->size > zip->size - d->begin)
        return fb_fail(err, FB_EFORMAT, "the zip directory claims bytes %ju to %ju of %zu",
                       (uintmax_t)d->begin, (uintmax_t)(d->begin + d->size), zip->size);
    if (d->count > d->size / CENTRAL_BYTES)
        return fb_fail(err, FB_EFORMAT, "the zip directory claims %ju entries in %ju bytes",
                       (uintmax_t)d->count, (uintmax_t)d->size);
    return FB_OK;
}

/* ---- the central directory ------------------------------------------------------------------ */

/* Takes a number of 8 bytes from a zip64 field if the usual one is full. */
static int widen(uint64_t *value, const unsigned char **field, size_t *left, struct fb_err *err) {
    if (*value != UINT32_MAX) return FB_OK;
    if (*left < 8) return fb_fail(err, FB_EFORMAT, "its zip64 field is too short");
    *value = le64(*field);
    *field += 8;
    *left -= 8;
    return FB_OK;
}

static int read_extra(struct fb_zip_entry *entry, const unsigned char *extra, size_t left,
                      struct fb_err *err) {
    while (left >= 4) {
        size_t size = le16(extra + 2);
        const unsigned char *field = extra + 4;
        if (size > left - 4) return fb_fail(err, FB_EFORMAT, "its extra field is cut");
        if (le16(extra) == 1)
            return widen(&entry->size, &field, &size, err) ||
                           widen(&entry->packed, &field, &size, err) ||
                           widen(&entry->header, &field, &size, err)
                       ? err->code
                       : FB_OK;
        extra += 4 + size;
        left -= 4 + size;
    }
    return FB_OK;
}

/* Bounds, and that the method is one we have. */
static int check_entry(const struct fb_torchzip *zip, const struct fb_zip_entry *entry,
                       unsigned flags, struct fb_err *err) {
    if (flags & ENCRYPTED) return fb_fail(err, FB_EUNSUPPORTED, "it is encrypted");
    if (entry->method != 0 && entry->method != Z_DEFLATED)
        return fb_fail(err, FB_EUNSUPPORTED, "compression method %d is not read", entry->method);
    if (entry->header > zip->size || entry->packed > zip->size - entry->header)
        return fb_fail(err, FB_EFORMAT, "%ju bytes at byte %ju do not fit into %zu",
                       (uintmax_t)entry->packed, (uintmax_t)entry->header, zip->size);
    if (entry->method == 0 && entry->packed != entry->size)
        return fb_fail(err, FB_EFORMAT, "%ju bytes are stored as %ju", (uintmax_t)entry->size,
                       (uintmax_t)entry->packed);
    if (entry->method && entry->size / DEFLATE_MAX > entry->packed)
        return fb_fail(err, FB_EFORMAT, "%ju bytes cannot come from %ju deflated ones",
                       (uintmax_t)entry->size, (uintmax_t)entry->packed);
    return FB_OK;
}

/* "NAME/" of the first entry: torch believes that one, too. */
static void set_folder(struct fb_torchzip *zip, const unsigned char *name, size_t size) {
    const unsigned char *slash = memchr(name, '/', size);

    zip->folder = name;
    zip->folder_size = slash ? (size_t)(slash - name) + 1 : 0;
}

/* What lies in another folder gets a name that is never asked for: it begins with a slash. */
static int add_entry(struct fb_torchzip *zip, const unsigned char *name, size_t size,
                     const struct fb_zip_entry *entry, struct fb_err *err) {
    size_t skip = zip->folder_size;
    int64_t position;
    char *text;
    int added;

    if (!zip->folder) set_folder(zip, name, size), skip = zip->folder_size;
    if (skip && size >= skip && !memcmp(name, zip->folder, skip))
        text = fb_strndup((const char *)name + skip, size - skip, err);
    else text = fb_asprintf(err, "/%.*s", (int)size, (const char *)name);
    if (!text) return err->code;
    position = fb_names_add(&zip->names, text, &added, err);
    free(text);
    if (position < 0) return err->code;
    if (!added) return fb_fail(err, FB_EFORMAT, "it is there twice");
    zip->entry[position] = *entry;
    return FB_OK;
}

/* The record at `b`: `left` bytes, of which *used are its own. */
static int read_record(struct fb_torchzip *zip, const unsigned char *b, size_t left, size_t *used,
                       struct fb_err *err) {
    struct fb_zip_entry entry;
    size_t name, extra, comment;
    char shown[FB_SHOWN_TEXT];

    if (left < CENTRAL_BYTES || le32(b) != CENTRAL_MAGIC)
        return fb_fail(err, FB_EFORMAT, "the zip directory is damaged");
    name = le16(b + 28), extra = le16(b + 30), comment = le16(b + 32);
    if (name + extra + comment > left - CENTRAL_BYTES)
        return fb_fail(err, FB_EFORMAT, "the zip directory is damaged");
    *used = CENTRAL_BYTES + name + extra + comment;
    entry = (struct fb_zip_entry){.method = le16(b + 10),
                                  .crc = le32(b + 16),
                                  .packed = le32(b + 20),
                                  .size = le32(b + 24),
                                  .header = le32(b + 42)};
    if (!memchr(b + CENTRAL_BYTES, 0, name) &&
        !read_extra(&entry, b + CENTRAL_BYTES + name, extra, err) &&
        !check_entry(zip, &entry, le16(b + 8), err) &&
        !add_entry(zip, b + CENTRAL_BYTES, name, &entry, err))
        return FB_OK;
    if (!err->code) fb_fail(err, FB_EFORMAT, "a zero byte is in its name");
    return fb_context(err, "entry '%s'", fb_shown(shown, b + CENTRAL_BYTES, name));
}

static int read_directory(struct fb_torchzip *zip, struct fb_err *err) {
    struct directory d = {0};
    uint64_t packed = 0;
    size_t used = 0;

    if (find_directory(zip, &d, err)) return err->code;
    if (!(zip->entry = fb_calloc((size_t)d.count, sizeof *zip->entry, err))) return err->code;
    for (uint64_t i = 0; i < d.count; i++) {
        if (read_record(zip, zip->bytes + d.begin, (size_t)d.size, &used, err)) return err->code;
        d.begin += used;
        d.size -= used;
        /* Entries that share bytes are how small archives become large ones. */
        if (zip->entry[i].packed > zip->size - packed)
            return fb_fail(err, FB_EFORMAT, "its entries take more than its %zu bytes", zip->size);
        packed += zip->entry[i].packed;
    }
    return FB_OK;
}

/* ---- content -------------------------------------------------------------------------------- */

static int inflate_entry(struct fb_torchzip *zip, struct fb_zip_entry *entry,
                         const unsigned char *packed, struct fb_err *err) {
    unsigned char *out = fb_arena_alloc(zip->owned, (size_t)entry->size, err);
    z_stream z = {0};
    size_t in_left = (size_t)entry->packed, out_left = (size_t)entry->size;
    int rc;

    if (!out) return err->code;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return fb_fail(err, FB_ENOMEM, "out of memory: zlib");
    z.next_in = (unsigned char *)(uintptr_t)packed;
    z.next_out = out;
    do { /* avail_in and avail_out have 32 bits */
        if (!z.avail_in) in_left -= z.avail_in = (uInt)(in_left < INT32_MAX ? in_left : INT32_MAX);
        if (!z.avail_out)
            out_left -= z.avail_out = (uInt)(out_left < INT32_MAX ? out_left : INT32_MAX);
        rc = inflate(&z, Z_NO_FLUSH);
    } while (rc == Z_OK);
    out_left += z.avail_out;
    inflateEnd(&z);
    if (rc != Z_STREAM_END || out_left)
        return fb_fail(err, FB_EFORMAT, "its deflated data are damaged");
    entry->data = out;
    return FB_OK;
}

/* Name and extra field of the local header may differ from the directory's: only their lengths are
 * used, to find where the content begins. */
static int locate(struct fb_torchzip *zip, struct fb_zip_entry *entry, struct fb_err *err) {
    const unsigned char *b = zip->bytes + entry->header;
    size_t left = zip->size - (size_t)entry->header, skip;

    if (left < LOCAL_BYTES || le32(b) != LOCAL_MAGIC)
        return fb_fail(err, FB_EFORMAT, "no local header at byte %ju", (uintmax_t)entry->header);
    skip = (size_t)LOCAL_BYTES + le16(b + 26) + le16(b + 28);
    if (skip > left || entry->packed > left - skip)
        return fb_fail(err, FB_EFORMAT, "%ju bytes at byte %ju do not fit into %zu",
                       (uintmax_t)entry->packed, (uintmax_t)(entry->header + skip), zip->size);
    if (entry->method) return inflate_entry(zip, entry, b + skip, err);
    entry->data = b + skip;
    return FB_OK;
}

static int check_crc(const struct fb_zip_entry *entry, struct fb_err *err) {
    uint32_t found = (uint32_t)crc32_z(0, entry->data, (size_t)entry->size);

    if (found == entry->crc) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "its checksum is %08x, the directory says %08x", found,
                   entry->crc);
}

bool fb_torchzip_has(const struct fb_torchzip *zip, const char *name) {
    return fb_names_find(&zip->names, name) >= 0;
}

int fb_torchzip_read(struct fb_torchzip *zip, const char *name, bool check,
                     const unsigned char **data, size_t *size, struct fb_err *err) {
    int64_t position = fb_names_find(&zip->names, name);
    char shown[FB_SHOWN_TEXT];
    struct fb_zip_entry *entry;

    fb_shown(shown, name, strlen(name));
    if (position < 0) return fb_fail(err, FB_EFORMAT, "has no entry '%s'", shown);
    entry = &zip->entry[position];
    if ((!entry->data && locate(zip, entry, err)) || (check && check_crc(entry, err)))
        return fb_context(err, "entry '%s'", shown);
    *data = entry->data;
    *size = (size_t)entry->size;
    return FB_OK;
}

int fb_torchzip_open(struct fb_torchzip *zip, const void *bytes, size_t size,
                     struct fb_arena *owned, struct fb_err *err) {
    *zip = (struct fb_torchzip){.bytes = bytes, .size = size, .owned = owned};
    if (!read_directory(zip, err)) return FB_OK;
    fb_torchzip_close(zip);
    return err->code;
}

void fb_torchzip_close(struct fb_torchzip *zip) {
    fb_names_free(&zip->names);
    free(zip->entry);
    *zip = (struct fb_torchzip){0};
}
