/* isa_body.h - the kernels of one instruction set; included by isa_*.c, which sets TILE_ROWS.
 *
 * Accuracy, tested against double precision: exponential within 2 ulp on [-87, 88], values
 * outside are clamped to that range; GELU (tanh form) and SiLU within 4e-6 relative for |x| <= 12,
 * computed as x / (1 + exp(-2u)), which has none of the cancellation of
 * 1 + tanh(u). erf and tanh come from the C library. */
#ifndef FB_KERNEL_ISA_BODY_H
#define FB_KERNEL_ISA_BODY_H

#include "kernel/isa.h"
#include "kernel/prefetch.h"
#include "kernel/simd.h"

#include <math.h>

enum {
    TILE_VECS = 2,
    TILE_COLS = TILE_VECS * V_LANES,
    PREFETCH_A = 16 * TILE_ROWS,
    PREFETCH_B = 12 * TILE_COLS,
    LINE = 16, /* values of a cache line */
    STEP_AHEAD = 4
};

#if defined(__AVX2__)
/* Columns p..p+3 of four rows, or of two, to a + p * TILE_ROWS + r. */
static inline void pack_four(float *a, const float *const x[4], int64_t p) {
    __m128 r0 = _mm_loadu_ps(x[0] + p), r1 = _mm_loadu_ps(x[1] + p);
    __m128 r2 = _mm_loadu_ps(x[2] + p), r3 = _mm_loadu_ps(x[3] + p);

    _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
    _mm_storeu_ps(a, r0);
    _mm_storeu_ps(a + TILE_ROWS, r1);
    _mm_storeu_ps(a + 2 * TILE_ROWS, r2);
    _mm_storeu_ps(a + 3 * TILE_ROWS, r3);
}

static inline void pack_two(float *a, const float *const x[2], int64_t p) {
    __m128 r0 = _mm_loadu_ps(x[0] + p), r1 = _mm_loadu_ps(x[1] + p);
    __m128 low = _mm_unpacklo_ps(r0, r1), high = _mm_unpackhi_ps(r0, r1);

    _mm_storel_pi((__m64 *)(void *)a, low);
    _mm_storeh_pi((__m64 *)(void *)(a + TILE_ROWS), low);
    _mm_storel_pi((__m64 *)(void *)(a + 2 * TILE_ROWS), high);
    _mm_storeh_pi((__m64 *)(void *)(a + 3 * TILE_ROWS), high);
}

/* As many columns as go in fours; returns how many. */
static int64_t pack_fours(float *a, const float *const x[TILE_ROWS], int64_t k) {
    int64_t p = 0;

    for (; p + 4 <= k; p += 4, a += 4 * TILE_ROWS) {
        for (int r = 0; r + 4 <= TILE_ROWS; r += 4)
            pack_four(a + r, x + r, p);
        if (TILE_ROWS % 4) pack_two(a + TILE_ROWS - 2, x + TILE_ROWS - 2, p);
    }
    return p;
}
#else
static int64_t pack_fours(float *a, const float *const x[TILE_ROWS], int64_t k) {
    (void)a, (void)x, (void)k;
    return 0;
}
#endif

static void pack(float *a, const float *x, int64_t ldx, int64_t count, int64_t k) {
    const float *row[TILE_ROWS];

    for (int r = 0; r < TILE_ROWS; r++)
        row[r] = x + (r < count ? r : count - 1) * ldx;
    for (int64_t p = pack_fours(a, row, k); p < k; p++)
        for (int r = 0; r < TILE_ROWS; r++)
            a[p * TILE_ROWS + r] = row[r][p];
}

/* One step of the sums of `rows` rows. */
V_INLINE void tile_step(vec sum[][TILE_VECS], const float *a, const float *b, int rows) {
    vec b0 = v_load(b), b1 = v_load(b + V_LANES);

    V_UNROLL
    for (int r = 0; r < rows; r++) {
        vec x = v_set(a[r]);
        sum[r][0] = v_mul_add(x, b0, sum[r][0]);
        sum[r][1] = v_mul_add(x, b1, sum[r][1]);
    }
}

/* What is asked for while the sums run, so that it is there when they end. Tiles one below the
 * other have b in common, and a streams by; tiles side by side have a in common. The results' old
 * values: those of this tile, or row by row those of the tile to the right, since where every tile
 * meets new memory asking for all at once means waiting. */
enum fetch { FETCH_A_HERE, FETCH_B_RIGHT, FETCH_B };

