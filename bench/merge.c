/* merge.c - how long does it take to merge a pool into a file?
 *
 *     bench_merge POOL [OUT [ROUNDS]]
 *
 * POOL holds one folder per model, `_pretrained_` among them; OUT (default: merged.safetensors) is
 * written and removed. The bound is measured in the same run: all model files are read with read(2)
 * into a small buffer and as many bytes as the result has are written with pwrite(2), by as many
 * threads as a merge uses, and synced as a merge is. Each of ROUNDS (default: 3) does every row
 * once; the table shows, for each row, the round with the median time. Memory is the peak of
 * anonymous pages (what the process needs for itself) and of mapped file pages, sampled every
 * 10 ms. */
#include "args.h"

#include "base/file.h"
#include "base/map.h"
#include "base/number.h"
#include "config/yaml.h"
#include "method/method.h"

#include <fcntl.h>
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18, MODELS_MAX = 64, ROUNDS_MAX = 99 };

static const char *const rows[] = {"{name: simple_average}", "{name: task_arithmetic}",
                                   "{name: ties_merging}"};
static const char *const names[] = {"read all, write the result", "simple_average",
                                    "task_arithmetic", "ties_merging"};

enum { ROWS = sizeof rows / sizeof *rows };

struct files {
    char *path[MODELS_MAX];
    size_t size[MODELS_MAX];
    int count;
    size_t total, result;
};

struct measured {
    double seconds, cpu;
    long anonymous, mapped; /* KiB */
};

static struct fb_err err;

