#include "base/str.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST_MAX = 64 }; /* longer words are not compared */
enum { BEGINNING_LEAST = 2, PART_LEAST = 4 };

static int reserve(struct fb_str *s, size_t more, struct fb_err *err) {
    size_t max = s->max ? s->max : (size_t)1 << 30, want;
    char *grown;

    if (s->size > max || more > max - s->size)
        return fb_fail(err, FB_EFORMAT, "text of more than %zu bytes", max);
    if (s->capacity > s->size + more) return FB_OK;
    want = s->capacity ? s->capacity : 64;
    while (want <= s->size + more)
        want *= 2;
    if (!(grown = fb_realloc(s->data, want, 1, err))) return err->code;
    s->data = grown;
    s->capacity = want;
    return FB_OK;
}

int fb_str_append(struct fb_str *s, const void *bytes, size_t n, struct fb_err *err) {
    if (reserve(s, n, err)) return err->code;
    if (n) memcpy(s->data + s->size, bytes, n);
    s->size += n;
    s->data[s->size] = '\0';
    return FB_OK;
}

int fb_str_puts(struct fb_str *s, const char *text, struct fb_err *err) {
    return fb_str_append(s, text, strlen(text), err);
}

int fb_str_putc(struct fb_str *s, char c, struct fb_err *err) {
    return fb_str_append(s, &c, 1, err);
}

int fb_str_printf(struct fb_str *s, struct fb_err *err, const char *format, ...) {
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) return fb_fail(err, FB_EFORMAT, "text cannot be formatted");
    if (reserve(s, (size_t)n, err)) return err->code;
    va_start(args, format);
    vsnprintf(s->data + s->size, (size_t)n + 1, format, args);
    va_end(args);
    s->size += (size_t)n;
    return FB_OK;
}

const char *fb_str_text(const struct fb_str *s) {
    return s->data ? s->data : "";
}

void fb_str_free(struct fb_str *s) {
    free(s->data);
    *s = (struct fb_str){.max = s->max};
}

bool fb_starts_with(const char *text, const char *words) {
    return !strncmp(text, words, strlen(words));
}

bool fb_ends_with(const char *text, const char *words) {
    size_t n = strlen(text), m = strlen(words);

    return n >= m && !strcmp(text + n - m, words);
}

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* Optimal string alignment distance; both lengths are at most NEAREST_MAX. */
static int distance(const char *a, int n, const char *b, int m) {
    int row[3][NEAREST_MAX + 1];

    for (int j = 0; j <= m; j++)
        row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3];
        const int *up = row[(i + 2) % 3], *upper = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int cost = a[i - 1] != b[j - 1];
            now[j] = smaller(smaller(up[j] + 1, now[j - 1] + 1), up[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = smaller(now[j], upper[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

/* The shortest candidate of which `word` is the beginning or a part. */
static const char *completion(const char *word, const char *const *candidates, size_t n) {
    const char *best = NULL;
    size_t length = strlen(word);

    for (size_t i = 0; i < n; i++) {
        bool begins = length >= BEGINNING_LEAST && fb_starts_with(candidates[i], word);
        if (!begins && (length < PART_LEAST || !strstr(candidates[i], word))) continue;
        if (!best || strlen(candidates[i]) < strlen(best)) best = candidates[i];
    }
    return best;
}

const char *fb_nearest(const char *word, const char *const *candidates, size_t n) {
    const char *best = NULL;
    int least = NEAREST_MAX;
    size_t length = strlen(word);

    if (length > NEAREST_MAX) return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = strlen(candidates[i]);
        int d;
        if (other > NEAREST_MAX) continue;
        d = distance(word, (int)length, candidates[i], (int)other);
        if (d < least && 3 * (size_t)d <= (length > other ? length : other)) {
            least = d;
            best = candidates[i];
        }
    }
    return best ? best : completion(word, candidates, n);
}

int fb_fail_unknown(struct fb_err *err, int code, const char *what, const char *word,
                    const char *const *candidates, size_t n) {
    const char *near = fb_nearest(word, candidates, n);
    struct fb_str all = {.max = 2048};
    struct fb_err full = {0};

    for (size_t i = 0; i < n && !full.code; i++)
        if (fb_str_printf(&all, &full, "%s%s", i ? ", " : "", candidates[i])) break;
    fb_fail(err, code, "no %s '%s'%s%s%s (there are %s%s)", what, word,
            near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", fb_str_text(&all),
            full.code ? ", ..." : "");
    fb_str_free(&all);
    return code;
}
