/* cmd_train.c - makes an expert, or a base model: options, and what is printed. */
#include "base/number.h"
#include "cli/command.h"
#include "kernel/threads.h"
#include "train/training.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct fb_training_options O;

/* The same option under a shorter name. */
#define ALIAS(key, type, field, fallback, least, most, same)                                       \
    { key, type, offsetof(O, field), fallback, least, most, NULL, "short for " same }

static const struct fb_opt opts[] = {
    FB_OPT_TEXT(O, model, "null", "folder or hub name of the model to go on from"),
    FB_OPT_TEXT(O, config, "null",
                "config.json of a new model with random weights, in place of one"),
    FB_OPT_TEXT(O, tokenizer, "null", "folder or hub name of the tokenizer; null: the model's"),
    FB_OPT_TEXT(O, output_dir, "null", "where last/ and best/ are written"),
    FB_OPT_CHOICE(O, objective, "auto", "auto|classification|text-to-text|language-model",
                  "what is learnt; auto: classification for GPT-2, text-to-text for T5"),
    FB_OPT_TEXT(O, task, "null", "GLUE task: its columns, classes, prompts and validation split"),
    FB_OPT_TEXT(O, data_dir, "null",
                "folder with glue/TASK, before $FUSION_BENCH_DATA_DIR and the Hugging Face cache"),
    FB_OPT_TEXT(O, train_file, "null", "rows to learn from: JSON lines, .tsv, .csv or parquet"),
    FB_OPT_TEXT(O, eval_file, "null", "rows to be measured with; a GLUE task has its own"),
    FB_OPT_TEXTS(O, text_columns, "null",
                 "columns of a file that are read, one or two; null: text, or input_text"),
    FB_OPT_TEXT(O, label_column, "null",
                "column of a file that is to be told; null: label, or target_text"),
    FB_OPT_INT(O, max_train_samples, "-1", -1, 9e15, "learn from the first rows only; -1: all"),
    FB_OPT_INT(O, max_eval_samples, "-1", -1, 9e15, "measure with the first rows only; -1: all"),
    FB_OPT_INT(O, max_length, "512", 2, 1 << 20,
               "tokens of a text that are kept, and at most what the model has positions for"),
    FB_OPT_INT(O, max_target_length, "128", 1, 1 << 20, "tokens of an answer that are kept"),
    FB_OPT_INT(O, block_size, "0", 0, 1 << 20,
               "language models: join all texts and cut them into blocks; 0: keep texts apart"),
    FB_OPT_REAL(O, num_train_epochs, "3", 0, 1e9,
                "passes over the rows; 0: measure and write the model as it is"),
    FB_OPT_INT(O, max_steps, "-1", -1, 1e12, "steps, in place of num_train_epochs; -1: not set"),
    FB_OPT_INT(O, per_device_train_batch_size, "8", 1, 1 << 20, "rows of a batch"),
    FB_OPT_INT(O, gradient_accumulation_steps, "1", 1, 1 << 20, "batches of a step"),
    FB_OPT_REAL(O, learning_rate, "5e-5", 0, 1e3, "the largest learning rate"),
    FB_OPT_CHOICE(O, lr_scheduler_type, "linear", "linear|constant|constant_with_warmup|cosine",
                  "how the rate falls"),
    FB_OPT_REAL(O, warmup_ratio, "0", 0, 1, "share of the steps during which the rate rises"),
    FB_OPT_INT(O, warmup_steps, "0", 0, 1e12, "the same in steps; wins over the ratio"),
    FB_OPT_REAL(O, weight_decay, "0", 0, 1e3, "of AdamW; not for biases and norms"),
    FB_OPT_REAL(O, adam_beta1, "0.9", 0, 0.999999, "memory of the mean of gradients"),
    FB_OPT_REAL(O, adam_beta2, "0.999", 0, 0.999999, "memory of the mean of their squares"),
    FB_OPT_REAL(O, adam_epsilon, "1e-8", 0, 1, "added to the divisor"),
    FB_OPT_REAL(O, max_grad_norm, "1", 0, 1e9, "gradients are scaled down to this norm; 0: never"),
    FB_OPT_REAL(O, dropout, "-1", -1, 0.99, "of all kinds; -1: what config.json says"),
    FB_OPT_INT(O, lora_r, "0", 0, 1 << 16, "rank of a LoRA adapter; 0: the whole model learns"),
    FB_OPT_REAL(O, lora_alpha, "8", 0, 1e6, "an adapter is scaled by lora_alpha / lora_r"),
    FB_OPT_REAL(O, lora_dropout, "0", 0, 0.99, "dropout of an adapter's input"),
    FB_OPT_TEXTS(O, target_modules, "null",
                 "layers that get an adapter; null: c_attn (GPT-2), q and v (T5)"),
    FB_OPT_INT(O, seed, "42", 0, 9007199254740992.0, "of new weights, order of rows, dropout"),
    FB_OPT_BOOL(O, shuffle, "true", "a new random order of the rows in each epoch"),
    FB_OPT_INT(O, logging_steps, "0", 0, 1e12,
               "record the loss every so many steps in trainer_state.json; 0: of each epoch"),
    FB_OPT_INT(O, save_steps, "0", 0, 1e12,
               "write last/ every so many steps, too; 0: after each epoch only"),
    FB_OPT_TEXT(O, resume_from_checkpoint, "null", "last/ of a training to go on with"),
    FB_OPT_BOOL(O, overwrite_output_dir, "false", "begin anew where a training is"),
    FB_OPT_INT(O, batch_tokens, "0", 0, 1 << 30,
               "most tokens computed at once, which bounds memory; 0: 4096"),
    ALIAS("output", FB_OPT_IS_TEXT, output_dir, "null", 0, 0, "output_dir"),
    ALIAS("epochs", FB_OPT_IS_REAL, num_train_epochs, "3", 0, 1e9, "num_train_epochs"),
    ALIAS("batch_size", FB_OPT_IS_INT, per_device_train_batch_size, "8", 1, 1 << 20,
          "per_device_train_batch_size"),
    FB_OPT_END,
};

