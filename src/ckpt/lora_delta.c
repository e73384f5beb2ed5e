#include "ckpt/lora_delta.h"

#include "base/alloc.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { COLUMNS = 512 }; /* of a sum at once: 2 KB on the stack */

/* fmaf is one instruction where the machine has it, and a slow exact function elsewhere. The clones
 * are named by features: a processor's name would stand for that processor alone. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FMA_CLONES __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define FMA_CLONES
#endif

static void transpose(float *out, const float *in, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            out[j * rows + i] = in[i * cols + j];
}

/* [rows, cols] of an entry as f32, transposed or not; owned. */
static float *load(const struct fb_entry *e, bool transposed, struct fb_err *err) {
    float *values = fb_malloc((size_t)e->numel * sizeof *values, err), *turned;

    if (!values) return NULL;
    fb_dtype_to_f32(values, e->data, e->dtype, e->numel);
    if (!transposed) return values;
    turned = fb_malloc((size_t)e->numel * sizeof *turned, err);
    if (turned) transpose(turned, values, e->shape[0], e->shape[1]);
    free(values);
    return turned;
}

int fb_lora_delta_make(struct fb_lora_delta *out, const struct fb_entry *a,
                       const struct fb_entry *b, bool in_out, float scale, struct fb_err *err) {
    *out = (struct fb_lora_delta){.r = a->shape[0], .scale = scale};
    out->rows = in_out ? a->shape[1] : b->shape[0];
    out->cols = in_out ? b->shape[0] : a->shape[1];
    out->x = load(in_out ? a : b, in_out, err);
    out->y = load(in_out ? b : a, in_out, err);
    if (out->x && out->y) return FB_OK;
    fb_lora_delta_free(out);
    return err->code;
}

void fb_lora_delta_free(struct fb_lora_delta *delta) {
    free(delta->x);
    free(delta->y);
    *delta = (struct fb_lora_delta){0};
}

/* `n` columns of a row, n <= COLUMNS. Four terms at a time: the sums are loaded and stored less. */
FMA_CLONES
static void add_part(float *values, const float *x, const float *y, int64_t r, int64_t cols,
                     int64_t n, float scale) {
    float sum[COLUMNS];
    int64_t k = 0;

    for (int64_t j = 0; j < n; j++)
        sum[j] = 0.0f;
    for (; k + 4 <= r; k += 4, y += 4 * cols)
        for (int64_t j = 0; j < n; j++) {
            float s = fmaf(x[k], y[j], sum[j]);
            s = fmaf(x[k + 1], y[cols + j], s);
            s = fmaf(x[k + 2], y[2 * cols + j], s);
            sum[j] = fmaf(x[k + 3], y[3 * cols + j], s);
        }
    for (; k < r; k++, y += cols)
        for (int64_t j = 0; j < n; j++)
            sum[j] = fmaf(x[k], y[j], sum[j]);
    for (int64_t j = 0; j < n; j++)
        values[j] += sum[j] * scale;
}

void fb_lora_delta_add(const struct fb_lora_delta *delta, int64_t begin, int64_t count,
                       float *values) {
    while (count > 0) {
        int64_t row = begin / delta->cols, column = begin % delta->cols, n = delta->cols - column;
        if (n > count) n = count;
        if (n > COLUMNS) n = COLUMNS;
        add_part(values, delta->x + row * delta->r, delta->y + column, delta->r, delta->cols, n,
                 delta->scale);
        begin += n;
        values += n;
        count -= n;
    }
}
