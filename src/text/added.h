/* added.h - tokens that are recognised in a text before it is split into words.
 *
 * The text is cut by a trie over characters, one pass, longest match first, then the flags move
 * blanks and joins between neighbours. Both follow the reference's slow tokenizers step by step,
 * oddities included (a partial match that began earlier may swallow a shorter one). */
#ifndef FB_TEXT_ADDED_H
#define FB_TEXT_ADDED_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FB_ADDED_MAX = 1 << 20,      /* tokens */
    FB_ADDED_BYTES_MAX = 4096,   /* of one token */
    FB_ADDED_NODES_MAX = 1 << 24 /* of the trie */
};

struct fb_added_token {
    int32_t id;
    bool lstrip, rstrip; /* eats the blanks on its left, right */
    bool single_word;    /* counts only between spaces */
    bool cuts;           /* is looked for; otherwise only a whole segment can be it */
};

struct fb_added_edge; /* of the trie, by node and character */

struct fb_added_node {
    int32_t token; /* that ends here, or -1 */
};

/* A zeroed struct is empty. Immutable once filled: any number of threads may cut texts. */
struct fb_added {
    struct fb_added_token *token; /* owned */
    struct fb_added_node *node;   /* owned; node 0 is the root */
    struct fb_added_edge *edge;   /* owned: a hash table */
    size_t tokens, nodes, edges, token_capacity, node_capacity, slots;
    bool starts[256]; /* first bytes of the tokens that cut */
    int starts_count;
    unsigned char start; /* the only one, when there is one */
};

struct fb_segment {
    const char *text; /* borrowed from the text, or equal to `owned` */
    size_t size;
    int32_t token; /* index of the token it is, or -1 */
    char *owned;
};

/* Kept between texts; one per thread. A zeroed struct is empty. */
struct fb_segments {
    struct fb_segment *item;
    size_t count, capacity;
    struct fb_added_room *room;
};

/* Adds a token with the text content[0, size), valid UTF-8; a text that is there already is
 * replaced. An empty one is ignored. */
int fb_added_add(struct fb_added *a, const char *content, size_t size, struct fb_added_token token,
                 struct fb_err *err) FB_MUST_CHECK;
/* Index of the token whose text this is, or -1. */
int32_t fb_added_find(const struct fb_added *a, const char *text, size_t size);
/* False when no token can begin anywhere in the text: a quick test. */
bool fb_added_may_occur(const struct fb_added *a, const char *text, size_t size);
/* Cuts a text (valid UTF-8) into out->item[0, out->count), borrowed until the next call; segments
 * may be empty. */
int fb_added_cut(const struct fb_added *a, struct fb_segments *out, const char *text, size_t size,
                 struct fb_err *err) FB_MUST_CHECK;
void fb_added_free(struct fb_added *a);
void fb_segments_free(struct fb_segments *s);

#endif
