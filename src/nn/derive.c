/* derive.c - each function is headed by the operation it goes back through. */
#include "nn/derive.h"

#include "base/alloc.h"
#include "kernel/grad.h"
#include "kernel/outer.h"
#include "nn/encdec.h"

#include <stdlib.h>
#include <string.h>

static size_t bytes(const struct fb_tensor *t) {
    return (size_t)(t->rows * t->cols) * sizeof *t->data;
}

/* ---- linear layers ---- */

/* Where dW goes: its square, or a sum that may have to be begun. Some columns of it only when the
 * layer was computed in parts. */
static void weight_goes_to(struct fb_outer *outer, struct fb_grad *grad,
                           const struct fb_linear_how *how) {
    float *squares = fb_grad_squares(grad, how->layer->weight.in * how->columns);

    outer->c = squares ? squares : grad->data;
    outer->into = squares ? FB_OUTER_ADD_SQUARES : FB_OUTER_ADD;
    if (squares) return;
    if (grad->is_table) fb_grad_use_all(grad);
    else if (how->columns != how->layer->weight.out) fb_grad_sums(grad);
    else if (!fb_grad_begin(grad)) outer->into = FB_OUTER_SET;
}

/* dW = x^T dy, in the layout of the parameter. */
static int weight_gradient(struct fb_back *back, struct fb_grad *grad, struct fb_err *err) {
    const struct fb_linear_how *how = back->op->how;
    const struct fb_tensor *x = back->op->in[0];
    struct fb_outer outer = {.rows = x->rows};

    weight_goes_to(&outer, grad, how);
    outer.ldc = grad->cols;
    if (how->layer->order == FB_IN_OUT) {
        outer.c += how->column;
        outer.x = x->data;
        outer.ldx = outer.m = x->cols;
        outer.y = back->dy;
        outer.ldy = outer.n = how->columns;
    } else {
        outer.c += how->column * grad->cols;
        outer.x = back->dy;
        outer.ldx = outer.m = how->columns;
        outer.y = x->data;
        outer.ldy = outer.n = x->cols;
    }
    return fb_outer(&outer, err);
}

/* y = x W + b + add:   dx = dy W^T   dW = x^T dy   db = sum of the rows of dy   dadd = dy */
int fb_linear_derive(struct fb_back *back, struct fb_err *err) {
    const struct fb_linear_how *how = back->op->how;
    const struct fb_tensor *x = back->op->in[0];
    struct fb_grad *weight = back->op->parameter[0], *bias = back->op->parameter[1];
    const struct fb_packed *turned;

    if (weight && weight_gradient(back, weight, err)) return err->code;
    if (bias)
        fb_column_sums(fb_grad_sums(bias) + how->column, back->dy, how->columns, x->rows,
                       how->columns);
    if (!back->dx[0]) return FB_OK;
    turned =
        fb_turned_get(&back->tape->turned, &how->layer->weight, how->column, how->columns, err);
    if (!turned) return err->code;
    return fb_gemm(&(struct fb_gemm){.y = back->dx[0],
                                     .ldy = x->cols,
                                     .x = back->dy,
                                     .ldx = how->columns,
                                     .rows = x->rows,
                                     .weight = turned,
                                     .columns = x->cols},
                   err);
}

/* y = activation(x):   dx = dy activation'(x) */
int fb_activate_derive(struct fb_back *back, struct fb_err *err) {
    const enum fb_activation *activation = back->op->how;
    const struct fb_tensor *x = back->op->in[0];

    (void)err;
    if (back->dx[0])
        fb_activation_grad(back->dx[0], back->dy, x->data, x->rows, x->cols, *activation);
    return FB_OK;
}

/* ---- norms ---- */

static float *sums(struct fb_grad *grad) {
    return grad ? fb_grad_sums(grad) : NULL;
}

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias */
int fb_layer_norm_derive(struct fb_back *back, struct fb_err *err) {
    const struct fb_norm *norm = back->op->how;
    const struct fb_tensor *x = back->op->in[0];

    (void)err;
    fb_layer_norm_grad(back->dx[0], sums(back->op->parameter[0]), sums(back->op->parameter[1]),
                       back->dy, x->data, norm->weight, x->rows, x->cols, norm->epsilon);
    return FB_OK;
}

