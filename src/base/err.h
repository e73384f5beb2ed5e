/* err.h - how a failure travels.
 *
 * A function that can fail returns FB_OK (0) or a negative fb_code and takes `struct fb_err *err`,
 * never NULL, as its last parameter. The place that detects a failure writes the found value and
 * the limit with fb_fail; each layer that knows more puts its words in front with fb_context, so a
 * message reads from the outside in:
 *
 *     expert 'sst2': safetensors '/m/model.safetensors': header claims 900 bytes, file has 40
 *
 * The buffer is fixed: reporting a failure never allocates, so it works when memory is gone and
 * inside a parallel region (each thread with its own struct). */
#ifndef FB_BASE_ERR_H
#define FB_BASE_ERR_H

#if defined(__GNUC__)
#define FB_PRINTF(at, first) __attribute__((format(printf, at, first)))
#define FB_MUST_CHECK        __attribute__((warn_unused_result))
#else
#define FB_PRINTF(at, first)
#define FB_MUST_CHECK
#endif

enum fb_code {
    FB_OK = 0,
    FB_EUSAGE = -1,       /* the command line is wrong: exit status 2 */
    FB_ECONFIG = -2,      /* a configuration key or value is wrong */
    FB_EFORMAT = -3,      /* a file does not hold what its format demands */
    FB_EIO = -4,          /* the operating system refused */
    FB_ENOMEM = -5,       /* memory ran out */
    FB_ENOTFOUND = -6,    /* a file, model, tensor or name does not exist */
    FB_EMISMATCH = -7,    /* inputs do not fit each other */
    FB_EUNSUPPORTED = -8, /* understood and refused */
    FB_EINTERRUPTED = -9, /* the user asked to stop */
};

struct fb_err {
    int code; /* FB_OK or an fb_code */
    char msg[4096];
};

/* Records `code` and the message; returns `code`. Replaces what was recorded before. */
int fb_fail(struct fb_err *err, int code, const char *format, ...) FB_PRINTF(3, 4);

/* Puts "<words>: " in front of the recorded message; returns the recorded code. */
int fb_context(struct fb_err *err, const char *format, ...) FB_PRINTF(2, 3);

/* FB_EIO (FB_ENOTFOUND for ENOENT) with "<words>: <strerror(errno)>". */
int fb_fail_errno(struct fb_err *err, const char *format, ...) FB_PRINTF(2, 3);

#endif
