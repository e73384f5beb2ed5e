/* ckpt.c - which files a path stands for, and one sorted table over all their tensors.
 *
 * A folder is read as transformers 4.46 reads it: model.safetensors, else
 * model.safetensors.index.json, else pytorch_model.bin, else pytorch_model.bin.index.json; else
 * (ours) the only .safetensors file there is. A sharded checkpoint is refused when index and shards
 * disagree: transformers loads a tensor that the index does not list and initialises one that is
 * missing, both with no more than a warning. */
#include "ckpt/ckpt.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "ckpt/safetensors.h"
#include "ckpt/shard.h"
#include "ckpt/torchfile.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHTS       "model.safetensors"
#define WEIGHTS_INDEX "model.safetensors.index.json"
#define TORCH         "pytorch_model.bin"
#define TORCH_INDEX   "pytorch_model.bin.index.json"
#define ADAPTER       "adapter_model.safetensors"
#define TORCH_ADAPTER "adapter_model.bin"

/* One file, of either format; the other struct is empty. */
struct part {
    char *path;
    struct fb_safetensors file;
    struct fb_torchfile torch;
    const struct fb_entry *entry; /* [count] sorted by name; borrowed from the file */
    int64_t count;
};

struct fb_ckpt {
    char *path;
    struct part *part; /* [parts] */
    int parts;
    const struct fb_entry *entry; /* [count] sorted by name; borrowed from the part, or `joined` */
    int64_t count;
    struct fb_entry *joined; /* the table over several parts; owned */
};

/* Consumes `path`; NULL is a failure that has been recorded. */
static int open_part(struct fb_ckpt *ckpt, char *path, struct fb_err *err) {
    struct part *part = &ckpt->part[ckpt->parts];

    if (!path) return err->code;
    part->path = path;
    ckpt->parts++;
    if (fb_torchfile_is_named(path)) {
        if (fb_torchfile_open(&part->torch, path, err)) return err->code;
        part->entry = part->torch.entry;
        part->count = part->torch.count;
        return FB_OK;
    }
    if (fb_safetensors_open(&part->file, path, err)) return err->code;
    part->entry = part->file.entry;
    part->count = part->file.count;
    return FB_OK;
}

static int open_single(struct fb_ckpt *ckpt, const char *path, struct fb_err *err) {
    ckpt->part = fb_calloc(1, sizeof *ckpt->part, err);
    if (!ckpt->part || open_part(ckpt, fb_strdup(path, err), err)) return err->code;
    ckpt->entry = ckpt->part->entry;
    ckpt->count = ckpt->part->count;
    return FB_OK;
}

/* ---- sharded ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct fb_entry *)a)->name, ((const struct fb_entry *)b)->name);
}

/* Every tensor of a shard is listed, and listed for that shard. */
static int check_shard(const struct fb_shards *shards, int file, const struct part *part,
                       struct fb_err *err) {
    const char *name = shards->files.name[file];

    for (int64_t i = 0; i < part->count; i++) {
        int64_t at = fb_names_find(&shards->tensors, part->entry[i].name);
        if (at < 0)
            return fb_fail(err, FB_EFORMAT, "tensor '%.200s' of '%s' is not in the index",
                           part->entry[i].name, name);
        if (shards->file_of[at] != file)
            return fb_fail(err, FB_EFORMAT, "tensor '%.200s' is in '%s', the index says '%s'",
                           part->entry[i].name, name, shards->files.name[shards->file_of[at]]);
    }
    return FB_OK;
}

/* The other way round: every listed tensor is there. */
static int check_listed(const struct fb_ckpt *ckpt, const struct fb_shards *shards,
                        struct fb_err *err) {
    for (int64_t i = 0; i < shards->tensors.count; i++)
        if (!fb_ckpt_find(ckpt, shards->tensors.name[i]))
            return fb_fail(err, FB_EFORMAT,
                           "tensor '%.200s' is not in '%s', where the index has it",
                           shards->tensors.name[i], shards->files.name[shards->file_of[i]]);
    return FB_OK;
}

static int open_shards(struct fb_ckpt *ckpt, const char *dir, const struct fb_shards *shards,
                       struct fb_err *err) {
    ckpt->part = fb_calloc((size_t)shards->files.count, sizeof *ckpt->part, err);
    if (!ckpt->part) return err->code;
    for (int i = 0; i < (int)shards->files.count; i++)
        if (open_part(ckpt, fb_path_join(dir, shards->files.name[i], err), err) ||
            check_shard(shards, i, &ckpt->part[i], err))
            return err->code;
    return FB_OK;
}

static int join_parts(struct fb_ckpt *ckpt, struct fb_err *err) {
    int64_t count = 0;

    for (int i = 0; i < ckpt->parts; i++)
        count += ckpt->part[i].count;
    if (!(ckpt->joined = fb_calloc((size_t)count, sizeof *ckpt->joined, err))) return err->code;
    for (int i = 0; i < ckpt->parts; i++) {
        const struct part *part = &ckpt->part[i];
        if (part->count)
            memcpy(ckpt->joined + ckpt->count, part->entry,
                   (size_t)part->count * sizeof *part->entry);
        ckpt->count += part->count;
    }
    qsort(ckpt->joined, (size_t)ckpt->count, sizeof *ckpt->joined, by_name);
    ckpt->entry = ckpt->joined;
    return FB_OK;
}

static int open_index(struct fb_ckpt *ckpt, const char *path, struct fb_err *err) {
    struct fb_shards shards;
    char *dir = NULL;
    int rc;

    if (fb_shards_read(&shards, path, err)) return err->code;
    if (!(dir = fb_path_dir(path, err)) || open_shards(ckpt, dir, &shards, err) ||
        join_parts(ckpt, err) || check_listed(ckpt, &shards, err))
        rc = fb_context(err, "index '%s'", path);
    else rc = FB_OK;
    free(dir);
    fb_shards_free(&shards);
    return rc;
}

