#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void fb_say(const char *before, const char *text) {
    fputs(before, stderr);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < ' ' && c != '\n') || c == 0x7f) fprintf(stderr, "\\x%02x", c);
        else putc(c, stderr);
    }
    putc('\n', stderr);
}

void fb_warn(const struct fb_log *log, const char *format, ...) {
    char text[4096];
    va_list args;

    if (!log || log->level < 1) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fb_say("warning: ", text);
}

static void print(const char *format, va_list args) {
    vfprintf(stderr, format, args);
    putc('\n', stderr);
}

void fb_info(const struct fb_log *log, const char *format, ...) {
    va_list args;

    if (!log || log->level < 1) return;
    va_start(args, format);
    print(format, args);
    va_end(args);
}

void fb_detail(const struct fb_log *log, const char *format, ...) {
    va_list args;

    if (!log || log->level < 2) return;
    va_start(args, format);
    print(format, args);
    va_end(args);
}

double fb_now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void fb_progress_begin(struct fb_progress *p, const struct fb_log *log, const char *what,
                       const char *unit, int64_t total) {
    *p = (struct fb_progress){.log = log, .what = what, .unit = unit, .total = total};
    p->started = p->shown = fb_now();
}

static void show(struct fb_progress *p, double now) {
    double spent = now - p->started, rate = spent > 0 ? (double)p->done / spent : 0;
    double left = rate > 0 ? (double)(p->total - p->done) / rate : 0;

    fprintf(stderr, "%s%s %jd/%jd %s, %.1f/s, %.0f s left%s", p->log->terminal ? "\r" : "", p->what,
            (intmax_t)p->done, (intmax_t)p->total, p->unit, rate, left,
            p->log->terminal ? "\033[K" : "\n");
    p->shown = now;
}

void fb_progress_add(struct fb_progress *p, int64_t n) {
    double now;

    p->done += n;
    if (!p->log || p->log->level < 1) return;
    now = fb_now();
    if (now - p->shown >= (p->log->terminal ? 0.1 : 30.0)) show(p, now);
}

void fb_progress_end(struct fb_progress *p) {
    if (p->log && p->log->level >= 1 && p->log->terminal && p->shown > p->started)
        fprintf(stderr, "\r\033[K");
}
