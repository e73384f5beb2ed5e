/* tokenize.c - how fast does text become ids on one thread, and what could it cost at least?
 *
 *     bench_tokenize TOKENIZER FILE [FILE ...]
 *     bench_tokenize --glue DATA_DIR TOKENIZER
 *
 * Every line of the files is one text; with --glue, the texts are the prompts of the eight GLUE
 * tasks' evaluation splits. Measured in the same run: reading the bytes (a histogram), and,
 * depending on the tokenizer, splitting into words without encoding them, or the library
 * SentencePiece on the same texts; how many texts it gives other ids is printed, too. Median of
 * PASSES. */
#include "args.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "data/glue.h"
#include "data/prompt.h"
#include "sentencepiece.h"
#include "text/split.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 7 };

/* Texts one behind the other. */
struct texts {
    struct fb_str bytes;
    size_t *end; /* [count] */
    size_t count, capacity;
};

struct run {
    const struct texts *texts;
    const struct fb_tokenizer *tokenizer;
    struct fb_encoder *encoder; /* NULL: each text on its own */
    struct pieces *pieces;      /* NULL: no SentencePiece model */
    struct fb_ids ids;
    int64_t result; /* ids, words or a checksum */
};

/* Text `i`, and its size. */
static const char *text_at(const struct texts *t, size_t i, size_t *size) {
    size_t begin = i ? t->end[i - 1] : 0;

    *size = t->end[i] - begin;
    return t->bytes.data + begin;
}

/* What has been appended since the last text is one. */
static int end_text(struct texts *t, struct fb_err *err) {
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 1024;
        if (!(t->end = fb_realloc(t->end, t->capacity, sizeof *t->end, err))) return err->code;
    }
    t->end[t->count++] = t->bytes.size;
    return FB_OK;
}

static int add_lines(struct texts *t, const char *path, struct fb_err *err) {
    struct fb_map map;
    const char *p, *end;
    int rc = FB_OK;

    if (fb_map_open(&map, path, err)) return fb_context(err, "'%s'", path);
    p = (const char *)map.data;
    end = p + map.size;
    while (p < end && !rc) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        rc = fb_str_append(&t->bytes, p, (size_t)(stop - p), err);
        if (!rc) rc = end_text(t, err);
        p = stop + 1;
    }
    fb_map_close(&map);
    return rc;
}

static int add_prompts(struct texts *t, const struct fb_glue_task *task, const char *data_dir,
                       struct fb_err *err) {
    struct fb_dataset data;
    struct fb_prompts prompts;
    int rc = fb_glue_open(&data, task, task->validation, data_dir, -1, err);

    if (rc) return rc;
    rc = fb_prompts_open(&prompts, &data, fb_template_find(task->name), err);
    for (int64_t row = 0; row < data.rows && !rc; row++) {
        rc = fb_prompt_input(&t->bytes, &prompts, row, err);
        if (!rc) rc = end_text(t, err);
    }
    fb_dataset_free(&data);
    return rc;
}

static int read_bytes(struct run *r, struct fb_err *err) {
    int64_t histogram[256] = {0};

    (void)err;
    for (size_t i = 0; i < r->texts->bytes.size; i++)
        histogram[(unsigned char)r->texts->bytes.data[i]]++;
    r->result = histogram['e'];
    return FB_OK;
}

static int split_words(struct run *r, struct fb_err *err) {
    (void)err;
    r->result = 0;
    for (size_t i = 0; i < r->texts->count; i++) {
        size_t size;
        const char *text = text_at(r->texts, i, &size);
        for (size_t at = 0; at < size; r->result++)
            at += fb_gpt2_word(text + at, size - at);
    }
    return FB_OK;
}

/* Text `i` as the program encodes it. */
static int encode_text(struct run *r, size_t i, struct fb_err *err) {
    size_t size;
    const char *text = text_at(r->texts, i, &size);

    r->ids.count = 0;
    if (r->encoder)
        return fb_encoder_encode_pair(r->encoder, &r->ids, text, size, NULL, 0, 0, true, err);
    return fb_tokenizer_encode_pair(r->tokenizer, &r->ids, text, size, NULL, 0, 0, err);
}

static int encode(struct run *r, struct fb_err *err) {
    r->result = 0;
    for (size_t i = 0; i < r->texts->count; i++) {
        if (encode_text(r, i, err)) return err->code;
        r->result += r->ids.count;
    }
    return FB_OK;
}

static const int *encode_peer(struct run *r, size_t i, size_t *count, struct fb_err *err) {
    size_t size;
    const char *text = text_at(r->texts, i, &size);
    const int *ids = pieces_encode(r->pieces, text, size, count);

    if (!ids) fb_fail(err, FB_EFORMAT, "SentencePiece refuses text %zu", i);
    return ids;
}