/* y = x / sqrt(mean of x^2 + epsilon) * weight */
int fb_rms_norm_derive(struct fb_back *back, struct fb_err *err) {
    const struct fb_rms *norm = back->op->how;
    const struct fb_tensor *x = back->op->in[0];

    (void)err;
    fb_rms_norm_grad(back->dx[0], sums(back->op->parameter[0]), back->dy, x->data, norm->weight,
                     x->rows, x->cols, norm->epsilon);
    return FB_OK;
}

/* ---- tables ---- */

/* y[i] = table[id[i]]:   dtable[id[i]] += dy[i] */
static int scatter(struct fb_grad *table, const int32_t *id, const float *dy, int64_t rows,
                   struct fb_err *err) {
    int64_t *row;

    if (!table) return FB_OK;
    if (!(row = fb_calloc((size_t)rows, sizeof *row, err))) return err->code;
    for (int64_t i = 0; i < rows; i++)
        row[i] = id[i];
    if (table->is_table) fb_grad_use(table, row, rows);
    fb_scatter_add(fb_grad_sums(table), row, dy, rows, table->cols);
    free(row);
    return FB_OK;
}

/* y[i] = table[id[i]] + positions[position[i]] */
int fb_embed_derive(struct fb_back *back, struct fb_err *err) {
    const struct fb_batch *batch = back->op->how;
    int failed = scatter(back->op->parameter[0], batch->id, back->dy, batch->tokens, err);

    if (failed) return failed;
    return scatter(back->op->parameter[1], batch->position, back->dy, batch->tokens, err);
}

/* y[i] = table[id[i]] */
int fb_lookup_derive(struct fb_back *back, struct fb_err *err) {
    return scatter(back->op->parameter[0], back->op->how, back->dy, back->op->out->rows, err);
}

/* y[h, d] = table[bucket[d], h] */
int fb_spread_derive(struct fb_back *back, struct fb_err *err) {
    const int64_t *bucket = back->op->how;
    const struct fb_tensor *y = back->op->out;
    float *dtable = fb_grad_sums(back->op->parameter[0]);

    (void)err;
    for (int64_t h = 0; h < y->rows; h++)
        for (int64_t d = 0; d < y->cols; d++)
            dtable[bucket[d] * y->rows + h] += back->dy[h * y->cols + d];
    return FB_OK;
}

/* y[s] = x[last row of segment s] */
int fb_last_derive(struct fb_back *back, struct fb_err *err) {
    const struct fb_batch *batch = back->op->how;
    const struct fb_tensor *y = back->op->out;

    (void)err;
    if (!back->dx[0]) return FB_OK;
    memset(back->dx[0], 0, bytes(back->op->in[0]));
    for (int64_t s = 0; s < batch->segments; s++)
        memcpy(back->dx[0] + fb_last_row(&batch->segment[s]) * y->cols, back->dy + s * y->cols,
               (size_t)y->cols * sizeof *y->data);
    return FB_OK;
}

/* ---- element by element ---- */

/* y = scale x */
int fb_scale_derive(struct fb_back *back, struct fb_err *err) {
    const float *scale = back->op->how;
    const struct fb_tensor *x = back->op->in[0];

    (void)err;
    for (int64_t i = 0; back->dx[0] && i < x->rows * x->cols; i++)
        back->dx[0][i] = back->dy[i] * *scale;
    return FB_OK;
}

/* y = x + add:   dx = dy   dadd = dy, in place */
int fb_add_derive(struct fb_back *back, struct fb_err *err) {
    (void)err;
    if (back->dx[0]) memcpy(back->dx[0], back->dy, bytes(back->op->out));
    return FB_OK;
}

/* y = x z:   dx = dy z   dz = dy x, in place */
int fb_multiply_derive(struct fb_back *back, struct fb_err *err) {
    const struct fb_tensor *x = back->op->in[0], *z = back->op->in[1];

    (void)err;
    if (back->dx[0]) {
        memcpy(back->dx[0], back->dy, bytes(x));
        fb_multiply(back->dx[0], z->data, x->rows, x->cols);
    }
    if (back->dx[1]) fb_multiply(back->dx[1], x->data, x->rows, x->cols);
    return FB_OK;
}

/* y = x times a random choice of 0 and 1 / (1 - p):   dx = dy times the same */
int fb_dropout_derive(struct fb_back *back, struct fb_err *err) {
    const struct fb_dropout_how *how = back->op->how;
    const struct fb_tensor *x = back->op->in[0];

    (void)err;
    if (back->dx[0]) fb_dropout(back->dx[0], back->dy, x->rows * x->cols, how->p, how->seed);
    return FB_OK;
}
