/* derivatives.h - checks an operation's way back: its gradients against central differences of a
 * reference in double precision. */
#ifndef FB_TESTS_DERIVATIVES_H
#define FB_TESTS_DERIVATIVES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hashed.h"
#include "nn/encdec.h"
#include "nn/tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VALUES = 6, LARGEST = 256 };

/* Parameter "<name>.weight", or "layer.<name>" for a name that is a suffix. */
struct value {
    const char *layer, *suffix;
    int64_t rows, cols;
    float data[LARGEST];
};

struct checked {
    struct value v[VALUES];
    int count;
    /* The operation on c->v, as floats. */
    struct fb_tensor *(*run)(struct checked *c, struct fb_graph *g, struct fb_err *err);
    /* The same in double precision: y[rows of the result * its cols] from v[i]. */
    void (*reference)(const struct checked *c, double *const *v, double *y);
    enum fb_activation activation;
    int variant;
    /* Layers that the run makes; freed afterwards. */
    struct fb_linear layer[3];
    struct fb_norm norm;
    struct fb_rms rms;
    struct fb_lora_layer lora;
};

/* Numbers in [-1, 1) without a pattern. */
static float noise(uint32_t i) {
    return (float)hashed_unit(12345, i);
}

static void add_value(struct checked *c, const char *layer, const char *suffix, int64_t rows,
                      int64_t cols) {
    struct value *v = &c->v[c->count];

    assert_true(rows * cols <= LARGEST);
    *v = (struct value){layer, suffix, rows, cols, {0}};
    for (int64_t i = 0; i < rows * cols; i++)
        v->data[i] = noise((uint32_t)(c->count * 1000 + i));
    c->count++;
}

/* Value i as an input that derivatives are wanted by. */
static inline struct fb_tensor *input(struct checked *c, struct fb_graph *g, int i,
                                      struct fb_err *err) {
    static const int32_t row[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const struct fb_table table = {c->v[i].layer, c->v[i].data, c->v[i].cols};

    return fb_op_lookup(g, row, c->v[i].rows, &table, err);
}

static double weighted(const struct checked *c, double *const *v, int64_t n) {
    double y[LARGEST], sum = 0;

    c->reference(c, v, y);
    for (int64_t i = 0; i < n; i++)
        sum += y[i] * (double)noise((uint32_t)(90000 + i));
    return sum;
}

static void compare_value(const struct checked *c, double *const *v, int i, const float *grad,
                          int64_t n) {
    double most = 0, largest = 0;

    for (int64_t k = 0; k < c->v[i].rows * c->v[i].cols; k++) {
        const double h = 1e-5, at = v[i][k];
        double up, down, want;
        v[i][k] = at + h;
        up = weighted(c, v, n);
        v[i][k] = at - h;
        down = weighted(c, v, n);
        v[i][k] = at;
        want = (up - down) / (2 * h);
        most = fmax(most, fabs((double)grad[k] - want));
        largest = fmax(largest, fabs(want));
    }
    assert_true(largest > 0);
    if (!(most < 1e-5 * largest))
        fail_msg("variant %d: gradient of %s.%s differs by %g of %g", c->variant, c->v[i].layer,
                 c->v[i].suffix, most, largest);
}

static void check_derivatives(struct checked *c) {
    static double memory[VALUES][LARGEST];
    double *v[VALUES], y[LARGEST];
    float cotangent[LARGEST];
    struct fb_err err = {0};
    struct fb_grads grads = {0};
    struct fb_tape tape = {.grads = &grads};
    struct fb_graph g = {.tape = &tape};
    struct fb_tensor *out;
    int64_t n;

    for (int i = 0; i < c->count; i++) {
        v[i] = memory[i];
        for (int64_t k = 0; k < LARGEST; k++)
            v[i][k] = (double)c->v[i].data[k];
        assert_int_equal(fb_grads_want(&grads, NULL, c->v[i].layer, c->v[i].suffix, c->v[i].rows,
                                       c->v[i].cols, false, &err),
                         FB_OK);
    }
    fb_grads_zero(&grads);
    out = c->run(c, &g, &err);
    if (!out) fail_msg("variant %d: %s", c->variant, err.msg);
    n = out->rows * out->cols;
    assert_true(n <= LARGEST);
    c->reference(c, v, y);
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs((double)out->data[i] - y[i]) < 1e-5))
            fail_msg("variant %d: value %d is %g, expected %g", c->variant, (int)i,
                     (double)out->data[i], y[i]);
        cotangent[i] = noise((uint32_t)(90000 + i));
    }
    assert_int_equal(fb_backward(&g, out, cotangent, &err), FB_OK);
    for (int i = 0; i < c->count; i++)
        compare_value(c, v, i, grads.item[i].data, n);
    for (int i = 0; i < 3; i++)
        fb_packed_free(&c->layer[i].weight);
    fb_packed_free(&c->lora.a.weight);
    fb_packed_free(&c->lora.b.weight);
    fb_graph_free(&g);
    fb_tape_free(&tape);
    fb_grads_free(&grads);
}

#endif