static void die(void) {
    fprintf(stderr, "bench_merge: %s\n", err.msg);
    exit(1);
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct watch {
    pthread_t thread;
    atomic_bool stop;
    long anonymous, mapped;
};

static long field(const char *text, const char *name) {
    const char *at = strstr(text, name);

    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static void *look(void *arg) {
    struct watch *w = arg;
    char text[4096];

    while (!atomic_load(&w->stop)) {
        FILE *f = fopen("/proc/self/status", "r");
        size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
        long anonymous, mapped;
        if (f) fclose(f);
        text[n] = '\0';
        anonymous = field(text, "RssAnon:");
        mapped = field(text, "RssFile:");
        if (anonymous > w->anonymous) w->anonymous = anonymous;
        if (mapped > w->mapped) w->mapped = mapped;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return NULL;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void find_files(struct files *f, const char *pool) {
    char **models;
    size_t n;

    if (fb_list_dir(pool, &models, &n, &err)) die();
    for (size_t i = 0; i < n && f->count < MODELS_MAX; i++) {
        char path[4096];
        struct fb_map map;
        snprintf(path, sizeof path, "%s/%s/model.safetensors", pool, models[i]);
        if (!fb_is_file(path)) continue;
        if (fb_map_open(&map, path, &err)) die();
        f->size[f->count] = map.size;
        if (!(f->path[f->count++] = strdup(path))) exit(1);
        f->total += map.size;
        if (!strcmp(models[i], "_pretrained_")) f->result = map.size;
        fb_map_close(&map);
    }
    fb_list_free(models, n);
    if (!f->result || f->count < 2) {
        fb_fail(&err, FB_ENOTFOUND,
                "'%s' has %d folders with a model.safetensors, %s '_pretrained_'; expected a base "
                "'_pretrained_' and experts (tools/bench_pool.py)",
                pool, f->count, f->result ? "one of them" : "none of them");
        die();
    }
}

static void read_all(const struct files *f) {
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < f->count; i++) {
        char *buffer = malloc(BUFFER);
        int fd = open(f->path[i], O_RDONLY);
        while (buffer && read(fd, buffer, BUFFER) > 0) {
        }
        close(fd);
        free(buffer);
    }
}

static void write_result(const struct files *f, const char *out) {
    struct fb_file file;
    int64_t blocks = (int64_t)((f->result + BUFFER - 1) / BUFFER);

    if (fb_file_create(&file, out, &err)) die();
#pragma omp parallel
    {
        char *buffer = malloc(BUFFER);
        struct fb_err own = {0};
        if (buffer) memset(buffer, 1, BUFFER);
#pragma omp for schedule(dynamic)
        for (int64_t b = 0; b < blocks; b++) {
            size_t at = (size_t)b * BUFFER, left = f->result - at;
            if (!buffer || fb_file_write(&file, at, buffer, left < BUFFER ? left : BUFFER, &own))
                exit(1);
        }
        free(buffer);
    }
    if (fb_file_commit(&file, &err)) die();
}

static void merge(const struct files *f, const char *method, const char *out) {
    struct fb_arena arena = {0};
    struct fb_str yaml = {0};
    struct fb_merge m = {.arena = &arena, .stream_path = out, .stream_dtype = FB_F32};
    struct fb_node *config, *options;
    const struct fb_method *found;
    void *opts;

    if (fb_str_puts(&yaml, "type: HF_GPT2ForSequenceClassification\nmodels:\n", &err)) die();
    for (int i = 0; i < f->count; i++) {
        const char *slash = strrchr(f->path[i], '/'), *name = slash;
        while (name > f->path[i] && name[-1] != '/')
            name--;
        if (fb_str_printf(&yaml, &err, "- {name: %.*s, path: \"%s\"}\n", (int)(slash - name), name,
                          f->path[i]))
            die();
    }
    if (fb_yaml_parse(&config, &arena, fb_str_text(&yaml), yaml.size, "bench", &err) ||
        fb_yaml_parse(&options, &arena, method, strlen(method), "bench", &err) ||
        fb_pool_create(&m.pool, config, NULL, &err) ||
        fb_method_read(&found, &opts, options, &arena, &err) ||
        fb_method_run(found, opts, &m, &err))
        die();
    fb_merge_free(&m);
    fb_pool_close(m.pool);
    fb_str_free(&yaml);
    fb_arena_free(&arena);
}

static double cpu_seconds(void) {
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static struct measured measure(int row, const struct files *f, const char *out) {
    struct watch w = {0};
    double begun, cpu = cpu_seconds();

    if (pthread_create(&w.thread, NULL, look, &w)) exit(1);
    begun = fb_now();
    if (row == 0) {
        read_all(f);
        write_result(f, out);
    } else {
        merge(f, rows[row - 1], out);
    }
    begun = fb_now() - begun;
    atomic_store(&w.stop, true);
    pthread_join(w.thread, NULL);
    unlink(out);
    return (struct measured){begun, cpu_seconds() - cpu, w.anonymous, w.mapped};
}

static int by_seconds(const void *a, const void *b) {
    double x = ((const struct measured *)a)->seconds, y = ((const struct measured *)b)->seconds;

    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    struct measured all[ROWS + 1][ROUNDS_MAX], median[ROWS + 1];
    struct files f = {0};
    const char *out;
    int64_t rounds = 3;
    const struct option none = {0};

    (void)args_parse(argc, argv, "bench_merge POOL [OUT [ROUNDS]]", &none, 1, 3);
    out = argc > 2 ? argv[2] : "merged.safetensors";
    if (argc > 3 && (!fb_parse_int(argv[3], &rounds) || rounds < 1 || rounds > ROUNDS_MAX)) {
        fprintf(stderr, "bench_merge: ROUNDS: '%s' is not 1 .. %d\n", argv[3], ROUNDS_MAX);
        return 2;
    }
    find_files(&f, argv[1]);
    for (int64_t r = 0; r < rounds; r++)
        for (int i = 0; i <= ROWS; i++)
            all[i][r] = measure(i, &f, out);
    for (int i = 0; i <= ROWS; i++) {
        qsort(all[i], (size_t)rounds, sizeof all[i][0], by_seconds);
        median[i] = all[i][rounds / 2];
    }
    printf("%d models, %.2f GB read, %.2f GB written, %d threads, median of %d\n", f.count,
           (double)f.total / 1e9, (double)f.result / 1e9, omp_get_max_threads(), (int)rounds);
    printf("%-28s %8s %8s %8s %8s %10s %11s\n", "", "seconds", "cpu s", "GB/s", "x bound",
           "own MiB", "mapped MiB");
    for (int i = 0; i <= ROWS; i++)
        printf("%-28s %8.3f %8.2f %8.2f %8.2f %10.0f %11.0f\n", names[i], median[i].seconds,
               median[i].cpu, (double)(f.total + f.result) / 1e9 / median[i].seconds,
               median[i].seconds / median[0].seconds, (double)median[i].anonymous / 1024,
               (double)median[i].mapped / 1024);
    printf("ties_merging / simple_average: %.2f\n", median[ROWS].seconds / median[1].seconds);
    return 0;
}