/* Row r of the sums goes where it belongs. */
V_INLINE void put(float *c, vec *sum, enum fb_into into) {
    for (int j = 0; j < TILE_VECS; j++, c += V_LANES)
        switch (into) {
        case FB_INTO_NEW: v_store(c, sum[j]); break;
        case FB_INTO_FAR: v_store_far(c, sum[j]); break;
        case FB_INTO_SUM: v_store(c, v_add(v_load(c), sum[j])); break;
        case FB_INTO_SQUARES: v_store(c, v_mul_add(sum[j], sum[j], v_load(c))); break;
        }
}

/* Four steps ahead of a or b. */
V_INLINE void fetch_operand(const float *a, const float *b, enum fetch fetch) {
    if (fetch == FETCH_A_HERE) {
        fb_prefetch(a + PREFETCH_A);
        fb_prefetch(a + PREFETCH_A + 2 * TILE_ROWS);
        return;
    }
    V_UNROLL
    for (int i = 0; i < 4 * TILE_COLS; i += LINE)
        fb_prefetch(b + PREFETCH_B + i);
}

/* `rows`, `into` and `fetch` are constants at each call. */
V_INLINE void tile_with(float *c, int64_t ldc, const float *a, const float *b, int64_t k,
                        enum fb_into into, const float *ahead, int rows, enum fetch fetch) {
    vec sum[TILE_ROWS][TILE_VECS];
    const float *next = c + TILE_COLS, *end = next + TILE_ROWS * ldc;
    int64_t p = 0;

    V_UNROLL
    for (int r = 0; r < rows; r++) {
        if (fetch == FETCH_A_HERE) {
            fb_prefetch(c + r * ldc);
            fb_prefetch(c + r * ldc + TILE_COLS - 1);
        }
        sum[r][0] = sum[r][1] = v_set(0.0f);
    }
    for (; p + 4 <= k; p += 4, a += 4 * TILE_ROWS, b += 4 * TILE_COLS) {
        fetch_operand(a, b, fetch);
        tile_step(sum, a, b, rows);
        if (ahead) fb_prefetch_near(ahead + p * TILE_COLS / FB_AHEAD);
        if (fetch == FETCH_B_RIGHT && next < end) {
            fb_prefetch(next);
            fb_prefetch(next + TILE_COLS - 1);
            next += ldc;
        }
        tile_step(sum, a + TILE_ROWS, b + TILE_COLS, rows);
        tile_step(sum, a + 2 * TILE_ROWS, b + 2 * TILE_COLS, rows);
        if (ahead) fb_prefetch_near(ahead + (p + 2) * TILE_COLS / FB_AHEAD);
        tile_step(sum, a + 3 * TILE_ROWS, b + 3 * TILE_COLS, rows);
    }
    for (; p < k; p++, a += TILE_ROWS, b += TILE_COLS)
        tile_step(sum, a, b, rows);
    V_UNROLL
    for (int r = 0; r < rows; r++, c += ldc)
        put(c, sum[r], into);
}

V_INLINE void tile_of(float *c, int64_t ldc, const float *a, const float *b, int64_t k, bool add,
                      const float *ahead, int rows) {
    if (add) tile_with(c, ldc, a, b, k, FB_INTO_SUM, ahead, rows, FETCH_A_HERE);
    else tile_with(c, ldc, a, b, k, FB_INTO_NEW, ahead, rows, FETCH_A_HERE);
}

static void tile(float *c, int64_t ldc, const float *a, const float *b, int64_t k, bool add) {
    tile_of(c, ldc, a, b, k, add, NULL, TILE_ROWS);
}

/* Few products are done before all of the tile to the right could be asked for. */
V_INLINE void tile_along_into(float *c, int64_t ldc, const float *a, const float *b, int64_t k,
                              enum fb_into into) {
    if (k < 4 * TILE_ROWS) tile_with(c, ldc, a, b, k, into, NULL, TILE_ROWS, FETCH_A_HERE);
    else tile_with(c, ldc, a, b, k, into, NULL, TILE_ROWS, FETCH_B_RIGHT);
}

static void tile_along(float *c, int64_t ldc, const float *a, const float *b, int64_t k,
                       enum fb_into into) {
    switch (into) {
    case FB_INTO_NEW: tile_along_into(c, ldc, a, b, k, FB_INTO_NEW); break;
    case FB_INTO_FAR: tile_with(c, ldc, a, b, k, FB_INTO_FAR, NULL, TILE_ROWS, FETCH_B); break;
    case FB_INTO_SUM: tile_along_into(c, ldc, a, b, k, FB_INTO_SUM); break;
    case FB_INTO_SQUARES: tile_along_into(c, ldc, a, b, k, FB_INTO_SQUARES); break;
    }
}

