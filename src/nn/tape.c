/* tape.c - recording, and the walk back.
 *
 * A derivative lives from the first operation (walking back) that adds to it until the operation
 * that made its value is done. */
#include "nn/tape.h"

#include "base/alloc.h"
#include "kernel/grad.h"
#include "nn/record.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 256 };

/* ---- recording ---- */

/* The operation that made a value, or -1. Recent values are asked for most. */
static int64_t maker(const struct fb_tape *tape, const struct fb_tensor *value) {
    int64_t i = tape->count - 1;

    while (i >= 0 && tape->op[i].out != value)
        i--;
    return i;
}

static int grow(struct fb_tape *tape, struct fb_err *err) {
    int64_t capacity = tape->capacity ? tape->capacity * 2 : 256;
    struct fb_op *op;

    if (tape->count < tape->capacity) return FB_OK;
    if (!(op = fb_realloc(tape->op, (size_t)capacity, sizeof *op, err))) return err->code;
    tape->op = op;
    tape->capacity = capacity;
    return FB_OK;
}

struct fb_tensor *fb_recorded(struct fb_graph *g, const struct fb_op *op, struct fb_err *err) {
    struct fb_tape *tape = g->tape;
    bool wanted = false;
    struct fb_op *to;

    if (!tape || !op->out) return op->out;
    if (grow(tape, err)) return NULL;
    to = &tape->op[tape->count];
    *to = *op;
    to->dout = NULL;
    for (int i = 0; i < FB_OP_INPUTS; i++) {
        to->from[i] = op->in[i] ? maker(tape, op->in[i]) : -1;
        if (to->from[i] >= 0) wanted = true;
    }
    for (int i = 0; i < FB_OP_PARAMETERS; i++)
        if (op->parameter[i]) wanted = true;
    if (wanted) tape->count++;
    return op->out;
}

struct fb_grad *fb_parameter(const struct fb_graph *g, const char *name, const char *suffix) {
    char full[NAME];

    if (!g->tape || !name) return NULL;
    snprintf(full, sizeof full, "%s.%s", name, suffix);
    return fb_grads_find(g->tape->grads, full);
}

void *fb_graph_copy(struct fb_graph *g, const void *from, size_t size, struct fb_err *err) {
    void *copy = fb_arena_alloc(&g->kept, size, err);

    return copy ? memcpy(copy, from, size) : NULL;
}

/* ---- the walk back ---- */

static int64_t numel(const struct fb_tensor *t) {
    return t->rows * t->cols;
}

static float *take(struct fb_graph *g, int64_t count, struct fb_err *err) {
    struct fb_tape *tape = g->tape;
    float *data = fb_spare_take(&tape->spare, count, err);
    size_t values = g->stage[0].used + g->stage[1].used + g->kept.used;
    size_t bytes = values + tape->spare.taken;

    if (bytes > tape->peak) tape->peak = bytes;
    return data;
}

/* The derivative by input i has been written: it is the first one by that value, or added to what
 * is there, or nobody wants it. */
static void deliver(struct fb_tape *tape, struct fb_op *op, int i, float *dx) {
    struct fb_op *maker = op->from[i] < 0 ? NULL : &tape->op[op->from[i]];

    if (dx == op->dout) op->dout = NULL;
    if (maker && !maker->dout) {
        maker->dout = dx;
        return;
    }
    if (maker) fb_add_to(maker->dout, dx, numel(maker->out));
    fb_spare_give(&tape->spare, dx);
}

static int derive(struct fb_graph *g, struct fb_op *op, struct fb_err *err) {
    struct fb_tape *tape = g->tape;
    struct fb_back back = {.tape = tape, .op = op, .dy = op->dout};
    int failed = FB_OK;

    for (int i = 0; i < FB_OP_INPUTS && !failed; i++) {
        if (!op->in[i] || (op->from[i] < 0 && !op->all)) continue;
        back.dx[i] = op->in_place == i + 1 ? op->dout : take(g, numel(op->in[i]), err);
        if (!back.dx[i]) failed = err->code;
    }
    if (!failed) failed = op->derive(&back, err);
    for (int i = 0; i < FB_OP_INPUTS; i++) {
        if (!back.dx[i]) continue;
        if (!failed) deliver(tape, op, i, back.dx[i]);
        else if (back.dx[i] != op->dout) fb_spare_give(&tape->spare, back.dx[i]);
    }
    fb_spare_give(&tape->spare, op->dout);
    op->dout = NULL;
    return failed;
}

int fb_backward(struct fb_graph *g, const struct fb_tensor *result, const float *dresult,
                struct fb_err *err) {
    struct fb_tape *tape = g->tape;
    int64_t last = maker(tape, result);
    int failed = FB_OK;

    if (last >= 0) {
        if (!(tape->op[last].dout = take(g, numel(result), err))) failed = err->code;
        else memcpy(tape->op[last].dout, dresult, (size_t)numel(result) * sizeof *dresult);
    }
    for (; last >= 0 && !failed; last--)
        if (tape->op[last].dout) failed = derive(g, &tape->op[last], err);
    if (!failed) failed = fb_grads_settle(tape->grads, err);
    fb_tape_rewind(tape);
    return failed;
}

void fb_tape_forget_weights(struct fb_tape *tape) {
    fb_turned_forget(&tape->turned);
}

void fb_tape_rewind(struct fb_tape *tape) {
    for (int64_t i = 0; i < tape->count; i++)
        fb_spare_give(&tape->spare, tape->op[i].dout);
    tape->count = 0;
}

void fb_tape_free(struct fb_tape *tape) {
    fb_tape_rewind(tape);
    free(tape->op);
    fb_turned_free(&tape->turned);
    fb_spare_free(&tape->spare);
    *tape = (struct fb_tape){0};
}
