/* grapheme.h - user-perceived characters: extended grapheme clusters of UAX #29.
 *
 * Rules GB3 to GB5, GB9, GB9a, GB9b and GB11. Clusters of conjoining Hangul, of Indic conjuncts and
 * of regional indicators have at least six bytes, which is all that the callers ask; here they fall
 * apart into pieces. */
#ifndef FB_TEXT_GRAPHEME_H
#define FB_TEXT_GRAPHEME_H

#include <stddef.h>

/* Bytes of the first cluster of text[0, size), valid UTF-8, size > 0. */
size_t fb_grapheme_next(const char *text, size_t size);

#endif
