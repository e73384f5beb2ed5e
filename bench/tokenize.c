/* tokenize.c - how fast does text become ids on one thread, and what could it cost at least?
 *
 *     bench_tokenize TOKENIZER FILE [FILE ...]
 *
 * Every line of the files is one text. Bounds, measured in the same run: reading the bytes (a
 * histogram), and splitting into words without encoding them. Median of PASSES. */
#include "args.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "text/split.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 7 };

struct texts {
    const char **at;
    size_t *size;
    size_t count, capacity, bytes;
};

struct run {
    const struct texts *texts;
    const struct fb_tokenizer *tokenizer;
    struct fb_encoder *encoder; /* NULL: each text on its own */
    struct fb_ids ids;
    int64_t result; /* ids, words or a checksum */
};

static int add_lines(struct texts *t, const struct fb_map *map, struct fb_err *err) {
    const char *p = (const char *)map->data, *end = p + map->size;

    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        if (t->count == t->capacity) {
            t->capacity = t->capacity ? t->capacity * 2 : 1024;
            t->at = fb_realloc(t->at, t->capacity, sizeof *t->at, err);
            t->size = fb_realloc(t->size, t->capacity, sizeof *t->size, err);
            if (!t->at || !t->size) return err->code;
        }
        t->at[t->count] = p;
        t->size[t->count++] = (size_t)(stop - p);
        t->bytes += (size_t)(stop - p);
        p = stop + 1;
    }
    return FB_OK;
}

static int read_bytes(struct run *r, struct fb_err *err) {
    int64_t histogram[256] = {0};

    (void)err;
    for (size_t i = 0; i < r->texts->count; i++)
        for (size_t j = 0; j < r->texts->size[i]; j++)
            histogram[(unsigned char)r->texts->at[i][j]]++;
    r->result = histogram['e'];
    return FB_OK;
}

static int split_words(struct run *r, struct fb_err *err) {
    (void)err;
    r->result = 0;
    for (size_t i = 0; i < r->texts->count; i++)
        for (size_t at = 0; at < r->texts->size[i]; r->result++)
            at += fb_gpt2_word(r->texts->at[i] + at, r->texts->size[i] - at);
    return FB_OK;
}

static int encode(struct run *r, struct fb_err *err) {
    r->result = 0;
    for (size_t i = 0; i < r->texts->count; i++) {
        int rc;
        r->ids.count = 0;
        rc = r->encoder ? fb_encoder_encode(r->encoder, &r->ids, r->texts->at[i], r->texts->size[i],
                                            true, err)
                        : fb_tokenizer_encode(r->tokenizer, &r->ids, r->texts->at[i],
                                              r->texts->size[i], true, err);
        if (rc) return rc;
        r->result += r->ids.count;
    }
    return FB_OK;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int measure(const char *what, int (*work)(struct run *, struct fb_err *), struct run *r,
                   double *rate, struct fb_err *err) {
    double seconds[PASSES];

    for (int pass = 0; pass < PASSES; pass++) {
        double start = fb_now();
        if (work(r, err)) return err->code;
        seconds[pass] = fb_now() - start;
    }
    qsort(seconds, PASSES, sizeof *seconds, by_value);
    *rate = (double)r->texts->bytes / 1e6 / seconds[PASSES / 2];
    printf("%-34s %9.1f MB/s  %9.1f .. %.1f %12jd\n", what, *rate,
           (double)r->texts->bytes / 1e6 / seconds[PASSES - 1],
           (double)r->texts->bytes / 1e6 / seconds[0], (intmax_t)r->result);
    return FB_OK;
}

static int report(struct run *r, struct fb_err *err) {
    double bytes, words, cached, plain;

    printf("%zu texts, %.1f MB\n%-34s %14s  %20s %12s\n", r->texts->count,
           (double)r->texts->bytes / 1e6, "", "median", "slowest .. fastest", "found");
    if (measure("read bytes (histogram of 'e')", read_bytes, r, &bytes, err)) return err->code;
    if (measure("split into words", split_words, r, &words, err)) return err->code;
    if (measure("encode (one encoder)", encode, r, &cached, err)) return err->code;
    fb_encoder_close(r->encoder);
    r->encoder = NULL;
    if (measure("encode (each text on its own)", encode, r, &plain, err)) return err->code;
    printf("encode / read bytes %.2f, encode / split %.2f\n", cached / bytes, cached / words);
    return FB_OK;
}

static int run(int argc, char **argv, struct fb_map *maps, struct fb_err *err) {
    struct texts texts = {0};
    struct run r = {.texts = &texts};
    struct fb_tokenizer *tokenizer = NULL;
    double start = fb_now();
    int rc = fb_tokenizer_open(&tokenizer, argv[1], err);

    if (!rc) printf("opened in %.1f ms\n", 1e3 * (fb_now() - start));
    for (int i = 2; i < argc && !rc; i++) {
        rc = fb_map_open(&maps[i], argv[i], err);
        if (rc) fb_context(err, "'%s'", argv[i]);
        if (!rc) rc = add_lines(&texts, &maps[i], err);
    }
    if (!rc && !texts.bytes) rc = fb_fail(err, FB_EFORMAT, "there is no text in the files");
    r.tokenizer = tokenizer;
    if (!rc) rc = fb_encoder_open(&r.encoder, tokenizer, err);
    if (!rc) rc = report(&r, err);
    fb_encoder_close(r.encoder);
    fb_ids_free(&r.ids);
    fb_tokenizer_close(tokenizer);
    free(texts.at);
    free(texts.size);
    return rc;
}

int main(int argc, char **argv) {
    struct fb_err err = {0};
    struct fb_map *maps;
    const struct option none = {0};

    (void)args_parse(argc, argv, "bench_tokenize TOKENIZER FILE [FILE ...]", &none, 2, INT32_MAX);
    if (!(maps = fb_calloc((size_t)argc, sizeof *maps, &err)) || run(argc, argv, maps, &err))
        fprintf(stderr, "bench_tokenize: %s\n", err.msg);
    for (int i = 0; maps && i < argc; i++)
        fb_map_close(&maps[i]);
    free(maps);
    return err.code != FB_OK;
}
