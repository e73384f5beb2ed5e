#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "base/file.h"
#include "base/map.h"
#include "ckpt/write.h"
#include "scratch.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The header is the text that the reference library would write for this order, 8-byte aligned. */
static void test_the_layout_is_that_of_the_reference(void **state) {
    const struct fb_entry entries[] = {
        {.name = "b \"q\"", .dtype = FB_F32, .ndim = 2, .shape = {1, 2}, .numel = 2},
        {.name = "a", .dtype = FB_BF16, .ndim = 0, .numel = 1},
        {.name = "ö", .dtype = FB_I64, .ndim = 1, .shape = {0}, .numel = 0},
    };
    const char *const metadata[][2] = {{"method", "dummy"}};
    const char text[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"method\":\"dummy\"},"
        "\"b \\\"q\\\"\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
        "\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[8,10]},"
        "\"ö\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[10,10]}}";
    const float values[] = {1.5f, -2.0f}, one = 1.0f;
    const size_t n = sizeof text - 1, header = (n + 7) / 8 * 8;
    struct fb_err err = {0};
    struct fb_ckpt_writer *w;
    struct fb_map map;
    uint16_t scratch[2];

    (void)state;
    assert_int_equal(
        fb_ckpt_create(&w, scratch_path("new/o.safetensors"), entries, 3, metadata, 1, &err),
        FB_OK);
    assert_int_equal(fb_ckpt_write_f32(w, 1, 0, 1, &one, scratch, &err), FB_OK);
    assert_int_equal(fb_ckpt_write_f32(w, 0, 1, 1, values + 1, NULL, &err), FB_OK);
    assert_int_equal(fb_ckpt_write_bytes(w, 0, 0, 1, values, &err), FB_OK);
    assert_false(fb_is_file(scratch_path("new/o.safetensors")));
    assert_int_equal(fb_ckpt_commit(w, &err), FB_OK);

    assert_int_equal(fb_map_open(&map, scratch_path("new/o.safetensors"), &err), FB_OK);
    assert_int_equal(map.size, 8 + header + 10);
    assert_int_equal(map.data[0] | map.data[1] << 8, header);
    assert_memory_equal(map.data + 8, text, n);
    for (size_t i = n; i < header; i++)
        assert_int_equal(map.data[8 + i], ' ');
    assert_memory_equal(map.data + 8 + header, values, 8);
    assert_memory_equal(map.data + 8 + header + 8, "\x80\x3f", 2);
    fb_map_close(&map);
}

static void test_what_is_written_reads_back(void **state) {
    struct fb_err err = {0};
    struct fb_ckpt *from, *to;
    struct fb_ckpt_writer *w;
    int64_t n;

    (void)state;
    assert_int_equal(fb_ckpt_open(&from, FB_GOLDEN_DIR "/ckpt/types.safetensors", &err), FB_OK);
    n = fb_ckpt_count(from);
    assert_int_equal(fb_ckpt_create(&w, scratch_path("o"), fb_ckpt_at(from, 0), n, NULL, 0, &err),
                     FB_OK);
    for (int64_t i = n - 1; i >= 0; i--) {
        const struct fb_entry *entry = fb_ckpt_at(from, i);
        assert_int_equal(fb_ckpt_write_bytes(w, i, 0, entry->numel, entry->data, &err), FB_OK);
    }
    assert_int_equal(fb_ckpt_commit(w, &err), FB_OK);
    assert_int_equal(fb_ckpt_open(&to, scratch_path("o"), &err), FB_OK);
    assert_int_equal(fb_ckpt_count(to), n);
    for (int64_t i = 0; i < n; i++) {
        const struct fb_entry *a = fb_ckpt_at(from, i), *b = fb_ckpt_at(to, i);
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->dtype, b->dtype);
        assert_int_equal(a->ndim, b->ndim);
        assert_memory_equal(a->shape, b->shape, sizeof a->shape);
        if (a->size) assert_memory_equal(a->data, b->data, a->size);
    }
    fb_ckpt_close(from);
    fb_ckpt_close(to);
}

