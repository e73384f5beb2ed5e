/* sentencepiece.h - the library SentencePiece, which speaks C++, as a peer to measure against. */
#ifndef FB_BENCH_SENTENCEPIECE_H
#define FB_BENCH_SENTENCEPIECE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pieces; /* owned: pieces_close */

/* Opens a spiece.model; NULL if that fails. */
struct pieces *pieces_open(const char *path);
void pieces_close(struct pieces *p);
/* The ids of a text and of its end, borrowed until the next call; NULL if that fails. */
const int *pieces_encode(struct pieces *p, const char *text, size_t size, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
