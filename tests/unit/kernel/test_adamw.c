#include "kernel/adamw.h"

#include "kernel/cpu.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 5 * 4096 + 13 };

struct values {
    float value[COUNT], first[COUNT], second[COUNT], gradient[COUNT];
};

static const struct fb_adamw_factors factors = {.scale = 0.7f,
                                                .keep = 0.999f,
                                                .first = 0.1f,
                                                .beta2 = 0.999f,
                                                .second = 0.001f,
                                                .root = 0.05f,
                                                .epsilon = 1e-8f,
                                                .size = -1e-3f};

static struct values *make(void) {
    struct values *v = malloc(sizeof *v);

    assert_non_null(v);
    for (int i = 0; i < COUNT; i++) {
        v->value[i] = sinf((float)i);
        v->first[i] = 0.1f * cosf((float)i);
        v->second[i] = 0.01f * (1.0f + sinf(3.0f * (float)i));
        v->gradient[i] = cosf(7.0f * (float)i) * powf(10.0f, (float)(i % 9) - 6.0f);
    }
    return v;
}

/* The formula of the header, an operation at a time. */
static void reference(struct values *v, const struct fb_adamw_factors *f) {
    bool small = f->first < 0.5f;

    for (int i = 0; i < COUNT; i++) {
        volatile float g = v->gradient[i] * f->scale, kept = v->value[i] * f->keep;
        volatile float old = v->second[i] * f->beta2, scaled = f->second * g;
        volatile float apart = g - v->first[i], size, divisor;
        v->first[i] = small ? fmaf(f->first, apart, v->first[i]) : fmaf(f->first - 1.0f, apart, g);
        v->second[i] = fmaf(scaled, g, old);
        divisor = sqrtf(v->second[i]) / f->root;
        divisor = divisor + f->epsilon;
        size = f->size * v->first[i];
        v->value[i] = kept + size / divisor;
    }
}

static void test_the_bits_depend_on_neither_threads_nor_instruction_set(void **state) {
    (void)state;
    for (int case_ = 0; case_ < 2; case_++) {
        struct fb_adamw_factors f = factors;
        struct values *want = make();
        if (case_) f.first = 0.75f;
        reference(want, &f);
        for (int threads = 1; threads <= 4; threads *= 2) {
            struct values *got = make();
            omp_set_num_threads(threads);
            fb_adamw(got->value, got->first, got->second, got->gradient, COUNT, &f);
            assert_memory_equal(got->value, want->value, sizeof want->value);
            assert_memory_equal(got->first, want->first, sizeof want->first);
            assert_memory_equal(got->second, want->second, sizeof want->second);
            free(got);
        }
        for (int k = 0; fb_cpu_isa_at(k); k++) {
            struct values *got = make();
            fb_cpu_isa_at(k)->adamw(got->value, got->first, got->second, got->gradient, COUNT, &f);
            assert_memory_equal(got->value, want->value, sizeof want->value);
            free(got);
        }
        free(want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bits_depend_on_neither_threads_nor_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
