/* bpe.c - byte-pair encoding (Sennrich et al., arXiv:1508.07909): beginning with bytes, the pair of
 * neighbours that occurs most often within words becomes a token, until there are enough. Of pairs
 * that occur equally often the one with the smaller ids comes first, as in the library
 * `tokenizers`, which learns the same. */
#include "bpe.h"

#include "base/alloc.h"
#include "config/json.h"
#include "counted.h"
#include "out.h"
#include "text/alphabet.h"
#include "text/split.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEARNT_MAX = 559, /* tokens; the end token comes last */
    BYTES = 256,
    LAST_POINT = 0x143, /* the highest code point of the alphabet */
    LEAST = 2           /* a pair that occurs less often is no token */
};

static const char end_token[] = "<|endoftext|>";

struct spelled {
    int token[COUNTED_WORD_BYTES];
    int size;
    int64_t count;
};

struct learner {
    struct fb_names token;
    int of_byte[BYTES];
    struct spelled *word;
    int64_t words;
    int64_t pairs[LEARNT_MAX][LEARNT_MAX];
    struct fb_str merges;
};

/* The 256 bytes, in the order of the characters that stand for them. */
static int add_bytes(struct learner *l, struct fb_err *err) {
    for (uint32_t point = 0; point <= LAST_POINT; point++) {
        int byte = fb_alphabet_byte(point);
        char c = (char)byte;
        struct fb_str text = {0};
        int64_t id;
        if (byte < 0) continue;
        id = fb_alphabet_append(&text, &c, 1, err) ? err->code
                                                   : fb_names_add(&l->token, text.data, NULL, err);
        fb_str_free(&text);
        if (id < 0) return (int)id;
        l->of_byte[byte] = (int)id;
    }
    return FB_OK;
}

static int count_words(struct counted *out, const struct demo_all *all, struct fb_err *err) {
    for (int k = 0; k < DEMO_CLASS_TASKS; k++)
        for (int i = 0; i < all->of[k].count; i++) {
            const struct example *e = &all->of[k].row[i];
            if (!demo_sensible(all->of[k].task, e)) continue;
            for (int t = 0; t < 2; t++)
                for (size_t at = 0, n; at < e->text[t].size; at += n) {
                    n = fb_gpt2_word(e->text[t].text + at, e->text[t].size - at);
                    if (counted_add(out, e->text[t].text + at, n, 1, err)) return err->code;
                }
        }
    return FB_OK;
}

static int spell(struct learner *l, const struct counted *words, struct fb_err *err) {
    l->word = fb_calloc((size_t)words->word.count, sizeof *l->word, err);
    if (!l->word) return err->code;
    l->words = words->word.count;
    for (int64_t i = 0; i < l->words; i++) {
        l->word[i].count = words->count[i];
        for (const char *c = words->word.name[i]; *c; c++)
            l->word[i].token[l->word[i].size++] = l->of_byte[(unsigned char)*c];
    }
    return FB_OK;
}

/* The pair that occurs most often; false when none does often enough. */
static bool find_pair(struct learner *l, int *left, int *right) {
    int64_t most = LEAST - 1;

    memset(l->pairs, 0, sizeof l->pairs);
    for (int64_t i = 0; i < l->words; i++)
        for (int k = 0; k + 1 < l->word[i].size; k++)
            l->pairs[l->word[i].token[k]][l->word[i].token[k + 1]] += l->word[i].count;
    for (int a = 0; a < LEARNT_MAX; a++)
        for (int b = 0; b < LEARNT_MAX; b++)
            if (l->pairs[a][b] > most) most = l->pairs[ *left = a][ *right = b];
    return most >= LEAST;
}

static void join(struct spelled *w, int left, int right, int joined) {
    int n = 0;

    for (int k = 0; k < w->size; k++) {
        bool here = k + 1 < w->size && w->token[k] == left && w->token[k + 1] == right;
        w->token[n++] = here ? joined : w->token[k];
        k += here;
    }
    w->size = n;
}

