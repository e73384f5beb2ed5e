#include "nn/attention.h"

#include "kernel/grad.h"
#include "nn/derive.h"

#include <assert.h>
#include <string.h>

/* What the way back needs beside the inputs. */
struct kept {
    struct fb_attended in;
    struct fb_attention how;
};

/* out = dropout(softmax(scale q k^T + bias)) v */
static int derive(struct fb_back *back, struct fb_err *err) {
    const struct kept *kept = back->op->how;
    const struct fb_attended *in = &kept->in;
    /* Values that are the same one share its derivative. */
    float *dk = back->dx[in->k == in->q ? 0 : 1], *dv = in->v == in->k ? dk : back->dx[2];
    const struct fb_attention_grad grad = {.dq = back->dx[0],
                                           .dk = dk + in->k_at,
                                           .dv = dv + in->v_at,
                                           .dbias = back->dx[3],
                                           .dout = back->dy,
                                           .lddout = in->n,
                                           .q = in->q->data,
                                           .k = in->k->data + in->k_at,
                                           .v = in->v->data + in->v_at,
                                           .ldq = in->q->cols,
                                           .ldkv = in->k->cols,
                                           .how = &kept->how};

    if (grad.dbias)
        memset(grad.dbias, 0, (size_t)(in->bias->rows * in->bias->cols) * sizeof *grad.dbias);
    return fb_attend_grad(&grad, err);
}

struct fb_tensor *fb_attended(struct fb_graph *g, const struct fb_attended *in,
                              const struct fb_heads *heads, struct fb_attention *how,
                              struct fb_err *err) {
    struct fb_op op = {.derive = derive, .all = true, .in = {in->q, NULL, NULL, in->bias}};
    struct kept kept = {.in = *in};

    if (!in->q || !in->k || !in->v) return NULL;
    assert(in->k->cols == in->v->cols);
    how->heads = heads->count;
    how->dim = in->n / heads->count;
    how->scale = heads->scale;
    if (in->bias) {
        how->bias = in->bias->data;
        how->reach = (in->bias->cols + 1) / 2;
    }
    if (g->training && heads->dropout > 0) {
        how->dropout = heads->dropout;
        how->seed = fb_graph_drop(g);
    }
    if (!(op.out = fb_tensor_new(g, in->q->rows, in->n, err))) return NULL;
    if (fb_attend(op.out->data, op.out->cols, in->q->data, in->q->cols, in->k->data + in->k_at,
                  in->v->data + in->v_at, in->k->cols, how, err))
        return NULL;
    if (!g->tape) return op.out;
    kept.how = *how;
    if (!(op.how = fb_graph_copy(g, &kept, sizeof kept, err))) return NULL;
    if (in->k != in->q) op.in[1] = in->k;
    if (in->v != in->k) op.in[2] = in->v;
    return fb_recorded(g, &op, err);
}
