#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fb_fail(struct fb_err *err, int code, const char *format, ...) {
    va_list args;

    va_start(args, format);
    vsnprintf(err->msg, sizeof err->msg, format, args);
    va_end(args);
    err->code = code;
    return code;
}

int fb_context(struct fb_err *err, const char *format, ...) {
    char words[1024];
    size_t n, have = strlen(err->msg);
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words - 2, format, args);
    va_end(args);
    n = strlen(words);
    words[n++] = ':';
    words[n++] = ' ';
    /* The outermost words matter most: when both do not fit, the inner message loses its end. */
    if (have > sizeof err->msg - 1 - n) have = sizeof err->msg - 1 - n;
    memmove(err->msg + n, err->msg, have);
    memcpy(err->msg, words, n);
    err->msg[n + have] = '\0';
    return err->code;
}

int fb_fail_errno(struct fb_err *err, const char *format, ...) {
    int number = errno;
    char words[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return fb_fail(err, number == ENOENT ? FB_ENOTFOUND : FB_EIO, "%s: %s", words,
                   strerror(number));
}
