/* cmd_diff.c - what differs between two checkpoints.
 *
 * Two tensors are equal when their dtype, shape and bits are. Values are compared only where dtype
 * and shape agree. */
#include "ckpt/compare.h"
#include "cli/command.h"
#include "cli/tensors.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct opts {
    bool json;
};

static const struct fb_opt opts[] = {
    FB_OPT_BOOL(struct opts, json, "false",
                "print one JSON object per tensor, equal ones included"),
    FB_OPT_END,
};

enum status { EQUAL, VALUES, DTYPE, SHAPE, ONLY_A, ONLY_B, STATUSES };

static const char *const words[STATUSES] = {"equal", "values", "dtype",
                                            "shape", "only_a", "only_b"};

/* One name; `a` or `b` is NULL where it is missing. */
struct pair {
    const struct fb_entry *a, *b;
    const struct fb_entry *any; /* the one that there is */
    enum status status;
    struct fb_difference difference; /* of EQUAL and VALUES */
};

struct state {
    const struct fb_ckpt *a, *b;
    bool json;
    int width;   /* of the names */
    bool headed; /* the heading has been printed */
    int64_t n[STATUSES];
    int64_t elements; /* compared */
    struct fb_difference total;
};

static int compare_pair(struct pair *p, const struct state *s, struct fb_err *err) {
    if (!p->b) p->status = ONLY_A;
    else if (!p->a) p->status = ONLY_B;
    else if (p->a->ndim != p->b->ndim ||
             memcmp(p->a->shape, p->b->shape, (size_t)p->a->ndim * sizeof *p->a->shape))
        p->status = SHAPE;
    else if (p->a->dtype != p->b->dtype) p->status = DTYPE;
    else {
        if (fb_ckpt_compare(&p->difference, s->a, p->a, s->b, p->b, err)) return err->code;
        p->status = p->difference.elements ? VALUES : EQUAL;
    }
    return FB_OK;
}

/* A maximum that a NaN enters and never leaves. */
static void raise_to(double *most, double value) {
    if (!isnan(*most) && !(value <= *most)) *most = value;
}