static int learn(struct learner *l, struct fb_err *err) {
    int left = 0, right = 0;

    while (l->token.count < LEARNT_MAX && find_pair(l, &left, &right)) {
        const char *a = l->token.name[left], *b = l->token.name[right];
        char *text = fb_asprintf(err, "%s%s", a, b);
        int rc = text ? fb_str_printf(&l->merges, err, "%s %s\n", a, b) : err->code;
        int64_t joined = rc ? rc : fb_names_add(&l->token, text, NULL, err);
        free(text);
        if (joined < 0) return (int)joined;
        for (int64_t i = 0; i < l->words; i++)
            join(&l->word[i], left, right, (int)joined);
    }
    return FB_OK;
}

/* ---- the files ------------------------------------------------------------------------------ */

static int put_vocabulary(struct fb_str *out, const struct fb_names *tokens, struct fb_err *err) {
    for (int64_t i = 0; i < tokens->count; i++) {
        const char *text = tokens->name[i];
        if (fb_str_puts(out, i ? ", " : "{", err) ||
            fb_json_print_text(out, text, strlen(text), false, err) ||
            fb_str_printf(out, err, ": %" PRId64, i))
            return err->code;
    }
    return fb_str_printf(out, err, ", \"%s\": %" PRId64 "}", end_token, tokens->count);
}

static int put_config(struct fb_str *out, int64_t end_id, struct fb_err *err) {
    return fb_str_printf(out, err,
                         "{\n  \"add_bos_token\": false,\n  \"add_prefix_space\": false,\n"
                         "  \"added_tokens_decoder\": {\n    \"%" PRId64 "\": {\n"
                         "      \"content\": \"%s\",\n      \"lstrip\": false,\n"
                         "      \"normalized\": false,\n      \"rstrip\": false,\n"
                         "      \"single_word\": false,\n      \"special\": true\n    }\n  },\n"
                         "  \"bos_token\": \"%s\",\n  \"clean_up_tokenization_spaces\": true,\n"
                         "  \"eos_token\": \"%s\",\n  \"errors\": \"replace\",\n"
                         "  \"model_max_length\": 512,\n  \"pad_token\": \"%s\",\n"
                         "  \"tokenizer_class\": \"GPT2Tokenizer\",\n  \"unk_token\": \"%s\"\n}\n",
                         end_id, end_token, end_token, end_token, end_token, end_token);
}

static int put_special_tokens(struct fb_str *out, struct fb_err *err) {
    static const char *const names[] = {"bos", "eos", "pad", "unk"};

    for (int i = 0; i < 4; i++)
        if (fb_str_printf(out, err, "%s\n  \"%s_token\": \"%s\"", i ? "," : "{", names[i],
                          end_token))
            return err->code;
    return fb_str_puts(out, "\n}\n", err);
}

static int write_files(const struct learner *l, const char *folder, struct fb_err *err) {
    struct fb_str text[3] = {0};
    int rc = FB_OK;

    if (put_vocabulary(&text[0], &l->token, err) || put_config(&text[1], l->token.count, err) ||
        put_special_tokens(&text[2], err) || demo_write(folder, "vocab.json", &text[0], err) ||
        demo_write(folder, "merges.txt", &l->merges, err) ||
        demo_write(folder, "tokenizer_config.json", &text[1], err) ||
        demo_write(folder, "special_tokens_map.json", &text[2], err))
        rc = err->code;
    for (int i = 0; i < 3; i++)
        fb_str_free(&text[i]);
    return rc;
}

int demo_bpe_write(const char *folder, const struct demo_all *all, struct fb_err *err) {
    struct learner *l = fb_calloc(1, sizeof *l, err);
    struct counted words = {0};
    int rc = l ? FB_OK : err->code;

    if (!rc) rc = fb_str_puts(&l->merges, "#version: 0.2\n", err);
    if (!rc) rc = add_bytes(l, err);
    if (!rc) rc = count_words(&words, all, err);
    if (!rc) rc = spell(l, &words, err);
    if (!rc) rc = learn(l, err);
    if (!rc) rc = write_files(l, folder, err);
    counted_free(&words);
    if (!l) return rc;
    fb_names_free(&l->token);
    fb_str_free(&l->merges);
    free(l->word);
    free(l);
    return rc;
}