/* ---- settings: the options that determine the result ----------------------------------------- */

static bool is_setting(const char *key) {
    static const char *const others[] = {"output_dir", "data_dir",   "train_file",
                                         "eval_file",  "save_steps", "resume_from_checkpoint",
                                         "output",     "epochs",     "overwrite_output_dir",
                                         "batch_size"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(others[i], key)) return false;
    return true;
}

static struct fb_node *value_node(const struct fb_opt *opt, const void *options, struct fb_arena *a,
                                  struct fb_err *err) {
    const void *at = (const char *)options + opt->offset;
    const struct fb_place nowhere = {0};
    const struct fb_texts *texts = at;
    struct fb_node *list;
    const char *text;

    switch (opt->type) {
    case FB_OPT_IS_BOOL: return fb_node_bool(a, *(const bool *)at, nowhere, err);
    case FB_OPT_IS_INT: return fb_node_int(a, *(const int64_t *)at, nowhere, err);
    case FB_OPT_IS_REAL: return fb_node_real(a, *(const double *)at, nowhere, err);
    case FB_OPT_IS_TEXTS: break;
    default:
        text = *(const char *const *)at;
        return text ? fb_node_text(a, text, nowhere, err) : fb_node_null(a, nowhere, err);
    }
    list = fb_node_list(a, nowhere, err);
    for (int64_t i = 0; list && i < texts->count; i++)
        if (fb_node_push(a, list, fb_node_text(a, texts->item[i], nowhere, err), err)) return NULL;
    return list;
}

static const struct fb_node *settings_of(const void *options, struct fb_arena *a,
                                         struct fb_err *err) {
    struct fb_node *map = fb_node_map(a, (struct fb_place){0}, err);

    for (int i = 0; map && opts[i].key; i++)
        if (is_setting(opts[i].key) &&
            fb_node_set(a, map, opts[i].key, value_node(&opts[i], options, a, err), err))
            return NULL;
    return map;
}

/* ---- what is printed ------------------------------------------------------------------------- */

static double mebibytes(size_t bytes) {
    return (double)bytes / (1 << 20);
}

