/* override_token.h - the words of an override's value, as Hydra 1.3 cuts them.
 *
 * The longest word wins; of equally long ones the first of number, integer, boolean, null, single
 * character, identifier. White space belongs to the punctuation beside it. Only ASCII may stand
 * outside quotes. */
#ifndef FB_CONFIG_OVERRIDE_TOKEN_H
#define FB_CONFIG_OVERRIDE_TOKEN_H

#include "base/err.h"

#include <stddef.h>

enum fb_token_kind {
    FB_TOKEN_END,
    FB_TOKEN_POPEN,
    FB_TOKEN_PCLOSE,
    FB_TOKEN_COMMA,
    FB_TOKEN_LIST_OPEN,
    FB_TOKEN_LIST_CLOSE,
    FB_TOKEN_MAP_OPEN,
    FB_TOKEN_MAP_CLOSE,
    FB_TOKEN_EQUAL,
    FB_TOKEN_QUOTED,
    /* From here on: what an unquoted value may be made of. */
    FB_TOKEN_COLON,
    FB_TOKEN_INTERPOLATION,
    /* From here on: what a mapping key may be made of. */
    FB_TOKEN_REAL,
    FB_TOKEN_INT,
    FB_TOKEN_BOOL,
    FB_TOKEN_NULL,
    FB_TOKEN_CHAR,
    FB_TOKEN_ID,
    FB_TOKEN_ESCAPE, /* one or more of \\ \( \) \[ \] \{ \} \: \= \, "\ " */
    FB_TOKEN_SPACE,
};

struct fb_token {
    enum fb_token_kind kind;
    size_t at, size; /* bytes of the line */
};

/* The token at byte `at` of the zero-terminated line. FB_ECONFIG for a character or an unclosed
 * quote that no token begins with. */
int fb_token_read(struct fb_token *out, const char *line, size_t at,
                  struct fb_err *err) FB_MUST_CHECK;

/* Length of an identifier (letters, digits, '_', '-', not beginning with a digit or '-') and of an
 * unsigned integer ("0", "12", "1_000") at `p`; 0 if there is none. */
size_t fb_token_id(const char *p);
size_t fb_token_unsigned(const char *p);

/* FB_ECONFIG: "override '<line>': <words> (column N)" and the line with a caret below it. */
int fb_override_fail(struct fb_err *err, const char *line, size_t at, const char *format, ...)
    FB_PRINTF(4, 5);

#endif
