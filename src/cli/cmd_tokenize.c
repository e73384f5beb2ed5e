/* cmd_tokenize.c - JSON lines of texts to JSON lines of ids, and back. */
#include "base/interrupt.h"
#include "cli/command.h"
#include "config/json.h"
#include "hub/hub.h"
#include "text/tokenizer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 256 << 20 };

struct opts {
    const char *tokenizer;
    int64_t max_length;
    bool special;
    bool decode;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXT(struct opts, tokenizer, "null", "folder, tokenizer.json or hub name; required"),
    FB_OPT_INT(struct opts, max_length, "0", 0, 1 << 30,
               "cut to so many ids, longest segment first; 0 for no limit"),
    FB_OPT_BOOL(struct opts, special, "true",
                "add what the tokenizer puts around texts; with --decode keep special tokens"),
    FB_OPT_BOOL(struct opts, decode, "false", "read {\"ids\": [...]} and write {\"text\": ...}"),
    FB_OPT_END,
};

struct job {
    const struct opts *o;
    struct fb_tokenizer *tokenizer;
    struct fb_encoder *encoder;
    struct fb_str line, text, out;
    struct fb_ids ids;
};

/* One line of stdin without its end; `*more` is false at the end of the input. */
static int read_line(struct fb_str *line, bool *more, struct fb_err *err) {
    int c;

    line->size = 0;
    line->max = LINE_MAX_BYTES;
    while ((c = getc_unlocked(stdin)) != EOF && c != '\n')
        if (fb_str_putc(line, (char)c, err)) return err->code;
    *more = c == '\n' || line->size;
    if (!ferror(stdin)) return FB_OK;
    return fb_interrupted(err) ? err->code : fb_fail(err, FB_EIO, "cannot read standard input");
}

static int parse(const struct fb_str *line, json_t **out, struct fb_err *err) {
    json_error_t where;

    *out = json_loadb(fb_str_text(line), line->size, JSON_ALLOW_NUL, &where);
    if (!*out) return fb_fail(err, FB_EFORMAT, "column %d: %s", where.column, where.text);
    if (json_is_object(*out)) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "is not a JSON object");
}

static int print_ids(struct job *j, struct fb_err *err) {
    if (fb_str_puts(&j->out, "{\"ids\": [", err)) return err->code;
    for (int64_t i = 0; i < j->ids.count; i++)
        if (fb_str_printf(&j->out, err, "%s%d", i ? ", " : "", j->ids.id[i])) return err->code;
    return fb_str_puts(&j->out, "]}\n", err);
}

static int encode(struct job *j, const json_t *object, struct fb_err *err) {
    const json_t *text = json_object_get(object, "text");
    const json_t *pair = json_object_get(object, "text_pair");

    if (!json_is_string(text)) return fb_fail(err, FB_EFORMAT, "has no string 'text'");
    if (pair && !json_is_null(pair) && !json_is_string(pair))
        return fb_fail(err, FB_EFORMAT, "'text_pair' is not a string");
    j->ids.count = 0;
    if (fb_encoder_encode_pair(j->encoder, &j->ids, json_string_value(text),
                               json_string_length(text), json_string_value(pair),
                               json_string_length(pair), j->o->max_length, j->o->special, err))
        return err->code;
    return print_ids(j, err);
}

static int read_ids(struct job *j, const json_t *list, struct fb_err *err) {
    j->ids.count = 0;
    if (!json_is_array(list)) return fb_fail(err, FB_EFORMAT, "has no list 'ids'");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        json_int_t value = json_integer_value(item);
        int32_t id = (int32_t)value;
        if (!json_is_integer(item))
            return fb_fail(err, FB_EFORMAT, "ids[%zu] is not a whole number", i);
        if (value < 0 || value >= fb_tokenizer_size(j->tokenizer))
            return fb_fail(err, FB_EFORMAT, "ids[%zu] is %jd, limit 0 to %jd", i, (intmax_t)value,
                           (intmax_t)fb_tokenizer_size(j->tokenizer) - 1);
        if (fb_ids_push(&j->ids, &id, 1, err)) return err->code;
    }
    return FB_OK;
}

static int decode(struct job *j, const json_t *object, struct fb_err *err) {
    if (read_ids(j, json_object_get(object, "ids"), err)) return err->code;
    j->text.size = 0;
    if (fb_tokenizer_decode(j->tokenizer, &j->text, j->ids.id, j->ids.count, !j->o->special, err))
        return err->code;
    if (fb_str_puts(&j->out, "{\"text\": ", err)) return err->code;
    if (fb_json_print_text(&j->out, fb_str_text(&j->text), j->text.size, false, err))
        return err->code;
    return fb_str_puts(&j->out, "}\n", err);
}

static int do_line(struct job *j, struct fb_err *err) {
    json_t *object;
    int rc = parse(&j->line, &object, err);

    j->out.size = 0;
    if (!rc) rc = j->o->decode ? decode(j, object, err) : encode(j, object, err);
    json_decref(object);
    if (!rc && fwrite(j->out.data, 1, j->out.size, stdout) != j->out.size)
        rc = fb_fail(err, FB_EIO, "cannot write to standard output");
    return rc;
}

static int do_lines(struct job *j, struct fb_err *err) {
    for (int64_t number = 1;; number++) {
        bool more = false;
        if (fb_interrupted(err)) return err->code;
        if (read_line(&j->line, &more, err))
            return fb_context(err, "standard input, line %jd", (intmax_t)number);
        if (!more) return FB_OK;
        if (j->line.size && do_line(j, err))
            return fb_context(err, "standard input, line %jd", (intmax_t)number);
    }
}

static int open_tokenizer(struct job *j, struct fb_err *err) {
    char *path = NULL;
    int rc = fb_hub_resolve(&path, j->o->tokenizer, FB_HUB_MODEL, NULL, err);

    if (!rc) rc = fb_tokenizer_open(&j->tokenizer, path, err);
    if (!rc) rc = fb_encoder_open(&j->encoder, j->tokenizer, err);
    free(path);
    return rc;
}

static int run(const void *o, int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    struct job j = {.o = o};
    int rc;

    (void)cli;
    if (argc) return fb_fail(err, FB_EUSAGE, "tokenize: unexpected argument '%s'", argv[0]);
    if (!j.o->tokenizer) return fb_fail(err, FB_EUSAGE, "tokenize: --tokenizer is required");
    if (j.o->decode && j.o->max_length)
        return fb_fail(err, FB_EUSAGE, "tokenize: --max-length does not go with --decode");
    rc = open_tokenizer(&j, err);
    if (!rc) rc = do_lines(&j, err);
    fb_encoder_close(j.encoder);
    fb_tokenizer_close(j.tokenizer);
    fb_str_free(&j.line);
    fb_str_free(&j.text);
    fb_str_free(&j.out);
    fb_ids_free(&j.ids);
    return rc;
}

const struct fb_command fb_cmd_tokenize = {
    .name = "tokenize",
    .arguments = "",
    .summary = "Turn texts into token ids and back.",
    .details = "Reads JSON lines from standard input: {\"text\": ...}, or {\"text\": ..., "
               "\"text_pair\": ...} for a\npair; other keys are ignored, and so are empty lines. "
               "Writes {\"ids\": [...]} per line.\n\n"
               "    echo '{\"text\": \"Hello world\"}' | fusion_bench tokenize --tokenizer gpt2",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .run = run,
};