static void begin(void *self, struct fb_learner *l, const struct fb_trainer *t) {
    static const char *const scores[] = {"accuracy", "exact match", "accuracy"};
    const struct fb_cli *cli = self;
    struct fb_learner_memory m = fb_learner_memory(l);

    fb_info(cli->log,
            "%s: %jd rows, %jd steps; %jd values learn; weights %.1f MiB, optimizer %.1f MiB; "
            "%d threads",
            l->type->model_type, (intmax_t)t->train->count, (intmax_t)t->steps,
            (intmax_t)l->params.values, mebibytes(m.weights), mebibytes(m.optimizer), fb_threads());
    if (t->step)
        fb_info(cli->log, "going on after step %jd of %jd", (intmax_t)t->step, (intmax_t)t->steps);
    printf("%8s %8s %10s %10s %11s %8s %8s  %s\n", "epoch", "step", "loss", "eval loss",
           scores[l->objective], "right", "total", "seconds");
    fflush(stdout);
}

/* A number, or a dash where there is none. */
static const char *shown(char out[FB_REAL_TEXT], double value) {
    if (isnan(value)) return "-";
    snprintf(out, FB_REAL_TEXT, "%.4f", value);
    return out;
}

static void report(void *self, const struct fb_epoch *line) {
    char loss[FB_REAL_TEXT], eval_loss[FB_REAL_TEXT], score[FB_REAL_TEXT];

    (void)self;
    printf("%8.2f %8jd %10s %10s %11s %8jd %8jd  %.1f%s\n", line->epoch, (intmax_t)line->step,
           shown(loss, line->loss), shown(eval_loss, line->eval_loss), shown(score, line->score),
           (intmax_t)line->right, (intmax_t)line->total, line->seconds, line->best ? "  best" : "");
    fflush(stdout);
}

static int run(const void *o, int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    const O *options = o;
    struct fb_training how = {.options = options,
                              .arena = cli->arena,
                              .log = cli->log,
                              .begin = begin,
                              .report = report,
                              .self = cli};
    struct fb_training_result result;

    if (argc) return fb_fail(err, FB_EUSAGE, "train: no argument '%s' is expected", argv[0]);
    if (!(how.settings = settings_of(o, cli->arena, err))) return err->code;
    if (fb_training_run(&how, &result, err)) return fb_context(err, "train");
    fb_info(cli->log, "most memory of activations: %.1f MiB", mebibytes(result.memory.activations));
    if (result.best_step)
        printf("best: %s/best (step %jd)\n", options->output_dir, (intmax_t)result.best_step);
    printf("last: %s/last\n", options->output_dir);
    return FB_OK;
}

const struct fb_command fb_cmd_train = {
    .name = "train",
    .arguments = "",
    .summary = "Fine-tune a GPT-2 or T5 model into an expert, whole or as a LoRA adapter.",
    .details =
        "An expert of a GLUE task, by the recipe of FusionBench's own experts (learning rate\n"
        "5e-5, 3 epochs); it is measured after each epoch:\n\n"
        "  fusion_bench train --model gpt2 --task cola --data-dir data --output-dir "
        "experts/cola\n\n"
        "Own data: JSON lines, .tsv, .csv or parquet. Labels are numbers or names:\n\n"
        "  fusion_bench train --model gpt2 --train-file reviews.csv --text-columns review \\\n"
        "      --label-column mood --eval-file held-out.csv --output-dir experts/mood\n\n"
        "Flan-T5 learns {\"input_text\": ..., \"target_text\": ...}, or a GLUE task by its "
        "prompt;\n"
        "here as a LoRA adapter of rank 16:\n\n"
        "  fusion_bench train --model google/flan-t5-base --task rte --lora-r 16 \\\n"
        "      --lora-alpha 32 --target-modules q,v --output-dir experts/rte\n\n"
        "A new base model from random weights, which tells the next token of running text:\n\n"
        "  fusion_bench train --config config.json --tokenizer gpt2 --train-file texts.jsonl \\\n"
        "      --objective language-model --output-dir base\n\n"
        "OUTPUT_DIR/best is the model with the best score (accuracy, exact match; loss of\n"
        "language models), OUTPUT_DIR/last the latest one: folders that transformers or PEFT\n"
        "opens, as do the model pools here. Ctrl-C writes last/ before it ends; the same command\n"
        "with --resume-from-checkpoint OUTPUT_DIR/last goes on to the same bits. Results do not\n"
        "depend on the number of threads. Names and defaults are those of transformers'\n"
        "TrainingArguments and of PEFT.",
    .opts = opts,
    .opts_size = sizeof(O),
    .run = run,
};
