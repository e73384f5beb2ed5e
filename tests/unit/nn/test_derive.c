#include "derivatives.h"

/* ---- references in double precision ---- */

static double activate(double x, enum fb_activation activation) {
    switch (activation) {
    case FB_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case FB_GELU_ERF: return 0.5 * x * (1 + erf(x / sqrt(2.0)));
    case FB_RELU: return x > 0 ? x : 0;
    case FB_SILU: return x / (1 + exp(-x));
    case FB_TANH: return tanh(x);
    case FB_LINEAR: break;
    }
    return x;
}

/* y = x W + b for W stored [in, out], or [out, in] when `turned`. */
static void multiply(double *y, const double *x, const double *w, const double *b, int64_t rows,
                     int64_t in, int64_t out, bool turned) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < out; j++) {
            double sum = b ? b[j] : 0;
            for (int64_t p = 0; p < in; p++)
                sum += x[r * in + p] * w[turned ? j * in + p : p * out + j];
            y[r * out + j] = sum;
        }
}

enum { ROWS = 5, IN = 7, OUT = 9 };

/* ---- linear layers ---- */

static int pack(struct checked *c, int k, int weight, int bias, enum fb_weight_order order,
                struct fb_err *err) {
    const struct value *w = &c->v[weight];
    struct fb_linear *layer = &c->layer[k];

    layer->name = w->layer;
    layer->order = order;
    return fb_pack(&layer->weight, w->data, order, bias < 0 ? NULL : c->v[bias].data,
                   order == FB_IN_OUT ? w->rows : w->cols, order == FB_IN_OUT ? w->cols : w->rows,
                   NULL, err);
}

static struct fb_tensor *run_linear(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    bool turned = c->variant & 1, adds = c->variant & 2;
    struct fb_tensor *x = input(c, g, 0, err), *add = adds ? input(c, g, 3, err) : NULL;

    if (pack(c, 0, 1, 2, turned ? FB_OUT_IN : FB_IN_OUT, err)) return NULL;
    return fb_op_linear(g, x, &c->layer[0], c->activation, add, err);
}

static void reference_linear(const struct checked *c, double *const *v, double *y) {
    multiply(y, v[0], v[1], v[2], ROWS, IN, OUT, c->variant & 1);
    for (int64_t i = 0; i < ROWS * OUT; i++)
        y[i] = activate(y[i], c->activation) + (c->variant & 2 ? v[3][i] : 0);
}

static void test_linear(void **state) {
    static const enum fb_activation activations[] = {FB_LINEAR, FB_GELU_TANH, FB_GELU_ERF,
                                                     FB_RELU,   FB_SILU,      FB_TANH};

    (void)state;
    for (int variant = 0; variant < 4; variant++)
        for (size_t a = 0; a < sizeof activations / sizeof *activations; a++) {
            struct checked c = {.run = run_linear, .reference = reference_linear};
            c.variant = variant;
            c.activation = activations[a];
            add_value(&c, "x", "weight", ROWS, IN);
            add_value(&c, "layer", "weight", variant & 1 ? OUT : IN, variant & 1 ? IN : OUT);
            add_value(&c, "layer", "bias", 1, OUT);
            if (variant & 2) add_value(&c, "add", "weight", ROWS, OUT);
            check_derivatives(&c);
        }
}

/* Two parts of one layer on different rows, as in the last block of a GPT-2. */
static struct fb_tensor *run_parts(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    struct fb_tensor *x = input(c, g, 0, err), *left, *right;

    if (pack(c, 0, 1, 2, c->variant ? FB_OUT_IN : FB_IN_OUT, err)) return NULL;
    left = fb_op_linear_part(g, x, &c->layer[0], 0, 4, err);
    right = fb_op_linear_part(g, x, &c->layer[0], 5, 4, err);
    return fb_op_add(g, left, fb_op_scale(g, right, -0.5f, err), err);
}

static void reference_parts(const struct checked *c, double *const *v, double *y) {
    double all[ROWS * OUT];

    multiply(all, v[0], v[1], v[2], ROWS, IN, OUT, c->variant);
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t j = 0; j < 4; j++)
            y[r * 4 + j] = all[r * OUT + j] - 0.5 * all[r * OUT + 5 + j];
}

static void test_parts_of_a_layer(void **state) {
    (void)state;
    for (int variant = 0; variant < 2; variant++) {
        struct checked c = {.run = run_parts, .reference = reference_parts, .variant = variant};
        add_value(&c, "x", "weight", ROWS, IN);
        add_value(&c, "layer", "weight", variant ? OUT : IN, variant ? IN : OUT);
        add_value(&c, "layer", "bias", 1, OUT);
        check_derivatives(&c);
    }
}

