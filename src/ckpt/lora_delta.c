#include "ckpt/lora_delta.h"

#include "base/alloc.h"
#include "kernel/low_rank.h"

#include <stdint.h>
#include <stdlib.h>

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

/* The rest of a row that has begun, or whole rows, or the beginning of a row, in turn. */
void fb_lora_delta_add(const struct fb_lora_delta *delta, int64_t begin, int64_t count,
                       const float *base, float *values) {
    const int64_t cols = delta->cols;

    while (count > 0) {
        int64_t column = begin % cols, n = cols - column < count ? cols - column : count;
        int64_t rows = n == cols ? count / cols : 1;
        const struct fb_low_rank part = {.x = delta->x + begin / cols * delta->r,
                                         .y = delta->y + column,
                                         .r = delta->r,
                                         .ldy = cols,
                                         .scale = delta->scale};
        fb_low_rank_add(&part, base, values, cols, rows, n);
        begin += rows * n;
        base += rows * n;
        values += rows * n;
        count -= rows * n;
    }
}
