#include "nn/tensor.h"

#include "nn/tape.h"

struct fb_tensor *fb_tensor_new(struct fb_graph *g, int64_t rows, int64_t cols,
                                struct fb_err *err) {
    struct fb_arena *arena = g->keep ? &g->kept : &g->stage[g->at];
    struct fb_tensor *t = fb_arena_alloc(arena, sizeof *t, err);

    if (!t) return NULL;
    if (rows < 0 || cols < 0 || (cols && (size_t)rows > SIZE_MAX / sizeof(float) / (size_t)cols)) {
        fb_fail(err, FB_ENOMEM, "out of memory: %jd rows of %jd values", (intmax_t)rows,
                (intmax_t)cols);
        return NULL;
    }
    *t = (struct fb_tensor){.rows = rows, .cols = cols};
    t->data = fb_arena_alloc(arena, (size_t)rows * (size_t)cols * sizeof(float), err);
    return t->data ? t : NULL;
}

void fb_graph_reset(struct fb_graph *g) {
    fb_arena_reset(&g->stage[0]);
    fb_arena_reset(&g->stage[1]);
    fb_arena_reset(&g->kept);
    g->keep = false;
    g->drops = 0;
    if (g->tape) fb_tape_rewind(g->tape);
}

void fb_graph_next(struct fb_graph *g) {
    if (g->tape) return;
    g->at = !g->at;
    fb_arena_reset(&g->stage[g->at]);
}

void fb_graph_free(struct fb_graph *g) {
    fb_arena_free(&g->stage[0]);
    fb_arena_free(&g->stage[1]);
    fb_arena_free(&g->kept);
}
