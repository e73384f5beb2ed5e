/* merge.c - how long does it take to merge a pool into a file?
 *
 *     bench_merge [--adapters FOLDER] POOL [OUT [ROUNDS]]
 *
 * POOL holds one folder per model, `_pretrained_` among them; OUT (default: merged.safetensors) is
 * written and removed. With --adapters, the experts are the LoRA adapters in the folders of FOLDER
 * instead, and of POOL only `_pretrained_`, a T5 model, is read. The bound is measured in the same
 * run: all files of weights are read with read(2) into a small buffer and as many bytes as the
 * result has are written with pwrite(2), by as many threads as a merge uses, with the room taken on
 * the disk before and synced behind as a merge does. Before every row, as much is written and
 * removed: memory that a virtual machine has not used for seconds may be slow to write, and all
 * rows shall find the same. Each of ROUNDS (default: 3) does every row once; the table shows, for
 * each row, the round with the median time. Memory is the peak of anonymous pages (what the process
 * needs for itself) and of mapped file pages, sampled every 10 ms. */
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

#define BASE    "_pretrained_"
#define MODEL   "model.safetensors"
#define ADAPTER "adapter_model.safetensors"

enum { BUFFER = 1 << 18, PART = 64 * BUFFER, MODELS_MAX = 64, ROUNDS_MAX = 99 };

static const char *const rows[] = {"{name: simple_average}", "{name: task_arithmetic}",
                                   "{name: ties_merging}"};
static const char *const names[] = {"read all, write the result", "simple_average",
                                    "task_arithmetic", "ties_merging"};

enum { ROWS = sizeof rows / sizeof *rows };

struct model {
    char name[256], folder[4096], file[4352]; /* file: of the weights */
};

struct files {
    struct model model[MODELS_MAX];
    int count;
    size_t total, largest, result;
    bool adapters;
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

/* Adds the model of a folder, if it holds such a file. */
static void add_model(struct files *f, const char *folder, const char *name, const char *file) {
    struct model *m = &f->model[f->count];
    struct fb_map map;

    if (f->count == MODELS_MAX) return;
    snprintf(m->name, sizeof m->name, "%s", name);
    snprintf(m->folder, sizeof m->folder, "%s/%s", folder, name);
    snprintf(m->file, sizeof m->file, "%s/%s/%s", folder, name, file);
    if (!fb_is_file(m->file)) return;
    if (fb_map_open(&map, m->file, &err)) die();
    f->total += map.size;
    if (map.size > f->largest) f->largest = map.size;
    if (!strcmp(name, BASE)) f->result = map.size;
    fb_map_close(&map);
    f->count++;
}

static void add_models(struct files *f, const char *folder, const char *file) {
    char **name;
    size_t n;

    if (fb_list_dir(folder, &name, &n, &err)) die();
    for (size_t i = 0; i < n; i++)
        add_model(f, folder, name[i], file);
    fb_list_free(name, n);
}

static void find_files(struct files *f, const char *pool, const char *adapters) {
    f->adapters = adapters != NULL;
    if (adapters) add_model(f, pool, BASE, MODEL);
    else add_models(f, pool, MODEL);
    if (adapters) add_models(f, adapters, ADAPTER);
    if (f->result && f->count > 1) return;
    fprintf(stderr, "bench_merge: no %s/%s/%s, or no expert in '%s'\n", pool, BASE, MODEL,
            adapters ? adapters : pool);
    exit(1);
}

/* Part `part` of each file that has so many. */
static void read_part(const struct files *f, int64_t part, char *buffer) {
    for (int i = 0; i < f->count; i++) {
        off_t at = (off_t)part * PART, end = at + PART;
        int fd = open(f->model[i].file, O_RDONLY);
        for (ssize_t n = 1; n > 0 && at < end; at += n)
            n = pread(fd, buffer, BUFFER, at);
        close(fd);
    }
}

/* In parts, so that all threads are busy when most bytes are in one file. */
static void read_all(const struct files *f) {
    int64_t parts = (int64_t)(f->largest / PART + 1);

#pragma omp parallel for schedule(dynamic)
    for (int64_t part = 0; part < parts; part++) {
        char *buffer = malloc(BUFFER);
        if (!buffer) exit(1);
        read_part(f, part, buffer);
        free(buffer);
    }
}

static void write_result(const struct files *f, const char *out) {
    struct fb_file file;
    int64_t blocks = (int64_t)((f->result + BUFFER - 1) / BUFFER);

    if (fb_file_create(&file, out, &err)) die();
    if (posix_fallocate(file.fd, 0, (off_t)f->result)) exit(1);
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

    if (fb_str_printf(&yaml, &err, "type: %s\nmodels:\n",
                      f->adapters ? "PeftModelForSeq2SeqLMPool"
                                  : "HF_GPT2ForSequenceClassification"))
        die();
    for (int i = 0; i < f->count; i++) {
        const struct model *model = &f->model[i];
        if (fb_str_printf(&yaml, &err, "- {name: %s, path: \"%s\"}\n", model->name,
                          f->adapters ? model->folder : model->file))
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
    double begun, cpu;

    write_result(f, out); /* before the clock runs */
    unlink(out);
    cpu = cpu_seconds();
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
    static struct files f;
    const char *out, *adapters = NULL;
    int64_t rounds = 3;
    const struct option options[] = {{"--adapters", NULL, 0, 0, &adapters}, {0}};
    int at = args_parse(argc, argv, "bench_merge [--adapters FOLDER] POOL [OUT [ROUNDS]]", options,
                        1, 3);

    out = argc > at + 1 ? argv[at + 1] : "merged.safetensors";
    if (argc > at + 2 &&
        (!fb_parse_int(argv[at + 2], &rounds) || rounds < 1 || rounds > ROUNDS_MAX)) {
        fprintf(stderr, "bench_merge: ROUNDS: '%s' is not 1 .. %d\n", argv[at + 2], ROUNDS_MAX);
        return 2;
    }
    find_files(&f, argv[at], adapters);
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
