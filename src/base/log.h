/* log.h - what is said on stderr while a run goes on. */
#ifndef FB_BASE_LOG_H
#define FB_BASE_LOG_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Passed by value of pointer through a run; NULL is allowed everywhere and says nothing. */
struct fb_log {
    int level;     /* 0 quiet: errors only; 1 normal: warnings, progress; 2 verbose: details */
    bool terminal; /* stderr is a terminal: a progress bar may redraw its line */
};

/* A line on stderr, whatever the level. Names from files and arguments stand in messages: control
 * characters other than line ends appear as \xNN, so that they do nothing to a terminal. */
void fb_say(const char *before, const char *text);

/* Cut to 4095 bytes. */
void fb_warn(const struct fb_log *log, const char *format, ...) FB_PRINTF(2, 3);
void fb_info(const struct fb_log *log, const char *format, ...) FB_PRINTF(2, 3);
void fb_detail(const struct fb_log *log, const char *format, ...) FB_PRINTF(2, 3);

/* A progress line with rate and time left: redrawn at most 10 times a second on a terminal, and a
 * plain line every 30 seconds elsewhere. */
struct fb_progress {
    const struct fb_log *log;
    const char *what; /* borrowed: "merge", "cola" */
    const char *unit; /* borrowed: "tensors", "examples" */
    int64_t total, done;
    double started, shown;
};

void fb_progress_begin(struct fb_progress *p, const struct fb_log *log, const char *what,
                       const char *unit, int64_t total);
void fb_progress_add(struct fb_progress *p, int64_t n);
void fb_progress_end(struct fb_progress *p);

/* Seconds of a clock that never goes back. */
double fb_now(void);

#endif