/* In thirds: with few rows the loads of b cost as much as the products. */
static void tile_part(float *c, int64_t ldc, const float *a, const float *b, int64_t k, bool add,
                      int64_t count, const float *ahead) {
    enum { THIRD = TILE_ROWS / 3 };

    if (count <= THIRD) tile_of(c, ldc, a, b, k, add, ahead, THIRD);
    else if (count <= 2 * THIRD) tile_of(c, ldc, a, b, k, add, ahead, 2 * THIRD);
    else tile_of(c, ldc, a, b, k, add, ahead, TILE_ROWS);
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2; ln 2 in two parts so that r is exact;
 * the polynomial is Cephes' expf. */
static inline vec v_exp(vec x) {
    vec n, r, y;

    /* In this order of operands a NaN goes through. */
    x = v_max(v_set(-87.0f), v_min(v_set(88.0f), x));
    n = v_round(v_mul(x, v_set(1.44269504088896341f)));
    r = v_mul_add(n, v_set(-0.693359375f), x);
    r = v_mul_add(n, v_set(2.12194440e-4f), r);
    y = v_set(1.9875691500e-4f);
    y = v_mul_add(y, r, v_set(1.3981999507e-3f));
    y = v_mul_add(y, r, v_set(8.3334519073e-3f));
    y = v_mul_add(y, r, v_set(4.1665795894e-2f));
    y = v_mul_add(y, r, v_set(1.6666665459e-1f));
    y = v_mul_add(y, r, v_set(5.0000001201e-1f));
    y = v_add(v_mul_add(v_mul(y, r), r, r), v_set(1.0f));
    return v_scale(y, n);
}

/* x / (1 + exp(-t)) */
static inline vec v_gate(vec x, vec t) {
    vec one = v_set(1.0f);

    return v_div(x, v_add(one, v_exp(v_sub(v_set(0.0f), t))));
}

static inline vec v_gelu_tanh(vec x) {
    vec cube = v_mul_add(v_mul(v_mul(x, x), x), v_set(0.044715f), x);

    return v_gate(x, v_mul(cube, v_set(2.0f * 0.7978845608028654f)));
}

static inline vec v_each(vec x, float (*f)(float)) {
    float lane[V_LANES];

    v_store(lane, x);
    for (int i = 0; i < V_LANES; i++)
        lane[i] = f(lane[i]);
    return v_load(lane);
}

static float gelu_erf(float x) {
    return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
}

static inline vec v_activate(vec x, enum fb_activation activation) {
    switch (activation) {
    case FB_GELU_TANH: return v_gelu_tanh(x);
    case FB_GELU_ERF: return v_each(x, gelu_erf);
    case FB_RELU: return v_max(v_set(0.0f), x);
    case FB_SILU: return v_gate(x, x);
    case FB_TANH: return v_each(x, tanhf);
    case FB_LINEAR: break;
    }
    return x;
}

/* `activation` is a constant at each call, so that the loop has no branch in it. */
static inline void finish_with(float *c, int64_t ldc, const float *bias, const float *add,
                               int64_t ldadd, enum fb_activation activation) {
    vec b[TILE_VECS] = {v_load(bias), v_load(bias + V_LANES)};

    for (int r = 0; r < TILE_ROWS; r++)
        for (int j = 0; j < TILE_VECS; j++) {
            float *at = c + r * ldc + j * V_LANES;
            vec x = v_activate(v_add(v_load(at), b[j]), activation);
            v_store(at, add ? v_add(x, v_load(add + r * ldadd + j * V_LANES)) : x);
        }
}

static void finish(float *c, int64_t ldc, const float *bias, const float *add, int64_t ldadd,
                   enum fb_activation activation) {
    switch (activation) {
    case FB_LINEAR: finish_with(c, ldc, bias, add, ldadd, FB_LINEAR); break;
    case FB_GELU_TANH: finish_with(c, ldc, bias, add, ldadd, FB_GELU_TANH); break;
    default: finish_with(c, ldc, bias, add, ldadd, activation); break;
    }
}

/* Vectors are summed in one accumulator per lane, then the rest, then the lanes. */
static struct fb_moments layer_moments(const float *x, int64_t n, float epsilon) {
    int64_t whole = n - n % V_LANES;
    vec sum = v_set(0.0f), square = v_set(0.0f), m;
    float mean, rest = 0.0f;

    for (int64_t i = 0; i < whole; i += V_LANES)
        sum = v_add(sum, v_load(x + i));
    for (int64_t i = whole; i < n; i++)
        rest += x[i];
    mean = (v_sum(sum) + rest) / (float)n;
    m = v_set(mean);
    rest = 0.0f;
    for (int64_t i = 0; i < whole; i += V_LANES) {
        vec d = v_sub(v_load(x + i), m);
        square = v_mul_add(d, d, square);
    }
    for (int64_t i = whole; i < n; i++)
        rest += (x[i] - mean) * (x[i] - mean);
    return (struct fb_moments){mean, 1.0f / sqrtf((v_sum(square) + rest) / (float)n + epsilon)};
}

static void layer_norm(float *y, const float *x, const float *weight, const float *bias, int64_t n,
                       float epsilon) {
    int64_t whole = n - n % V_LANES;
    struct fb_moments row = layer_moments(x, n, epsilon);
    vec m = v_set(row.mean), s = v_set(row.scale);

    for (int64_t i = 0; i < whole; i += V_LANES) {
        vec d = v_mul(v_sub(v_load(x + i), m), s);
        v_store(y + i, v_mul_add(d, v_load(weight + i), v_load(bias + i)));
    }
    for (int64_t i = whole; i < n; i++)
        y[i] = (x[i] - row.mean) * row.scale * weight[i] + bias[i];
}

static struct fb_moments rms_moments(const float *x, int64_t n, float epsilon) {
    int64_t whole = n - n % V_LANES;
    vec square = v_set(0.0f);
    float rest = 0.0f;

    for (int64_t i = 0; i < whole; i += V_LANES)
        square = v_mul_add(v_load(x + i), v_load(x + i), square);
    for (int64_t i = whole; i < n; i++)
        rest += x[i] * x[i];
    return (struct fb_moments){0.0f, 1.0f / sqrtf((v_sum(square) + rest) / (float)n + epsilon)};
}

static void rms_norm(float *y, const float *x, const float *weight, int64_t n, float epsilon) {
    int64_t whole = n - n % V_LANES;
    float scale = rms_moments(x, n, epsilon).scale;
    vec s = v_set(scale);

    for (int64_t i = 0; i < whole; i += V_LANES)
        v_store(y + i, v_mul(v_mul(v_load(x + i), s), v_load(weight + i)));
    for (int64_t i = whole; i < n; i++)
        y[i] = x[i] * scale * weight[i];
}

static void multiply(float *y, const float *x, int64_t n) {
    int64_t whole = n - n % V_LANES;

    for (int64_t i = 0; i < whole; i += V_LANES)
        v_store(y + i, v_mul(v_load(y + i), v_load(x + i)));
    for (int64_t i = whole; i < n; i++)
        y[i] *= x[i];
}

static inline float dot(const float *a, const float *b, int64_t n) {
    int64_t whole = n - n % V_LANES;
    vec sum = v_set(0.0f);
    float rest = 0.0f;

    for (int64_t i = 0; i < whole; i += V_LANES)
        sum = v_mul_add(v_load(a + i), v_load(b + i), sum);
    for (int64_t i = whole; i < n; i++)
        rest += a[i] * b[i];
    return v_sum(sum) + rest;
}

/* Asks for the same `dim` values STEP_AHEAD rows further on: rows come from memory, and hardware
 * does not fetch beyond the page that it is on. */
FB_PREFETCH fetch_row_ahead(const float *row, int64_t stride, int64_t dim) {
    for (int64_t d = 0; d < dim; d += LINE)
        fb_prefetch(row + STEP_AHEAD * stride + d);
}

/* Keys outside, heads inside: the rows of k are read once from end to end. */
static void scores(float *score, const float *q, const float *k, int64_t ldkv, int64_t keys,
                   int64_t heads, int64_t dim) {
    for (int64_t j = 0; j < keys; j++, k += ldkv)
        for (int64_t h = 0; h < heads; h++) {
            fetch_row_ahead(k + h * dim, ldkv, dim);
            score[h * keys + j] = dot(q + h * dim, k + h * dim, dim);
        }
}

static void mix(float *out, const float *weight, const float *v, int64_t ldkv, int64_t keys,
                int64_t heads, int64_t dim) {
    int64_t whole = dim - dim % V_LANES;

    memset(out, 0, (size_t)(heads * dim) * sizeof *out);
    for (int64_t j = 0; j < keys; j++, v += ldkv)
        for (int64_t h = 0; h < heads; h++) {
            const float *from = v + h * dim;
            float *to = out + h * dim, w = weight[h * keys + j];
            fetch_row_ahead(from, ldkv, dim);
            for (int64_t d = 0; d < whole; d += V_LANES)
                v_store(to + d, v_mul_add(v_set(w), v_load(from + d), v_load(to + d)));
            for (int64_t d = whole; d < dim; d++)
                to[d] += w * from[d];
        }
}

static float largest(const float *x, int64_t n) {
    int64_t whole = n - n % V_LANES;
    vec most = v_set(x[0]);
    float all;

    for (int64_t i = 0; i < whole; i += V_LANES)
        most = v_max(most, v_load(x + i));
    all = v_largest(most);
    for (int64_t i = whole; i < n; i++)
        if (x[i] > all) all = x[i];
    return all;
}

/* Finds a NaN (or an infinity, which does no harm) by a sum of products with 0. */
static int64_t argmax(const float *x, int64_t n) {
    int64_t whole = n - n % V_LANES, at = 0;
    vec zero = v_set(0.0f), sum = zero;
    float top = largest(x, n), rest = 0.0f;

    for (int64_t i = 0; i < whole; i += V_LANES)
        sum = v_mul_add(v_load(x + i), zero, sum);
    for (int64_t i = whole; i < n; i++)
        rest += x[i] * 0.0f;
    if (v_sum(sum) + rest == 0.0f) {
        while (x[at] != top)
            at++;
        return at;
    }
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[at] || (x[i] != x[i] && x[at] == x[at])) at = i;
    return at;
}

