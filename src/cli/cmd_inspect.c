/* cmd_inspect.c - the tensors of a checkpoint as a table or as JSON lines. */
#include "ckpt/compare.h"
#include "cli/command.h"
#include "cli/tensors.h"

#include <stdio.h>

struct opts {
    bool json, sha256;
};

static const struct fb_opt opts[] = {
    FB_OPT_BOOL(struct opts, json, "false", "print one JSON object per tensor instead of a table"),
    FB_OPT_BOOL(struct opts, sha256, "false",
                "add the SHA-256 of each tensor's little-endian bytes"),
    FB_OPT_END,
};

struct totals {
    int64_t tensors, elements;
    uint64_t bytes;
};

static int print_json(const struct fb_entry *entry, const char *hash, struct fb_err *err) {
    struct fb_arena arena = {0};
    struct fb_node *node = fb_tensors_node(&arena, entry, err);
    int rc = node ? FB_OK : err->code;

    if (!rc && *hash) rc = fb_node_set_text(&arena, node, "sha256", hash, err);
    if (!rc) rc = fb_tensors_print_node(node, err);
    fb_arena_free(&arena);
    return rc;
}

/* Widths of the columns that have no fixed one. */
struct widths {
    int name, shape;
};

static struct widths measure(const struct fb_ckpt *ckpt) {
    struct widths w = {.name = (int)sizeof "name" - 1, .shape = (int)sizeof "shape" - 1};

    for (int64_t i = 0; i < fb_ckpt_count(ckpt); i++) {
        const struct fb_entry *entry = fb_ckpt_at(ckpt, i);
        char shape[FB_SHAPE_TEXT];
        int width = fb_tensors_width(entry->name);
        if (width > w.name) w.name = width;
        fb_tensors_shape(shape, entry);
        if ((width = fb_tensors_width(shape)) > w.shape) w.shape = width;
    }
    return w;
}

static void print_row(const struct fb_entry *entry, struct widths w, const char *hash) {
    char shape[FB_SHAPE_TEXT];

    fb_tensors_shape(shape, entry);
    fb_tensors_print_name(entry->name, w.name);
    printf("  %-7s  %-*s  %12zu%s%s\n", fb_dtype_name(entry->dtype), w.shape, shape, entry->size,
           *hash ? "  " : "", hash);
}

static void add(struct totals *t, const struct fb_entry *entry) {
    t->tensors++;
    t->elements += entry->numel;
    t->bytes += entry->size;
}

static void print_totals(const struct fb_ckpt *ckpt) {
    struct totals all = {0}, by_dtype[FB_DTYPES] = {{0}};

    for (int64_t i = 0; i < fb_ckpt_count(ckpt); i++) {
        const struct fb_entry *entry = fb_ckpt_at(ckpt, i);
        add(&all, entry);
        add(&by_dtype[entry->dtype], entry);
    }
    printf("\n%-7s  %9s  %14s  %14s\n", "dtype", "tensors", "parameters", "bytes");
    for (int d = 0; d < FB_DTYPES; d++)
        if (by_dtype[d].tensors)
            printf("%-7s  %9jd  %14jd  %14ju\n", fb_dtype_name((enum fb_dtype)d),
                   (intmax_t)by_dtype[d].tensors, (intmax_t)by_dtype[d].elements,
                   (uintmax_t)by_dtype[d].bytes);
    printf("%-7s  %9jd  %14jd  %14ju\n", "total", (intmax_t)all.tensors, (intmax_t)all.elements,
           (uintmax_t)all.bytes);
}

static int print_all(const struct fb_ckpt *ckpt, const struct opts *o, struct fb_err *err) {
    struct widths w = measure(ckpt);

    if (!o->json)
        printf("%-*s  %-7s  %-*s  %12s%s\n", w.name, "name", "dtype", w.shape, "shape", "bytes",
               o->sha256 ? "  sha256" : "");
    for (int64_t i = 0; i < fb_ckpt_count(ckpt); i++) {
        const struct fb_entry *entry = fb_ckpt_at(ckpt, i);
        char hash[FB_SHA256_TEXT] = "";
        if (o->sha256 && fb_ckpt_sha256(hash, ckpt, entry, err)) return err->code;
        if (!o->json) print_row(entry, w, hash);
        else if (print_json(entry, hash, err)) return err->code;
    }
    if (!o->json) print_totals(ckpt);
    return FB_OK;
}

static int run(const void *o, int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    struct fb_ckpt *ckpt;
    int rc;

    (void)cli;
    if (argc != 1)
        return fb_fail(err, FB_EUSAGE, "inspect: expects one file, folder or model name, found %d",
                       argc);
    if (fb_tensors_open(&ckpt, argv[0], err)) return fb_context(err, "inspect");
    rc = print_all(ckpt, o, err);
    fb_ckpt_close(ckpt);
    return rc;
}

const struct fb_command fb_cmd_inspect = {
    .name = "inspect",
    .arguments = "PATH",
    .summary = "List the tensors of a checkpoint.",
    .details =
        "PATH is a .safetensors or torch file, an index of shards, a folder in Hugging Face "
        "layout,\nor the name of a model in the local Hugging Face cache. Tensors are sorted "
        "by name.\n\n    fusion_bench inspect gpt2 --sha256",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .run = run,
};
