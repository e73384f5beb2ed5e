/* split.h - cutting text into the words that byte-pair encoding works on.
 *
 * GPT-2's own pattern is a hand-written scanner; any other pattern, from a tokenizer.json, is
 * compiled with PCRE2. Texts must be valid UTF-8. */
#ifndef FB_TEXT_SPLIT_H
#define FB_TEXT_SPLIT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define FB_GPT2_PATTERN                                                                            \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* Bytes of the first word of text[0, size), size > 0, under FB_GPT2_PATTERN (no gaps). */
size_t fb_gpt2_word(const char *text, size_t size);

struct fb_pattern; /* compiled, immutable: any number of threads may match; owned */
struct fb_matcher; /* what one thread needs to match; owned */

/* FB_EFORMAT with the position and the words of PCRE2 for a bad pattern. `jit` false leaves out the
 * compilation to machine code, which may also fail silently where memory cannot be made
 * executable: matching is slower then. */
int fb_pattern_open(struct fb_pattern **out, const char *regex, bool jit,
                    struct fb_err *err) FB_MUST_CHECK;
void fb_pattern_close(struct fb_pattern *p);
int fb_matcher_open(struct fb_matcher **out, struct fb_err *err) FB_MUST_CHECK;
void fb_matcher_close(struct fb_matcher *m);

/* The first match that is not empty at or after `at`: its place in `*begin` and `*end`, both `size`
 * when there is none. FB_EFORMAT when the pattern needs too many steps. */
int fb_pattern_find(const struct fb_pattern *p, struct fb_matcher *m, const char *text, size_t size,
                    size_t at, size_t *begin, size_t *end, struct fb_err *err) FB_MUST_CHECK;

#endif
