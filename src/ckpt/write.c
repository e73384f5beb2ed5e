/* write.c - see write.h. The header is laid out as the reference library does it: __metadata__
 * first, no spaces between tokens, padded with spaces so that the payload begins at a multiple of
 * 8 bytes. The reference sorts tensors by dtype and name; here the caller's order stays. */
#define _GNU_SOURCE /* fallocate */
#include "ckpt/write.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/names.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH_BYTES = 8, ALIGNMENT = 8, HEADER_MAX = 100000000 };

/* Where an entry lies in the file. */
struct span {
    uint64_t offset;
    int64_t numel;
    enum fb_dtype dtype;
};

struct fb_ckpt_writer {
    struct fb_file file;
    struct span *span; /* [count] */
    int64_t count;
};

/* ---- header -------------------------------------------------------------------------------- */

/* The text in JSON quotes. */
static int put_text(struct fb_str *out, const char *text, struct fb_err *err) {
    json_t *string = json_string(text);
    char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    int rc;

    json_decref(string);
    if (!quoted)
        return fb_fail(err, FB_EFORMAT, "'%.200s' cannot be written as JSON (not UTF-8?)", text);
    rc = fb_str_puts(out, quoted, err);
    free(quoted);
    return rc;
}

static int put_metadata(struct fb_str *out, const char *const (*metadata)[2], int pairs,
                        struct fb_err *err) {
    if (fb_str_puts(out, "{\"__metadata__\":{\"format\":\"pt\"", err)) return err->code;
    for (int i = 0; i < pairs; i++)
        if (fb_str_putc(out, ',', err) || put_text(out, metadata[i][0], err) ||
            fb_str_putc(out, ':', err) || put_text(out, metadata[i][1], err))
            return err->code;
    return fb_str_putc(out, '}', err);
}

static int put_entry(struct fb_str *out, const struct fb_entry *entry, uint64_t begin, uint64_t end,
                     struct fb_err *err) {
    if (fb_str_putc(out, ',', err) || put_text(out, entry->name, err) ||
        fb_str_printf(out, err, ":{\"dtype\":\"%s\",\"shape\":[", fb_dtype_name(entry->dtype)))
        return err->code;
    for (int d = 0; d < entry->ndim; d++)
        if (fb_str_printf(out, err, d ? ",%jd" : "%jd", (intmax_t)entry->shape[d]))
            return err->code;
    return fb_str_printf(out, err, "],\"data_offsets\":[%ju,%ju]}", (uintmax_t)begin,
                         (uintmax_t)end);
}

static int put_padding(struct fb_str *out, struct fb_err *err) {
    while (out->size % ALIGNMENT)
        if (fb_str_putc(out, ' ', err)) return err->code;
    return FB_OK;
}

/* ---- layout -------------------------------------------------------------------------------- */

static int check_names(const struct fb_entry *entries, int64_t count, struct fb_err *err) {
    struct fb_names names = {0};
    int rc = FB_OK;

    for (int64_t i = 0; i < count && !rc; i++) {
        int added;
        if (fb_names_add(&names, entries[i].name, &added, err) < 0) rc = err->code;
        else if (!added) rc = fb_fail(err, FB_EMISMATCH, "two tensors '%.200s'", entries[i].name);
        else if (!strcmp(entries[i].name, "__metadata__"))
            rc = fb_fail(err, FB_EMISMATCH, "no tensor can be named '%s'", entries[i].name);
    }
    fb_names_free(&names);
    return rc;
}

/* Writes the header text and fills the spans with offsets in the payload; *payload is its size. */
static int lay_out(struct fb_ckpt_writer *w, struct fb_str *header, const struct fb_entry *entries,
                   uint64_t *payload, struct fb_err *err) {
    uint64_t at = 0;

    for (int64_t i = 0; i < w->count; i++) {
        uint64_t size = fb_dtype_size(entries[i].dtype);
        if ((uint64_t)entries[i].numel > (INT64_MAX - at) / size)
            return fb_fail(err, FB_EFORMAT, "tensor '%.200s': beyond the largest file",
                           entries[i].name);
        size *= (uint64_t)entries[i].numel;
        w->span[i] = (struct span){at, entries[i].numel, entries[i].dtype};
        if (put_entry(header, &entries[i], at, at + size, err)) return err->code;
        at += size;
    }
    *payload = at;
    if (fb_str_putc(header, '}', err)) return err->code;
    return put_padding(header, err);
}

