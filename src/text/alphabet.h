/* alphabet.h - the 256 printable characters that byte-level vocabularies write bytes with.
 *
 * The bytes 33-126, 161-172 and 174-255 stand for themselves as code points; the other 68 take
 * U+0100, U+0101 ... in their order ("Ġ" is the space). Source: bytes_to_unicode of GPT-2. */
#ifndef FB_TEXT_ALPHABET_H
#define FB_TEXT_ALPHABET_H

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

enum { FB_ALPHABET_BYTES = 2 }; /* the longest UTF-8 form of a character of the alphabet */

uint32_t fb_alphabet_char(unsigned char byte);
/* The byte a character stands for, or -1. */
int fb_alphabet_byte(uint32_t point);
/* Appends the characters of the bytes: " a" becomes "Ġa". */
int fb_alphabet_append(struct fb_str *out, const char *bytes, size_t size,
                       struct fb_err *err) FB_MUST_CHECK;
/* Appends the bytes that a piece stands for; a piece with a character outside the alphabet is
 * appended as it is. */
int fb_alphabet_append_bytes(struct fb_str *out, const char *piece,
                             struct fb_err *err) FB_MUST_CHECK;

#endif