/* The last, partial vector goes through the same instructions as the whole ones, so that an
 * element's bits and the order of the sum do not depend on where the row ends. */
static float exponentials(float *x, int64_t n, int64_t end) {
    float last[V_LANES], top = largest(x, n);
    int64_t whole = n - n % V_LANES, rest = n % V_LANES;
    vec most = v_set(top), sum = v_set(0.0f);

    for (int64_t i = 0; i < whole; i += V_LANES) {
        vec e = v_exp(v_sub(v_load(x + i), most));
        v_store(x + i, e);
        sum = v_add(sum, e);
    }
    if (rest) {
        for (int64_t i = 0; i < V_LANES; i++)
            last[i] = i < rest ? x[whole + i] : top;
        v_store(last, v_exp(v_sub(v_load(last), most)));
        for (int64_t i = rest; i < V_LANES; i++)
            last[i] = 0.0f;
        sum = v_add(sum, v_load(last));
        for (int64_t i = 0; i < rest; i++)
            x[whole + i] = last[i];
    }
    for (int64_t i = n; i < end; i++)
        x[i] = 0.0f;
    return v_sum(sum);
}

/* value += size * m / (sqrt(v) / root + epsilon), torch's lerp being start + w (end - start) for
 * w < 0.5, else end + (w - 1) (end - start). fmaf is one instruction where the machine has it. */