static void go_back(struct checked *c, struct fb_graph *g) {
    struct fb_err err = {0};
    float cotangent[LARGEST];
    struct fb_tensor *out = c->run(c, g, &err);

    assert_non_null(out);
    for (int64_t i = 0; i < out->rows * out->cols; i++)
        cotangent[i] = noise((uint32_t)(90000 + i));
    assert_int_equal(fb_backward(g, out, cotangent, &err), FB_OK);
    fb_packed_free(&c->layer[0].weight);
}

/* The matrix's squares are added to what is there, the bias has its gradient; columns that were not
 * computed gain nothing. */
static void check_squares(struct checked *c) {
    struct fb_err err = {0};
    struct fb_grads grads = {0};
    struct fb_tape tape = {.grads = &grads};
    struct fb_graph g = {.tape = &tape};
    float squares[LARGEST], bias[LARGEST];
    struct fb_grad *weight;

    for (int i = 0; i < c->count; i++)
        assert_int_equal(fb_grads_want(&grads, NULL, c->v[i].layer, c->v[i].suffix, c->v[i].rows,
                                       c->v[i].cols, false, &err),
                         FB_OK);
    weight = &grads.item[1];
    weight->squares = squares;
    for (int64_t i = 0; i < LARGEST; i++)
        squares[i] = (float)(i + 1);
    fb_grads_zero_to_square(&grads);
    go_back(c, &g);
    assert_true(weight->squared > 0 && weight->fresh);
    memcpy(bias, grads.item[2].data, OUT * sizeof *bias);
    fb_grads_zero(&grads);
    go_back(c, &g);
    assert_memory_equal(bias, grads.item[2].data, OUT * sizeof *bias);
    for (int64_t i = 0; i < IN * OUT; i++) {
        double d = (double)weight->data[i], want = (double)(i + 1) + d * d;
        assert_true(fabs((double)squares[i] - want) < 2e-7 * want);
        if (c->run == run_linear) assert_true(d != 0);
    }
    assert_int_equal(weight->squared, 0);
    fb_graph_free(&g);
    fb_tape_free(&tape);
    fb_grads_free(&grads);
}

static void test_squares_of_a_layers_gradients(void **state) {
    (void)state;
    for (int variant = 0; variant < 2; variant++)
        for (int parts = 0; parts < 2; parts++) {
            struct checked c = {.run = parts ? run_parts : run_linear, .variant = variant};
            add_value(&c, "x", "weight", ROWS, IN);
            add_value(&c, "layer", "weight", variant ? OUT : IN, variant ? IN : OUT);
            add_value(&c, "layer", "bias", 1, OUT);
            check_squares(&c);
        }
}

/* activation(x W + b + 1.5 (x A) B), and a part of it without activation */
static struct fb_tensor *run_lora(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    struct fb_tensor *x = input(c, g, 0, err);

    if (pack(c, 0, 1, 2, FB_IN_OUT, err) || pack(c, 1, 3, -1, FB_OUT_IN, err) ||
        pack(c, 2, 4, -1, FB_OUT_IN, err))
        return NULL;
    c->lora = (struct fb_lora_layer){.a = c->layer[1], .b = c->layer[2], .scale = 1.5f};
    c->layer[1] = c->layer[2] = (struct fb_linear){0}; /* they are the update's now */
    c->layer[0].lora = &c->lora;
    if (c->variant) return fb_op_linear_part(g, x, &c->layer[0], 3, 5, err);
    return fb_op_linear(g, x, &c->layer[0], FB_GELU_TANH, NULL, err);
}

static void reference_lora(const struct checked *c, double *const *v, double *y) {
    double all[ROWS * OUT], low[ROWS * 2], update[ROWS * OUT];

    multiply(all, v[0], v[1], v[2], ROWS, IN, OUT, false);
    multiply(low, v[0], v[3], NULL, ROWS, IN, 2, true);
    multiply(update, low, v[4], NULL, ROWS, 2, OUT, true);
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t j = 0; j < OUT; j++) {
            double sum = all[r * OUT + j] + 1.5 * update[r * OUT + j];
            if (!c->variant) y[r * OUT + j] = activate(sum, FB_GELU_TANH);
            else if (j >= 3 && j < 8) y[r * 5 + j - 3] = sum;
        }
}

static void test_an_update_of_low_rank(void **state) {
    (void)state;
    for (int variant = 0; variant < 2; variant++) {
        struct checked c = {.run = run_lora, .reference = reference_lora, .variant = variant};
        add_value(&c, "x", "weight", ROWS, IN);
        add_value(&c, "layer", "weight", IN, OUT);
        add_value(&c, "layer", "bias", 1, OUT);
        add_value(&c, "layer.lora_A", "weight", 2, IN);
        add_value(&c, "layer.lora_B", "weight", OUT, 2);
        check_derivatives(&c);
    }
}

