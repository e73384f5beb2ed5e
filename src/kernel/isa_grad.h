/* isa_grad.h - the derivatives of one instruction set; the second half of isa_body.h.
 *
 * With s = 1 / (1 + exp(-t)): ds/dt = s (1 - s) = s^2 exp(-t). GELU (tanh form) is x s with
 * t = 2 sqrt(2/pi) (x + 0.044715 x^3), SiLU is x s with t = x. */
#ifndef FB_KERNEL_ISA_GRAD_H
#define FB_KERNEL_ISA_GRAD_H

/* s + x s'(t) dt/dx. exp(-t) s is at most 1 where exp(-t) is large, and s then tiny. */
static inline vec v_gate_grad(vec x, vec t, vec dt) {
    vec one = v_set(1.0f), e = v_exp(v_sub(v_set(0.0f), t)), s = v_div(one, v_add(one, e));

    return v_mul_add(v_mul(x, v_mul(v_mul(e, s), s)), dt, s);
}

static inline vec v_gelu_tanh_grad(vec x) {
    vec square = v_mul(x, x), c = v_set(2.0f * 0.7978845608028654f);
    vec cube = v_mul_add(v_mul(square, x), v_set(0.044715f), x);
    vec dcube = v_mul_add(square, v_set(3.0f * 0.044715f), v_set(1.0f));

    return v_gate_grad(x, v_mul(cube, c), v_mul(dcube, c));
}

/* The normal distribution and x times its density. */
static float gelu_erf_grad(float x) {
    return 0.5f * (1.0f + erff(x * 0.70710678118654752f)) +
           x * 0.3989422804014327f * expf(-0.5f * x * x);
}

static float relu_grad(float x) {
    return x <= 0.0f ? 0.0f : 1.0f;
}

static float tanh_grad(float x) {
    float y = tanhf(x);

    return 1.0f - y * y;
}

static inline vec v_activation_grad(vec x, enum fb_activation activation) {
    switch (activation) {
    case FB_GELU_TANH: return v_gelu_tanh_grad(x);
    case FB_GELU_ERF: return v_each(x, gelu_erf_grad);
    case FB_RELU: return v_each(x, relu_grad);
    case FB_SILU: return v_gate_grad(x, x, v_set(1.0f));
    case FB_TANH: return v_each(x, tanh_grad);
    case FB_LINEAR: break;
    }
    return v_set(1.0f);
}

/* The last, partial vector goes through the same instructions as the whole ones. `activation` is a
 * constant at each call. */
static inline void activate_with(float *y, const float *x, int64_t n,
                                 enum fb_activation activation) {
    int64_t whole = n - n % V_LANES;
    float last[V_LANES] = {0};

    for (int64_t i = 0; i < whole; i += V_LANES)
        v_store(y + i, v_activate(v_load(x + i), activation));
    memcpy(last, x + whole, (size_t)(n - whole) * sizeof *x);
    v_store(last, v_activate(v_load(last), activation));
    memcpy(y + whole, last, (size_t)(n - whole) * sizeof *x);
}

static void activate(float *y, const float *x, int64_t n, enum fb_activation activation) {
    switch (activation) {
    case FB_GELU_TANH: activate_with(y, x, n, FB_GELU_TANH); break;
    case FB_SILU: activate_with(y, x, n, FB_SILU); break;
    default: activate_with(y, x, n, activation); break;
    }
}

static inline void activation_grad_with(float *dx, const float *dy, const float *x, int64_t n,
                                        enum fb_activation activation) {
    int64_t whole = n - n % V_LANES;
    float last[V_LANES] = {0};

    for (int64_t i = 0; i < whole; i += V_LANES)
        v_store(dx + i, v_mul(v_load(dy + i), v_activation_grad(v_load(x + i), activation)));
    memcpy(last, x + whole, (size_t)(n - whole) * sizeof *x);
    v_store(last, v_activation_grad(v_load(last), activation));
    for (int64_t i = whole; i < n; i++)
        dx[i] = dy[i] * last[i - whole];
}

static void activation_grad(float *dx, const float *dy, const float *x, int64_t n,
                            enum fb_activation activation) {
    switch (activation) {
    case FB_GELU_TANH: activation_grad_with(dx, dy, x, n, FB_GELU_TANH); break;
    case FB_RELU: activation_grad_with(dx, dy, x, n, FB_RELU); break;
    case FB_SILU: activation_grad_with(dx, dy, x, n, FB_SILU); break;
    default: activation_grad_with(dx, dy, x, n, activation); break;
    }
}

