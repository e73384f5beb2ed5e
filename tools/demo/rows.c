#include "rows.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <stdlib.h>

uint64_t demo_seed(enum demo_purpose purpose, uint64_t number) {
    return fb_rng_bits((uint64_t)purpose, number);
}

/* FNV-1a over both texts; with 64 bits two of some thousand do not meet by chance. */
static uint64_t hash_of(const struct example *e) {
    uint64_t h = 0xcbf29ce484222325u;

    for (int i = 0; i < 2; i++)
        for (size_t at = 0; at <= e->text[i].size; at++)
            h = (h ^ (unsigned char)e->text[i].text[at]) * 0x100000001b3u;
    return h;
}

static bool holds(const struct demo_rows *r, uint64_t hash) {
    for (int i = 0; r && i < r->count; i++)
        if (r->hash[i] == hash) return true;
    return false;
}

int demo_rows_draw(struct demo_rows *out, const struct demo_task *task, enum demo_purpose purpose,
                   int count, const struct demo_rows *without, struct fb_err *err) {
    struct draws d = {.seed = demo_seed(purpose, (uint64_t)(task - demo_tasks))};

    *out = (struct demo_rows){.task = task};
    out->row = fb_calloc((size_t)count, sizeof *out->row, err);
    out->hash = out->row ? fb_calloc((size_t)count, sizeof *out->hash, err) : NULL;
    if (!out->hash) {
        demo_rows_free(out);
        return err->code;
    }
    while (out->count < count) {
        struct example *e = &out->row[out->count];
        uint64_t hash;
        *e = (struct example){0};
        task->make(e, &d);
        hash = hash_of(e);
        if (!holds(out, hash) && !holds(without, hash)) out->hash[out->count++] = hash;
    }
    return FB_OK;
}

int demo_rows_train(struct demo_rows *out, const struct demo_task *task, int count,
                    struct fb_err *err) {
    struct demo_rows validation;
    int rc;

    if (demo_rows_draw(&validation, task, DEMO_VALIDATION, DEMO_VALIDATION_ROWS, NULL, err))
        return err->code;
    rc = demo_rows_draw(out, task, DEMO_TRAIN, count, &validation, err);
    demo_rows_free(&validation);
    return rc;
}

void demo_rows_free(struct demo_rows *r) {
    free(r->row);
    free(r->hash);
    *r = (struct demo_rows){0};
}

int demo_all_draw(struct demo_all *out, struct fb_err *err) {
    *out = (struct demo_all){0};
    for (int i = 0; i < DEMO_TASKS; i++)
        if (demo_rows_train(&out->of[i], &demo_tasks[i], DEMO_TRAIN_ROWS, err)) return err->code;
    return FB_OK;
}

void demo_all_free(struct demo_all *all) {
    for (int i = 0; i < DEMO_TASKS; i++)
        demo_rows_free(&all->of[i]);
}
