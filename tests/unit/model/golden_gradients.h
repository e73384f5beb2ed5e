/* golden_gradients.h - compares gradients with those of tests/golden/gradients, by torch. */
#ifndef FB_TESTS_GOLDEN_GRADIENTS_H
#define FB_TESTS_GOLDEN_GRADIENTS_H

#include "ckpt/ckpt.h"
#include "nn/tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Relative to the largest entry; the limit of 1e-5 is that of doc/numerics.md. */
static double gradient_distance(const struct fb_grad *grad, const struct fb_entry *expected) {
    const float *want = expected->data;
    double most = 0, largest = 0;

    assert_int_equal(grad->rows * grad->cols, expected->numel);
    for (int64_t i = 0; i < expected->numel; i++) {
        most = fmax(most, fabs((double)grad->data[i] - (double)want[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    return most / (largest > 0 ? largest : 1);
}

static void compare_gradients(const struct fb_grads *grads, const char *name) {
    struct fb_err err = {0};
    struct fb_ckpt *file;
    char path[512];

    snprintf(path, sizeof path, FB_GOLDEN_DIR "/gradients/%s.safetensors", name);
    assert_int_equal(fb_ckpt_open(&file, path, &err), FB_OK);
    assert_true(fb_ckpt_count(file) > 0);
    for (int64_t i = 0; i < fb_ckpt_count(file); i++) {
        const struct fb_entry *expected = fb_ckpt_at(file, i);
        const struct fb_grad *grad = fb_grads_find(grads, expected->name);
        double distance;
        if (!grad) fail_msg("%s: no gradient of %s", name, expected->name);
        distance = gradient_distance(grad, expected);
        if (!(distance < 1e-5)) fail_msg("%s: %s differs by %g", name, expected->name, distance);
    }
    fb_ckpt_close(file);
}

/* Bits of all gradients as one number. */
static uint64_t gradient_bits(const struct fb_grads *grads) {
    uint64_t bits = 1469598103934665603u;

    for (int64_t i = 0; i < grads->names.count; i++) {
        const struct fb_grad *grad = &grads->item[i];
        const unsigned char *at = (const void *)grad->data;
        for (size_t k = 0; k < (size_t)(grad->rows * grad->cols) * sizeof *grad->data; k++)
            bits = (bits ^ at[k]) * 1099511628211u;
    }
    return bits;
}

#endif
