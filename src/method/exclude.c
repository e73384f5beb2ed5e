#include "method/exclude.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

enum {
    MATCH_STEPS = 1000000, /* of one match, so that a hostile pattern ends */
    MESSAGE = 256,
};

/* A compiled pattern and what matching needs. */
struct pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

static void pattern_free(struct pattern *p) {
    pcre2_match_context_free(p->limits);
    pcre2_match_data_free(p->data);
    pcre2_code_free(p->code);
    *p = (struct pattern){0};
}

static int pattern_open(struct pattern *p, const char *text, struct fb_err *err) {
    char message[MESSAGE];
    size_t at;
    int code;

    *p = (struct pattern){0};
    p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_ANCHORED | PCRE2_UTF,
                            &code, &at, NULL);
    if (!p->code) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
        return fb_fail(err, FB_ECONFIG, "'%s' is not a regular expression: at %zu: %s", text, at,
                       message);
    }
    p->data = pcre2_match_data_create_from_pattern(p->code, NULL);
    p->limits = pcre2_match_context_create(NULL);
    if (!p->data || !p->limits) {
        pattern_free(p);
        return fb_fail(err, FB_ENOMEM, "out of memory: a regular expression");
    }
    pcre2_set_match_limit(p->limits, MATCH_STEPS);
    return FB_OK;
}

static int mark(bool *out, const char *text, const struct fb_pool *pool, struct fb_err *err) {
    struct pattern p;
    int rc = pattern_open(&p, text, err);

    for (int64_t k = 0; !rc && k < fb_pool_keys(pool); k++) {
        const char *name = fb_pool_key(pool, k)->name;
        int code = pcre2_match(p.code, (PCRE2_SPTR)name, strlen(name), 0, 0, p.data, p.limits);
        if (code >= 0) out[k] = true;
        else if (code != PCRE2_ERROR_NOMATCH)
            rc = fb_fail(err, FB_ECONFIG, "'%s' takes more than %d steps on '%s'", text,
                         (int)MATCH_STEPS, name);
    }
    pattern_free(&p);
    return rc;
}

int fb_exclude_check(const struct fb_texts *patterns, struct fb_err *err) {
    for (int64_t i = 0; i < patterns->count; i++) {
        struct pattern p;
        if (pattern_open(&p, patterns->item[i], err))
            return fb_context(err, "option 'exclude_param_names_regex'");
        pattern_free(&p);
    }
    return FB_OK;
}

int fb_exclude_find(bool **out, const struct fb_texts *patterns, const struct fb_pool *pool,
                    struct fb_arena *arena, struct fb_err *err) {
    *out = fb_arena_calloc(arena, (size_t)fb_pool_keys(pool), sizeof **out, err);
    if (!*out) return err->code;
    for (int64_t i = 0; i < patterns->count; i++)
        if (mark(*out, patterns->item[i], pool, err))
            return fb_context(err, "option 'exclude_param_names_regex'");
    return FB_OK;
}