static struct fb_tensor *run_gated(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    struct fb_tensor *x = input(c, g, 0, err);

    if (pack(c, 0, 1, -1, FB_OUT_IN, err) || pack(c, 1, 2, -1, FB_OUT_IN, err)) return NULL;
    return fb_op_gated(g, x, &c->layer[0], &c->layer[1], FB_SILU, err);
}

static void reference_gated(const struct checked *c, double *const *v, double *y) {
    double gate[ROWS * OUT];

    (void)c;
    multiply(gate, v[0], v[1], NULL, ROWS, IN, OUT, true);
    multiply(y, v[0], v[2], NULL, ROWS, IN, OUT, true);
    for (int64_t i = 0; i < ROWS * OUT; i++)
        y[i] *= activate(gate[i], FB_SILU);
}

static void test_a_gate(void **state) {
    struct checked c = {.run = run_gated, .reference = reference_gated};

    (void)state;
    add_value(&c, "x", "weight", ROWS, IN);
    add_value(&c, "w", "weight", OUT, IN);
    add_value(&c, "v", "weight", OUT, IN);
    check_derivatives(&c);
}

/* ---- norms ---- */

static struct fb_tensor *run_layer_norm(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    c->norm = (struct fb_norm){"norm", c->v[1].data, c->v[2].data, 1e-3f};
    return fb_op_layer_norm(g, input(c, g, 0, err), &c->norm, err);
}

static void reference_layer_norm(const struct checked *c, double *const *v, double *y) {
    (void)c;
    for (int64_t r = 0; r < ROWS; r++) {
        const double *x = v[0] + r * OUT;
        double mean = 0, variance = 0;
        for (int64_t j = 0; j < OUT; j++)
            mean += x[j] / OUT;
        for (int64_t j = 0; j < OUT; j++)
            variance += (x[j] - mean) * (x[j] - mean) / OUT;
        for (int64_t j = 0; j < OUT; j++)
            y[r * OUT + j] = (x[j] - mean) / sqrt(variance + (double)1e-3f) * v[1][j] + v[2][j];
    }
}

static struct fb_tensor *run_rms_norm(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    c->rms = (struct fb_rms){"norm", c->v[1].data, 1e-3f};
    return fb_op_rms_norm(g, input(c, g, 0, err), &c->rms, err);
}

static void reference_rms_norm(const struct checked *c, double *const *v, double *y) {
    (void)c;
    for (int64_t r = 0; r < ROWS; r++) {
        const double *x = v[0] + r * OUT;
        double squares = 0;
        for (int64_t j = 0; j < OUT; j++)
            squares += x[j] * x[j] / OUT;
        for (int64_t j = 0; j < OUT; j++)
            y[r * OUT + j] = x[j] / sqrt(squares + (double)1e-3f) * v[1][j];
    }
}

static void test_norms(void **state) {
    struct checked layer = {.run = run_layer_norm, .reference = reference_layer_norm};
    struct checked rms = {.run = run_rms_norm, .reference = reference_rms_norm};

    (void)state;
    add_value(&layer, "x", "weight", ROWS, OUT);
    add_value(&layer, "norm", "weight", 1, OUT);
    add_value(&layer, "norm", "bias", 1, OUT);
    check_derivatives(&layer);
    add_value(&rms, "x", "weight", ROWS, OUT);
    add_value(&rms, "norm", "weight", 1, OUT);
    check_derivatives(&rms);
}

/* ---- tables ---- */

static int32_t ids[] = {3, 0, 3, 1, 2}, positions[] = {0, 1, 2, 0, 1};

static struct fb_tensor *run_embed(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    static const struct fb_batch batch = {.tokens = 5, .id = ids, .position = positions};
    const struct fb_table table = {"wte", c->v[0].data, IN}, place = {"wpe", c->v[1].data, IN};

    return fb_op_embed(g, &batch, &table, &place, err);
}

static void reference_embed(const struct checked *c, double *const *v, double *y) {
    (void)c;
    for (int64_t r = 0; r < 5; r++)
        for (int64_t j = 0; j < IN; j++)
            y[r * IN + j] = v[0][ids[r] * IN + j] + v[1][positions[r] * IN + j];
}

static struct fb_tensor *run_lookup(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    const struct fb_table table = {"wte", c->v[0].data, IN};

    return fb_op_lookup(g, ids, 5, &table, err);
}