static void adamw(float *value, float *exp_avg, float *exp_avg_sq, const float *gradient, int64_t n,
                  const struct fb_adamw_factors *f) {
    const bool small = f->first < 0.5f;
    const float weight = small ? f->first : f->first - 1.0f;

    for (int64_t i = 0; i < n; i++) {
        float g = gradient[i] * f->scale;
        float m = fmaf(weight, g - exp_avg[i], small ? exp_avg[i] : g);
        float v = fmaf(f->second * g, g, exp_avg_sq[i] * f->beta2);
        exp_avg[i] = m;
        exp_avg_sq[i] = v;
        value[i] = value[i] * f->keep + f->size * m / (sqrtf(v) / f->root + f->epsilon);
    }
}

#include "kernel/isa_grad.h"
#include "kernel/isa_low_rank.h"

#define ISA_TABLE(isa_name, check)                                                                 \
    {                                                                                              \
        .name = isa_name, .rows = TILE_ROWS, .cols = TILE_COLS, .supported = check, .pack = pack,  \
        .tile = tile, .tile_along = tile_along, .tile_part = tile_part, .finish = finish,          \
        .multiply = multiply, .layer_norm = layer_norm, .rms_norm = rms_norm, .scores = scores,    \
        .mix = mix, .largest = largest, .argmax = argmax, .exponentials = exponentials,            \
        .activate = activate, .activation_grad = activation_grad,                                  \
        .layer_norm_grad = layer_norm_grad, .rms_norm_grad = rms_norm_grad,                        \
        .norm_weight_grad = norm_weight_grad, .column_sums = column_sums, .add_to = add_to,        \
        .softmax_grad = softmax_grad, .pack_columns = pack_columns, .adamw = adamw,                \
        .low_rank_add = low_rank_add                                                               \
    }

#endif