static int encode_all_peer(struct run *r, struct fb_err *err) {
    r->result = 0;
    for (size_t i = 0; i < r->texts->count; i++) {
        size_t count;
        if (!encode_peer(r, i, &count, err)) return err->code;
        r->result += (int64_t)count;
    }
    return FB_OK;
}

/* Texts whose ids the library gives otherwise. */
static int count_others(struct run *r, struct fb_err *err) {
    r->result = 0;
    for (size_t i = 0; i < r->texts->count; i++) {
        size_t count;
        const int *ids = encode_peer(r, i, &count, err);
        if (!ids || encode_text(r, i, err)) return err->code;
        r->result += count != (size_t)r->ids.count || memcmp(ids, r->ids.id, count * sizeof *ids);
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
    *rate = (double)r->texts->bytes.size / 1e6 / seconds[PASSES / 2];
    printf("%-34s %9.1f MB/s  %9.1f .. %.1f %12jd\n", what, *rate,
           (double)r->texts->bytes.size / 1e6 / seconds[PASSES - 1],
           (double)r->texts->bytes.size / 1e6 / seconds[0], (intmax_t)r->result);
    return FB_OK;
}

static int report(struct run *r, struct fb_err *err) {
    double bytes, peer, cached, plain;

    printf("%zu texts, %.1f MB\n%-34s %14s  %20s %12s\n", r->texts->count,
           (double)r->texts->bytes.size / 1e6, "", "median", "slowest .. fastest", "found");
    if (measure("read bytes (histogram of 'e')", read_bytes, r, &bytes, err)) return err->code;
    if (r->pieces ? measure("SentencePiece, the library", encode_all_peer, r, &peer, err)
                  : measure("split into words", split_words, r, &peer, err))
        return err->code;
    if (measure("encode (one encoder)", encode, r, &cached, err)) return err->code;
    if (r->pieces && count_others(r, err)) return err->code;
    if (r->pieces) printf("texts with other ids: %jd\n", (intmax_t)r->result);
    fb_encoder_close(r->encoder);
    r->encoder = NULL;
    if (measure("encode (each text on its own)", encode, r, &plain, err)) return err->code;
    printf("encode / read bytes %.2f, encode / %s %.2f, each on its own / %s %.2f\n",
           cached / bytes, r->pieces ? "SentencePiece" : "split", cached / peer,
           r->pieces ? "SentencePiece" : "split", plain / peer);
    return FB_OK;
}

static int open_pieces(struct pieces **out, const char *folder, struct fb_err *err) {
    char *path;
    int rc = FB_OK;

    if (!fb_has_file(folder, "spiece.model")) return FB_OK;
    if (!(path = fb_path_join(folder, "spiece.model", err))) return err->code;
    if (!(*out = pieces_open(path))) rc = fb_fail(err, FB_EFORMAT, "'%s' cannot be opened", path);
    free(path);
    return rc;
}

static int run(struct texts *texts, const char *folder, struct fb_err *err) {
    struct run r = {.texts = texts};
    struct fb_tokenizer *tokenizer = NULL;
    double start = fb_now();
    int rc = fb_tokenizer_open(&tokenizer, folder, err);

    if (!rc) printf("opened in %.1f ms\n", 1e3 * (fb_now() - start));
    if (!rc && !texts->bytes.size) rc = fb_fail(err, FB_EFORMAT, "there is no text in the files");
    r.tokenizer = tokenizer;
    if (!rc) rc = open_pieces(&r.pieces, folder, err);
    if (!rc) rc = fb_encoder_open(&r.encoder, tokenizer, err);
    if (!rc) rc = report(&r, err);
    fb_encoder_close(r.encoder);
    pieces_close(r.pieces);
    fb_ids_free(&r.ids);
    fb_tokenizer_close(tokenizer);
    return rc;
}

int main(int argc, char **argv) {
    static const char usage[] = "bench_tokenize TOKENIZER FILE [FILE ...]\n"
                                "       bench_tokenize --glue DATA_DIR TOKENIZER";
    const char *glue = NULL;
    const struct option options[] = {{"--glue", NULL, 0, 0, &glue}, {0}};
    int first = args_parse(argc, argv, usage, options, 1, INT32_MAX), rc = FB_OK;
    struct texts texts = {0};
    struct fb_err err = {0};

    if ((argc - first == 1) != (glue != NULL)) args_refuse(usage);
    for (int i = first + 1; i < argc && !rc; i++)
        rc = add_lines(&texts, argv[i], &err);
    for (int i = 0; fb_glue_tasks[i].name && glue && !rc; i++)
        rc = add_prompts(&texts, &fb_glue_tasks[i], glue, &err);
    if (!rc) rc = run(&texts, argv[first], &err);
    if (rc) fprintf(stderr, "bench_tokenize: %s\n", err.msg);
    fb_str_free(&texts.bytes);
    free(texts.end);
    return rc != FB_OK;
}
