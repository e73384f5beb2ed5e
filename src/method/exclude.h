/* exclude.h - the keys that stay out of a merge: those whose names begin with a match of a regular
 * expression (Python's re.match, by PCRE2). */
#ifndef FB_METHOD_EXCLUDE_H
#define FB_METHOD_EXCLUDE_H

#include "config/opts.h"
#include "pool/pool.h"

/* Whether all patterns can be compiled; FB_ECONFIG begins with "option
 * 'exclude_param_names_regex'" and says what is wrong and where. */
int fb_exclude_check(const struct fb_texts *patterns, struct fb_err *err) FB_MUST_CHECK;
/* For each key of the aligned pool whether some pattern matches. [fb_pool_keys], from the arena. */
int fb_exclude_find(bool **out, const struct fb_texts *patterns, const struct fb_pool *pool,
                    struct fb_arena *arena, struct fb_err *err) FB_MUST_CHECK;

#endif