static void reference_lookup(const struct checked *c, double *const *v, double *y) {
    (void)c;
    for (int64_t i = 0; i < 5 * IN; i++)
        y[i] = v[0][ids[i / IN] * IN + i % IN];
}

static const int64_t bucket[] = {2, 2, 0, 1, 2};

static struct fb_tensor *run_spread(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    const struct fb_table table = {"bias", c->v[0].data, 4};

    return fb_op_distance_bias(g, &table, bucket, 5, err);
}

static void reference_spread(const struct checked *c, double *const *v, double *y) {
    (void)c;
    for (int64_t i = 0; i < 4 * 5; i++)
        y[i] = v[0][bucket[i % 5] * 4 + i / 5];
}

static void test_tables(void **state) {
    struct checked embed = {.run = run_embed, .reference = reference_embed};
    struct checked lookup = {.run = run_lookup, .reference = reference_lookup};
    struct checked spread = {.run = run_spread, .reference = reference_spread};

    (void)state;
    add_value(&embed, "wte", "weight", 4, IN);
    add_value(&embed, "wpe", "weight", 3, IN);
    check_derivatives(&embed);
    add_value(&lookup, "wte", "weight", 4, IN);
    check_derivatives(&lookup);
    add_value(&spread, "bias", "weight", 3, 4);
    check_derivatives(&spread);
}

/* ---- rows and elements ---- */

static struct fb_segment segments[] = {{-1, 0, 3, 0, 0}, {-1, 3, 2, 0, 0}};

/* Last rows, three times as large, and once more: a value that is used twice. */
static struct fb_tensor *run_last(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    static const struct fb_batch batch = {.tokens = 5, .segments = 2, .segment = segments};
    struct fb_tensor *last = fb_op_last(g, input(c, g, 0, err), &batch, err);

    return fb_op_add(g, fb_op_scale(g, last, 3, err), last, err);
}

static void reference_last(const struct checked *c, double *const *v, double *y) {
    (void)c;
    for (int64_t j = 0; j < IN; j++) {
        y[j] = 4 * v[0][2 * IN + j];
        y[IN + j] = 4 * v[0][4 * IN + j];
    }
}

static void test_last_rows(void **state) {
    struct checked c = {.run = run_last, .reference = reference_last};

    (void)state;
    add_value(&c, "x", "weight", 5, IN);
    check_derivatives(&c);
}

/* Which are kept is found from a pass on ones. */
static float kept[ROWS * IN];

static struct fb_tensor *run_dropout(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    float ones[ROWS * IN];
    const struct fb_tensor x = {ones, ROWS, IN};
    struct fb_tensor *y;

    for (int i = 0; i < ROWS * IN; i++)
        ones[i] = 1.0f;
    g->training = true;
    g->seed = 11;
    if (!(y = fb_op_dropout(g, &x, 0.3, err))) return NULL;
    memcpy(kept, y->data, sizeof kept);
    g->drops = 0;
    return fb_op_dropout(g, input(c, g, 0, err), 0.3, err);
}

static void reference_dropout(const struct checked *c, double *const *v, double *y) {
    (void)c;
    for (int i = 0; i < ROWS * IN; i++)
        y[i] = v[0][i] * (double)kept[i];
}

static void test_dropout(void **state) {
    struct checked c = {.run = run_dropout, .reference = reference_dropout};

    (void)state;
    add_value(&c, "x", "weight", ROWS, IN);
    check_derivatives(&c);
}

/* dropout(x W) + add with nothing dropped, and what the layers of a model do. */
static struct fb_tensor *run_dropped(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    struct fb_tensor *x = input(c, g, 0, err), *add = input(c, g, 2, err);

    if (pack(c, 0, 1, -1, FB_OUT_IN, err)) return NULL;
    g->training = true;
    return fb_op_linear_dropped(g, x, &c->layer[0], 1e-30, add, err);
}

static void reference_dropped(const struct checked *c, double *const *v, double *y) {
    (void)c;
    multiply(y, v[0], v[1], NULL, ROWS, IN, OUT, true);
    for (int64_t i = 0; i < ROWS * OUT; i++)
        y[i] += v[2][i];
}

static void test_a_dropped_layer_beside_a_residual(void **state) {
    struct checked c = {.run = run_dropped, .reference = reference_dropped};

    (void)state;
    add_value(&c, "x", "weight", ROWS, IN);
    add_value(&c, "layer", "weight", OUT, IN);
    add_value(&c, "add", "weight", ROWS, OUT);
    check_derivatives(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_parts_of_a_layer),
        cmocka_unit_test(test_squares_of_a_layers_gradients),
        cmocka_unit_test(test_an_update_of_low_rank),
        cmocka_unit_test(test_a_gate),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_last_rows),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_a_dropped_layer_beside_a_residual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
