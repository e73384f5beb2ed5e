/* charsmap.h - the precompiled normalisation of a SentencePiece model, and what is done to spaces.
 *
 * The map is a double array of byte strings and the strings that replace them (SentencePiece's
 * normalizer.cc, Darts-clone). It is applied as the library `tokenizers` 0.20 does: to each
 * grapheme cluster of up to five bytes as a whole, else to its characters, and a shorter entry
 * wins over a longer one. */
#ifndef FB_TEXT_CHARSMAP_H
#define FB_TEXT_CHARSMAP_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Owned: fb_charsmap_free. A zeroed struct maps nothing. */
struct fb_charsmap {
    uint32_t *unit; /* [units] of the double array */
    size_t units;
    char *text; /* the replacements, each ended by a zero */
    size_t size;
    bool plain[128]; /* characters that stay as they are */
};

/* u32 bytes of the double array, the array, the replacements; all little-endian. An empty blob maps
 * nothing. FB_EFORMAT when sizes do not fit. */
int fb_charsmap_read(struct fb_charsmap *m, const void *blob, size_t size,
                     struct fb_err *err) FB_MUST_CHECK;
void fb_charsmap_free(struct fb_charsmap *m);

/* Appends the normalised text (valid UTF-8 in, and out unless the map is broken). */
int fb_charsmap_apply(const struct fb_charsmap *m, struct fb_str *out, const char *text,
                      size_t size, struct fb_err *err) FB_MUST_CHECK;

#endif