/* ---- files and folders ---------------------------------------------------------------------- */

static int open_file(struct fb_ckpt *ckpt, const char *path, struct fb_err *err) {
    if (fb_ends_with(path, ".index.json")) return open_index(ckpt, path, err);
    return open_single(ckpt, path, err);
}

/* What a folder holds. Names are borrowed from its listing. */
struct listing {
    const char *weights, *index, *torch, *torch_index, *adapter, *other; /* NULL: there is none */
    int others; /* .safetensors files of other names */
};

static struct listing classify(char **names, size_t count) {
    struct listing l = {0};

    for (size_t i = 0; i < count; i++) {
        const char *name = names[i];
        if (!strcmp(name, WEIGHTS)) l.weights = name;
        else if (!strcmp(name, WEIGHTS_INDEX)) l.index = name;
        else if (!strcmp(name, TORCH)) l.torch = name;
        else if (!strcmp(name, TORCH_INDEX)) l.torch_index = name;
        else if (!strcmp(name, ADAPTER) || (!l.adapter && !strcmp(name, TORCH_ADAPTER)))
            l.adapter = name;
        else if (fb_ends_with(name, ".safetensors")) l.other = name, l.others++;
    }
    return l;
}

/* Name of the file that holds, or the index that lists, the weights; NULL after a failure. */
static const char *choose_weights(const struct listing *l, struct fb_err *err) {
    if (l->weights) return l->weights;
    if (l->index) return l->index;
    if (l->torch) return l->torch;
    if (l->torch_index) return l->torch_index;
    if (l->others == 1) return l->other;
    if (l->others)
        fb_fail(err, FB_EFORMAT, "holds %d .safetensors files and no " WEIGHTS_INDEX, l->others);
    else if (l->adapter)
        fb_fail(err, FB_EUNSUPPORTED, "holds an adapter (%s) and no model", l->adapter);
    else
        fb_fail(err, FB_ENOTFOUND,
                "holds no weights (looked for " WEIGHTS ", " WEIGHTS_INDEX ", " TORCH
                ", " TORCH_INDEX " and any other .safetensors file)");
    return NULL;
}

static int open_folder(struct fb_ckpt *ckpt, const char *dir, struct fb_err *err) {
    char **names, *path = NULL;
    const char *name;
    struct listing listing;
    size_t count;
    int rc;

    if (fb_list_dir(dir, &names, &count, err)) return err->code;
    listing = classify(names, count);
    if (!(name = choose_weights(&listing, err))) rc = fb_context(err, "folder '%s'", dir);
    else if (!(path = fb_path_join(dir, name, err))) rc = err->code;
    else rc = open_file(ckpt, path, err);
    free(path);
    fb_list_free(names, count);
    return rc;
}

/* ---- interface ----------------------------------------------------------------------------- */

int fb_ckpt_open(struct fb_ckpt **out, const char *path, struct fb_err *err) {
    struct fb_ckpt *ckpt = fb_calloc(1, sizeof *ckpt, err);

    *out = NULL;
    if (!ckpt) return err->code;
    if (!(ckpt->path = fb_strdup(path, err)) ||
        (fb_is_dir(path) ? open_folder : open_file)(ckpt, path, err)) {
        fb_ckpt_close(ckpt);
        return err->code;
    }
    *out = ckpt;
    return FB_OK;
}

bool fb_ckpt_has_model(const char *folder) {
    static const char *const names[] = {WEIGHTS, WEIGHTS_INDEX, TORCH, TORCH_INDEX};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fb_has_file(folder, names[i])) return true;
    return false;
}

void fb_ckpt_close(struct fb_ckpt *ckpt) {
    if (!ckpt) return;
    for (int i = 0; i < ckpt->parts; i++) {
        fb_safetensors_close(&ckpt->part[i].file);
        fb_torchfile_close(&ckpt->part[i].torch);
        free(ckpt->part[i].path);
    }
    free(ckpt->joined);
    free(ckpt->part);
    free(ckpt->path);
    free(ckpt);
}

int64_t fb_ckpt_count(const struct fb_ckpt *ckpt) {
    return ckpt->count;
}

const struct fb_entry *fb_ckpt_at(const struct fb_ckpt *ckpt, int64_t i) {
    return &ckpt->entry[i];
}

const struct fb_entry *fb_ckpt_find(const struct fb_ckpt *ckpt, const char *name) {
    const struct fb_entry key = {.name = name};

    if (!ckpt->count) return NULL;
    return bsearch(&key, ckpt->entry, (size_t)ckpt->count, sizeof key, by_name);
}

const char *fb_ckpt_path(const struct fb_ckpt *ckpt) {
    return ckpt->path;
}

int fb_ckpt_files(const struct fb_ckpt *ckpt) {
    return ckpt->parts;
}

const char *fb_ckpt_file(const struct fb_ckpt *ckpt, int i) {
    return ckpt->part[i].path;
}

void fb_ckpt_forget(const struct fb_ckpt *ckpt, const struct fb_entry *entry, int64_t begin,
                    int64_t count) {
    const size_t size = fb_dtype_size(entry->dtype);
    const uintptr_t at = (uintptr_t)entry->data;

    for (int i = 0; i < ckpt->parts; i++) {
        const struct part *part = &ckpt->part[i];
        const struct fb_map *map = part->torch.map.data ? &part->torch.map : &part->file.map;
        const uintptr_t start = (uintptr_t)map->data;
        if (at < start || at - start > map->size) continue;
        fb_map_forget(map, at - start + (size_t)begin * size, (size_t)count * size);
        return;
    }
}