static int write_header(struct fb_ckpt_writer *w, const struct fb_str *header, struct fb_err *err) {
    unsigned char length[LENGTH_BYTES];

    for (int i = 0; i < LENGTH_BYTES; i++)
        length[i] = (unsigned char)((uint64_t)header->size >> (8 * i));
    if (fb_file_write(&w->file, 0, length, sizeof length, err)) return err->code;
    return fb_file_write(&w->file, LENGTH_BYTES, header->data, header->size, err);
}

/* Takes the room on the disk at once, so that a disk that is too full is noticed before hours of
 * work. File systems that cannot do that get a file of the right size only. */
static int reserve(const struct fb_file *file, uint64_t size, struct fb_err *err) {
    int rc;

    do
        rc = fallocate(file->fd, 0, 0, (off_t)size);
    while (rc && errno == EINTR);
    if (rc && (errno == EOPNOTSUPP || errno == ENOSYS)) rc = ftruncate(file->fd, (off_t)size);
    if (rc)
        return fb_fail_errno(err, "cannot reserve %ju bytes for '%s'", (uintmax_t)size, file->path);
    return FB_OK;
}

/* Everything that can be known before the file is made: the header's text and all offsets. */
static int plan(struct fb_ckpt_writer *w, struct fb_str *header, const struct fb_entry *entries,
                const char *const (*metadata)[2], int pairs, uint64_t *total, struct fb_err *err) {
    uint64_t payload = 0, begin;

    w->span = fb_calloc((size_t)w->count, sizeof *w->span, err);
    if (!w->span || check_names(entries, w->count, err) ||
        put_metadata(header, metadata, pairs, err) || lay_out(w, header, entries, &payload, err))
        return err->code;
    begin = LENGTH_BYTES + header->size;
    if (payload > INT64_MAX - begin) return fb_fail(err, FB_EFORMAT, "beyond the largest file");
    for (int64_t i = 0; i < w->count; i++)
        w->span[i].offset += begin;
    *total = begin + payload;
    return FB_OK;
}

/* ---- interface ----------------------------------------------------------------------------- */

int fb_ckpt_create(struct fb_ckpt_writer **out, const char *path, const struct fb_entry *entries,
                   int64_t count, const char *const (*metadata)[2], int pairs, struct fb_err *err) {
    struct fb_str header = {.max = HEADER_MAX};
    struct fb_ckpt_writer *w = fb_calloc(1, sizeof *w, err);
    uint64_t size = 0;

    *out = NULL;
    if (!w) return err->code;
    w->file.fd = -1;
    w->count = count;
    if (plan(w, &header, entries, metadata, pairs, &size, err))
        fb_context(err, "output '%s'", path);
    else if (!fb_file_create(&w->file, path, err) && !reserve(&w->file, size, err) &&
             !write_header(w, &header, err))
        *out = w;
    fb_str_free(&header);
    if (*out) return FB_OK;
    fb_ckpt_abandon(w);
    return err->code;
}

int fb_ckpt_write_bytes(struct fb_ckpt_writer *w, int64_t i, int64_t begin, int64_t count,
                        const void *bytes, struct fb_err *err) {
    const struct span *span = &w->span[i];
    const size_t size = fb_dtype_size(span->dtype);

    assert(i >= 0 && i < w->count);
    assert(begin >= 0 && count >= 0 && begin <= span->numel && count <= span->numel - begin);
    return fb_file_write(&w->file, span->offset + (uint64_t)begin * size, bytes,
                         (size_t)count * size, err);
}

int fb_ckpt_write_f32(struct fb_ckpt_writer *w, int64_t i, int64_t begin, int64_t count,
                      const float *values, void *scratch, struct fb_err *err) {
    const enum fb_dtype dtype = w->span[i].dtype;

    if (dtype == FB_F32) return fb_ckpt_write_bytes(w, i, begin, count, values, err);
    fb_dtype_from_f32(scratch, values, dtype, count);
    return fb_ckpt_write_bytes(w, i, begin, count, scratch, err);
}

int fb_ckpt_commit(struct fb_ckpt_writer *w, struct fb_err *err) {
    int rc = fb_file_commit(&w->file, err);

    fb_ckpt_abandon(w);
    return rc;
}

void fb_ckpt_abandon(struct fb_ckpt_writer *w) {
    if (!w) return;
    fb_file_abandon(&w->file);
    free(w->span);
    free(w);
}
