/* str.h - a growing byte string with a stated maximum.
 *
 * `data` is always terminated by a zero byte that `size` does not count (NULL while empty). After
 * a failed append the content is unchanged. The struct is freed with fb_str_free; a zeroed struct
 * with `max` set is an empty string. */
#ifndef FB_BASE_STR_H
#define FB_BASE_STR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct fb_str {
    char *data;
    size_t size, capacity;
    size_t max; /* an append beyond it fails with FB_EFORMAT; 0 means 1 GiB */
};

int fb_str_append(struct fb_str *s, const void *bytes, size_t n, struct fb_err *err) FB_MUST_CHECK;
int fb_str_puts(struct fb_str *s, const char *text, struct fb_err *err) FB_MUST_CHECK;
int fb_str_putc(struct fb_str *s, char c, struct fb_err *err) FB_MUST_CHECK;
int fb_str_printf(struct fb_str *s, struct fb_err *err, const char *format, ...)
    FB_PRINTF(3, 4) FB_MUST_CHECK;
/* Content as a terminated string, "" when empty. Borrowed until the next append. */
const char *fb_str_text(const struct fb_str *s);
void fb_str_free(struct fb_str *s);

/* Whether `text` begins / ends with the words. */
bool fb_starts_with(const char *text, const char *words);
bool fb_ends_with(const char *text, const char *words);

/* Of `n` candidates the one that is nearest to `word` in Damerau-Levenshtein distance, if it is
 * near enough to be a likely slip (at most a third of the longer word). If none is: the shortest
 * one that begins with `word` (two letters or more) or has it inside (four or more), else NULL. */
const char *fb_nearest(const char *word, const char *const *candidates, size_t n);
/* fb_fail with "no <what> '<word>' (did you mean '<nearest>'?) (there are <all>)": how look-ups by
 * name fail. */
int fb_fail_unknown(struct fb_err *err, int code, const char *what, const char *word,
                    const char *const *candidates, size_t n);

#endif