/* With g = dy weight and x^ = (x - mean) scale, whose mean square is 1:
 *   dx = scale (g - centre - x^ mean(g x^)), where centre is mean(g) if the mean was taken away. */
static inline void norm_grad(float *dx, const float *dy, const float *x, const float *weight,
                             int64_t n, struct fb_moments row, bool centred) {
    int64_t whole = n - n % V_LANES;
    vec m = v_set(row.mean), s = v_set(row.scale), sum = v_set(0.0f), along = v_set(0.0f), a, b;
    float rest = 0.0f, rest_along = 0.0f, centre, slope;

    for (int64_t i = 0; i < whole; i += V_LANES) {
        vec g = v_mul(v_load(dy + i), v_load(weight + i));
        sum = v_add(sum, g);
        along = v_mul_add(g, v_mul(v_sub(v_load(x + i), m), s), along);
    }
    for (int64_t i = whole; i < n; i++) {
        float g = dy[i] * weight[i];
        rest += g;
        rest_along += g * ((x[i] - row.mean) * row.scale);
    }
    centre = centred ? (v_sum(sum) + rest) / (float)n : 0.0f;
    slope = (v_sum(along) + rest_along) / (float)n;
    a = v_set(centre);
    b = v_set(slope);
    for (int64_t i = 0; i < whole; i += V_LANES) {
        vec g = v_mul(v_load(dy + i), v_load(weight + i));
        vec d = v_mul(v_sub(v_load(x + i), m), s);
        v_store(dx + i, v_mul(s, v_sub(v_sub(g, a), v_mul(d, b))));
    }
    for (int64_t i = whole; i < n; i++)
        dx[i] = row.scale * (dy[i] * weight[i] - centre - (x[i] - row.mean) * row.scale * slope);
}

static struct fb_moments layer_norm_grad(float *dx, const float *dy, const float *x,
                                         const float *weight, int64_t n, float epsilon) {
    struct fb_moments row = layer_moments(x, n, epsilon);

    norm_grad(dx, dy, x, weight, n, row, true);
    return row;
}

static struct fb_moments rms_norm_grad(float *dx, const float *dy, const float *x,
                                       const float *weight, int64_t n, float epsilon) {
    struct fb_moments row = rms_moments(x, n, epsilon);

    norm_grad(dx, dy, x, weight, n, row, false);
    return row;
}

/* The sums of these rows first, then what was there. */
static void norm_weight_grad(float *dweight, const float *dy, const float *x,
                             const struct fb_moments *moments, int64_t ld, int64_t rows,
                             int64_t n) {
    float sum[FB_SUM_COLS] = {0};

    for (int64_t i = 0; i < rows; i++, x += ld, dy += ld)
        for (int64_t j = 0; j < n; j++)
            sum[j] += dy[j] * ((x[j] - moments[i].mean) * moments[i].scale);
    for (int64_t j = 0; j < n; j++)
        dweight[j] += sum[j];
}

static void column_sums(float *total, const float *x, int64_t ldx, int64_t rows, int64_t n) {
    float sum[FB_SUM_COLS] = {0};

    for (int64_t i = 0; i < rows; i++, x += ldx)
        for (int64_t j = 0; j < n; j++)
            sum[j] += x[j];
    for (int64_t j = 0; j < n; j++)
        total[j] += sum[j];
}

static void add_to(float *y, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void softmax_grad(float *ds, float *p, float inverse, int64_t n, int64_t end) {
    int64_t whole = n - n % V_LANES;
    vec scale = v_set(inverse), sum = v_set(0.0f), mean;
    float rest = 0.0f, all;

    for (int64_t i = 0; i < whole; i += V_LANES) {
        vec q = v_mul(v_load(p + i), scale);
        v_store(p + i, q);
        sum = v_mul_add(q, v_load(ds + i), sum);
    }
    for (int64_t i = whole; i < n; i++) {
        p[i] *= inverse;
        rest += p[i] * ds[i];
    }
    all = v_sum(sum) + rest;
    mean = v_set(all);
    for (int64_t i = 0; i < whole; i += V_LANES)
        v_store(ds + i, v_mul(v_load(p + i), v_sub(v_load(ds + i), mean)));
    for (int64_t i = whole; i < n; i++)
        ds[i] = p[i] * (ds[i] - all);
    for (int64_t i = n; i < end; i++)
        ds[i] = 0.0f;
}

static void pack_columns(float *a, const float *x, int64_t ldx, int64_t k) {
    for (int64_t p = 0; p < k; p++, a += TILE_ROWS, x += ldx)
        for (int r = 0; r < TILE_ROWS; r++)
            a[r] = x[r];
}

#endif