enum { THREADS = 4, BLOCK = 1000, BLOCKS = 25 };

struct job {
    struct fb_ckpt_writer *w;
    int thread;
    int rc;
};

/* Thread t writes the blocks t, t + THREADS, ... of both entries. */
static void *write_blocks(void *arg) {
    struct job *job = arg;
    struct fb_err err = {0};
    float values[BLOCK], scratch[BLOCK];

    for (int block = job->thread; block < BLOCKS && !job->rc; block += THREADS) {
        for (int i = 0; i < BLOCK; i++)
            values[i] = (float)((block * BLOCK + i) % 251);
        job->rc = fb_ckpt_write_f32(job->w, 0, block * BLOCK, BLOCK, values, scratch, &err);
        if (!job->rc)
            job->rc = fb_ckpt_write_f32(job->w, 1, block * BLOCK, BLOCK, values, NULL, &err);
    }
    return NULL;
}

static void test_threads_may_write_disjoint_blocks(void **state) {
    const struct fb_entry entries[] = {
        {.name = "h",
         .dtype = FB_F16,
         .ndim = 1,
         .shape = {BLOCKS * BLOCK},
         .numel = BLOCKS * BLOCK},
        {.name = "s",
         .dtype = FB_F32,
         .ndim = 1,
         .shape = {BLOCKS * BLOCK},
         .numel = BLOCKS * BLOCK},
    };
    struct fb_err err = {0};
    struct fb_ckpt_writer *w;
    struct fb_ckpt *ckpt;
    struct job job[THREADS];
    pthread_t thread[THREADS];
    float *values = malloc(BLOCKS * BLOCK * sizeof *values);

    (void)state;
    assert_non_null(values);
    assert_int_equal(fb_ckpt_create(&w, scratch_path("o"), entries, 2, NULL, 0, &err), FB_OK);
    for (int t = 0; t < THREADS; t++) {
        job[t] = (struct job){.w = w, .thread = t};
        assert_int_equal(pthread_create(&thread[t], NULL, write_blocks, &job[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(thread[t], NULL);
        assert_int_equal(job[t].rc, FB_OK);
    }
    assert_int_equal(fb_ckpt_commit(w, &err), FB_OK);
    assert_int_equal(fb_ckpt_open(&ckpt, scratch_path("o"), &err), FB_OK);
    for (int e = 0; e < 2; e++) {
        const struct fb_entry *entry = fb_ckpt_at(ckpt, e);
        fb_dtype_to_f32(values, entry->data, entry->dtype, entry->numel);
        for (int i = 0; i < BLOCKS * BLOCK; i++)
            assert_true(values[i] == (float)(i % 251));
    }
    fb_ckpt_close(ckpt);
    free(values);
}

static const struct fb_entry big = {
    .name = "w", .dtype = FB_F32, .ndim = 1, .shape = {1 << 20}, .numel = 1 << 20};

static int entries_in_folder(const char *dir) {
    struct fb_err err = {0};
    char **names;
    size_t count;

    assert_int_equal(fb_list_dir(dir, &names, &count, &err), FB_OK);
    fb_list_free(names, count);
    return (int)count;
}

static void test_an_abandoned_file_leaves_the_old_one(void **state) {
    const char *path = scratch_write("d/o", "old");
    struct fb_err err = {0};
    struct fb_ckpt_writer *w;
    struct fb_map map;

    (void)state;
    assert_int_equal(fb_ckpt_create(&w, path, &big, 1, NULL, 0, &err), FB_OK);
    fb_ckpt_abandon(w);
    assert_int_equal(entries_in_folder(scratch_path("d")), 1);
    assert_int_equal(fb_map_open(&map, path, &err), FB_OK);
    assert_memory_equal(map.data, "old", 3);
    fb_map_close(&map);
}

/* A limit on the file size stands for the full disk: it is met when the room is reserved. */
static void test_a_full_disk_is_noticed_at_once(void **state) {
    const struct rlimit small = {.rlim_cur = 1 << 16, .rlim_max = RLIM_INFINITY};
    struct rlimit old;
    struct fb_err err = {0};
    struct fb_ckpt_writer *w;
    char want[4096];
    const char *path = scratch_path("full/o");
    int rc;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rc = fb_ckpt_create(&w, path, &big, 1, NULL, 0, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, FB_EIO);
    assert_null(w);
    snprintf(want, sizeof want, "cannot reserve 4194416 bytes for '%s': File too large", path);
    assert_string_equal(err.msg, want);
    assert_int_equal(entries_in_folder(scratch_path("full")), 0);
}

static void test_a_folder_without_permission_is_named(void **state) {
    struct fb_err err = {0};
    struct fb_ckpt_writer *w;
    char want[4096];
    const char *path = scratch_path("d/o");

    (void)state;
    if (geteuid() == 0) skip(); /* root may write anywhere */
    assert_int_equal(chmod(scratch_path("d"), 0555), 0);
    assert_int_equal(fb_ckpt_create(&w, path, &big, 1, NULL, 0, &err), FB_EIO);
    snprintf(want, sizeof want, "cannot create '%s': Permission denied", path);
    assert_string_equal(err.msg, want);
    assert_int_equal(chmod(scratch_path("d"), 0755), 0);
}

static void refused(const struct fb_entry *entries, int count, int code, const char *rest) {
    struct fb_err err = {0};
    struct fb_ckpt_writer *w;
    char want[4096];
    const char *path = scratch_path("refused/o");

    assert_int_equal(fb_ckpt_create(&w, path, entries, count, NULL, 0, &err), code);
    snprintf(want, sizeof want, "output '%s': %s", path, rest);
    assert_string_equal(err.msg, want);
    assert_false(fb_is_file(path));
}

static void test_names_that_cannot_be_written_are_refused(void **state) {
    const struct fb_entry twice[] = {big, big};
    struct fb_entry one = big;

    (void)state;
    refused(twice, 2, FB_EMISMATCH, "two tensors 'w'");
    one.name = "__metadata__";
    refused(&one, 1, FB_EMISMATCH, "no tensor can be named '__metadata__'");
    one.name = "\xff";
    refused(&one, 1, FB_EFORMAT, "'\xff' cannot be written as JSON (not UTF-8?)");
    one = big;
    one.numel = INT64_MAX / 2;
    refused(&one, 1, FB_EFORMAT, "tensor 'w': beyond the largest file");
}

static int attempt(void *arg) {
    const char *const metadata[][2] = {{"a", "b"}};
    const float value = 1;
    struct fb_err err = {0};
    struct fb_ckpt_writer *w;

    if (fb_ckpt_create(&w, arg, &big, 1, metadata, 1, &err)) return err.code;
    if (fb_ckpt_write_f32(w, 0, 5, 1, &value, NULL, &err)) {
        fb_ckpt_abandon(w);
        return err.code;
    }
    return fb_ckpt_commit(w, &err);
}

static void test_failed_allocations_are_reported(void **state) {
    char path[2048];

    (void)state;
    snprintf(path, sizeof path, "%s", scratch_path("faults/o"));
    assert_true(for_each_allocation_failure(attempt, path, 1000) >= 5);
    assert_int_equal(entries_in_folder(scratch_path("faults")), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_layout_is_that_of_the_reference),
        cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_threads_may_write_disjoint_blocks),
        cmocka_unit_test(test_an_abandoned_file_leaves_the_old_one),
        cmocka_unit_test(test_a_full_disk_is_noticed_at_once),
        cmocka_unit_test(test_a_folder_without_permission_is_named),
        cmocka_unit_test(test_names_that_cannot_be_written_are_refused),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