static void count(struct state *s, const struct pair *p) {
    s->n[p->status]++;
    if (p->status != EQUAL && p->status != VALUES) return;
    s->elements += p->a->numel;
    s->total.elements += p->difference.elements;
    s->total.bits += p->difference.bits;
    raise_to(&s->total.max_abs, p->difference.max_abs);
    raise_to(&s->total.max_rel, p->difference.max_rel);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* dtype and shape of one side, or null. */
static int set_side(struct fb_arena *arena, struct fb_node *map, const char *key,
                    const struct fb_entry *entry, struct fb_err *err) {
    struct fb_node *side =
        entry ? fb_tensors_node(arena, entry, err) : fb_node_null(arena, (struct fb_place){0}, err);

    if (!side) return err->code;
    if (entry) fb_node_remove(side, 0); /* the name */
    return fb_node_set(arena, map, key, side, err);
}

static int set_values(struct fb_arena *arena, struct fb_node *map, const struct pair *p,
                      struct fb_err *err) {
    if (fb_node_set_int(arena, map, "elements", p->a->numel, err) ||
        fb_node_set_int(arena, map, "differing", p->difference.elements, err) ||
        fb_node_set_int(arena, map, "differing_bits", p->difference.bits, err) ||
        fb_node_set_real(arena, map, "max_abs", p->difference.max_abs, err))
        return err->code;
    return fb_node_set_real(arena, map, "max_rel", p->difference.max_rel, err);
}

static int print_json(const struct pair *p, struct fb_err *err) {
    struct fb_arena arena = {0};
    struct fb_node *map = fb_node_map(&arena, (struct fb_place){0}, err);
    int rc = map ? FB_OK : err->code;

    if (!rc) rc = fb_node_set_text(&arena, map, "name", p->any->name, err);
    if (!rc) rc = fb_node_set_text(&arena, map, "status", words[p->status], err);
    if (!rc) rc = set_side(&arena, map, "a", p->a, err);
    if (!rc) rc = set_side(&arena, map, "b", p->b, err);
    if (!rc && p->status <= VALUES) rc = set_values(&arena, map, p, err);
    if (!rc) rc = fb_tensors_print_node(map, err);
    fb_arena_free(&arena);
    return rc;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void print_heading(struct state *s) {
    if (s->headed) return;
    printf("%-*s  %-6s  %12s  %12s  %12s  %12s\n", s->width, "name", "status", "differing", "of",
           "max abs", "max rel");
    s->headed = true;
}

/* What was found instead of two tensors of the same dtype and shape. */
static void print_mismatch(const struct pair *p) {
    char any[FB_SHAPE_TEXT], b[FB_SHAPE_TEXT];

    fb_tensors_shape(any, p->any);
    if (!p->a || !p->b) {
        printf("%s %s\n", fb_dtype_name(p->any->dtype), any);
        return;
    }
    fb_tensors_shape(b, p->b);
    if (p->status == SHAPE) printf("%s in A, %s in B\n", any, b);
    else printf("%s in A, %s in B\n", fb_dtype_name(p->a->dtype), fb_dtype_name(p->b->dtype));
}

static void print_row(struct state *s, const struct pair *p) {
    if (p->status == EQUAL) return;
    print_heading(s);
    fb_tensors_print_name(p->any->name, s->width);
    printf("  %-6s  ", words[p->status]);
    if (p->status == VALUES)
        printf("%12jd  %12jd  %12.6g  %12.6g\n", (intmax_t)p->difference.elements,
               (intmax_t)p->a->numel, p->difference.max_abs, p->difference.max_rel);
    else print_mismatch(p);
}

static void print_summary(const struct state *s) {
    if (s->headed) putchar('\n');
    printf("%jd equal, %jd with other values (%jd of %jd elements, max abs %.6g, max rel %.6g), "
           "%jd of other dtype, %jd of other shape, %jd only in A, %jd only in B\n",
           (intmax_t)s->n[EQUAL], (intmax_t)s->n[VALUES], (intmax_t)s->total.elements,
           (intmax_t)s->elements, s->total.max_abs, s->total.max_rel, (intmax_t)s->n[DTYPE],
           (intmax_t)s->n[SHAPE], (intmax_t)s->n[ONLY_A], (intmax_t)s->n[ONLY_B]);
}

/* ---- both checkpoints side by side --------------------------------------------------------- */

/* At least one list has an entry left. Both are sorted by name: the smaller head is next, or both
 * when they are equal. */
static struct pair next_pair(const struct state *s, int64_t *i, int64_t *j) {
    struct pair p = {0};
    int order;

    if (*i < fb_ckpt_count(s->a)) p.a = fb_ckpt_at(s->a, *i);
    if (*j < fb_ckpt_count(s->b)) p.b = fb_ckpt_at(s->b, *j);
    order = !p.a ? 1 : !p.b ? -1 : strcmp(p.a->name, p.b->name);
    if (order > 0) p.a = NULL;
    if (order < 0) p.b = NULL;
    *i += p.a != NULL;
    *j += p.b != NULL;
    p.any = p.a ? p.a : p.b;
    assert(p.any);
    return p;
}

static int compare_all(struct state *s, struct fb_err *err) {
    int64_t i = 0, j = 0;

    while (i < fb_ckpt_count(s->a) || j < fb_ckpt_count(s->b)) {
        struct pair p = next_pair(s, &i, &j);
        if (compare_pair(&p, s, err)) return err->code;
        count(s, &p);
        if (!s->json) print_row(s, &p);
        else if (print_json(&p, err)) return err->code;
    }
    return FB_OK;
}

static int widest(const struct fb_ckpt *ckpt, int width) {
    for (int64_t i = 0; i < fb_ckpt_count(ckpt); i++) {
        int w = fb_tensors_width(fb_ckpt_at(ckpt, i)->name);
        if (w > width) width = w;
    }
    return width;
}

static int diff(const struct fb_ckpt *a, const struct fb_ckpt *b, bool json, struct fb_err *err) {
    struct state s = {.a = a, .b = b, .json = json};

    s.width = widest(a, widest(b, (int)sizeof "name" - 1));
    if (compare_all(&s, err)) return err->code;
    if (!json) print_summary(&s);
    for (int status = VALUES; status < STATUSES; status++)
        if (s.n[status]) return 1;
    return FB_OK;
}

static int run(const void *o, int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    struct fb_ckpt *a = NULL, *b = NULL;
    int rc;

    (void)cli;
    if (argc != 2)
        return fb_fail(err, FB_EUSAGE, "diff: expects two files, folders or model names, found %d",
                       argc);
    if (fb_tensors_open(&a, argv[0], err) || fb_tensors_open(&b, argv[1], err))
        rc = fb_context(err, "diff");
    else rc = diff(a, b, ((const struct opts *)o)->json, err);
    fb_ckpt_close(a);
    fb_ckpt_close(b);
    return rc;
}

const struct fb_command fb_cmd_diff = {
    .name = "diff",
    .arguments = "A B",
    .summary = "Compare the tensors of two checkpoints.",
    .details =
        "A and B are files, folders or model names as for inspect. Two tensors are equal when "
        "dtype,\nshape and every bit are. Prints a row per tensor that differs: how many elements, "
        "the largest\n|a - b| and the largest |a - b| / max(|a|, |b|); NaN if one of the differing "
        "elements is NaN.\nThe exit status is 0 when all is equal, else 1.\n\n"
        "    fusion_bench diff merged.safetensors outputs/reference --json",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .run = run,
};
