/* main.c - demo_generator: what the demo pools are trained from. tools/demo/make calls it.
 *
 *     demo_generator data FOLDER TRAIN_ROWS      the tasks' rows, as GLUE has them
 *     demo_generator own-data FOLDER             the files of examples/own-data
 *     demo_generator text FILE                   running text for the GPT-2 base model
 *     demo_generator prompts FILE ROWS ASKED     prompts for the T5 base model; ASKED of 100 rows
 *                                                ask, the others have gaps
 *     demo_generator gpt2-tokenizer FOLDER
 *     demo_generator t5-tokenizer FOLDER
 *
 * The same bytes on every machine. */
#include "base/number.h"
#include "bpe.h"
#include "corpus.h"
#include "data.h"
#include "out.h"
#include "pieces.h"

#include <stdio.h>
#include <string.h>

enum { PROMPTS_MAX = 1000000 };

struct arguments {
    const char *path;
    int64_t number[2];
};

static int run_data(const struct arguments *a, struct fb_err *err) {
    return demo_data_write(a->path, (int)a->number[0], err);
}

static int run_own_data(const struct arguments *a, struct fb_err *err) {
    return demo_data_write_own(a->path, err);
}

static int run_text(const struct arguments *a, struct fb_err *err) {
    struct fb_str text = {0};
    struct demo_all all;
    int rc = demo_all_draw(&all, err);

    if (!rc) rc = demo_corpus_text(&text, &all, err);
    if (!rc) rc = demo_write(NULL, a->path, &text, err);
    fb_str_free(&text);
    demo_all_free(&all);
    return rc;
}

static int run_prompts(const struct arguments *a, struct fb_err *err) {
    struct fb_str text = {0};
    struct demo_all all;
    int rc = demo_all_draw(&all, err);

    if (!rc) rc = demo_corpus_prompts(&text, &all, (int)a->number[0], (int)a->number[1], err);
    if (!rc) rc = demo_write(NULL, a->path, &text, err);
    fb_str_free(&text);
    demo_all_free(&all);
    return rc;
}

static int run_tokenizer(const struct arguments *a,
                         int (*write)(const char *, const struct demo_all *, struct fb_err *),
                         struct fb_err *err) {
    struct demo_all all;
    int rc = demo_all_draw(&all, err);

    if (!rc) rc = write(a->path, &all, err);
    demo_all_free(&all);
    return rc;
}

static int run_gpt2_tokenizer(const struct arguments *a, struct fb_err *err) {
    return run_tokenizer(a, demo_bpe_write, err);
}

static int run_t5_tokenizer(const struct arguments *a, struct fb_err *err) {
    return run_tokenizer(a, demo_pieces_write, err);
}

static const struct command {
    const char *name;
    int numbers;
    int64_t max[2];
    int (*run)(const struct arguments *a, struct fb_err *err);
} commands[] = {{"data", 1, {DEMO_TRAIN_ROWS, 0}, run_data},
                {"own-data", 0, {0, 0}, run_own_data},
                {"text", 0, {0, 0}, run_text},
                {"prompts", 2, {PROMPTS_MAX, 100}, run_prompts},
                {"gpt2-tokenizer", 0, {0, 0}, run_gpt2_tokenizer},
                {"t5-tokenizer", 0, {0, 0}, run_t5_tokenizer}};

static const struct command *find(int argc, char **argv, struct arguments *a) {
    for (size_t i = 0; argc > 2 && i < sizeof commands / sizeof *commands; i++) {
        const struct command *c = &commands[i];
        if (strcmp(argv[1], c->name) || argc != 3 + c->numbers) continue;
        a->path = argv[2];
        for (int k = 0; k < c->numbers; k++)
            if (!fb_parse_int(argv[3 + k], &a->number[k]) || a->number[k] < 0 ||
                a->number[k] > c->max[k])
                return NULL;
        return c;
    }
    return NULL;
}

int main(int argc, char **argv) {
    struct arguments a = {0};
    struct fb_err err = {0};
    const struct command *c = find(argc, argv, &a);

    if (!c) {
        fputs("usage: demo_generator data FOLDER TRAIN_ROWS | own-data FOLDER | text FILE |\n"
              "       prompts FILE ROWS ASKED | gpt2-tokenizer FOLDER | t5-tokenizer FOLDER\n",
              stderr);
        return 2;
    }
    if (!c->run(&a, &err)) return 0;
    fprintf(stderr, "demo_generator: %s: %s\n", c->name, err.msg);
    return 1;
}
