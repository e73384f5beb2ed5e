#include "sentencepiece.h"

#include <sentencepiece_processor.h>

#include <new>
#include <vector>

struct pieces {
    sentencepiece::SentencePieceProcessor processor;
    std::vector<int> ids;
};

struct pieces *pieces_open(const char *path) {
    struct pieces *p = new (std::nothrow) pieces;

    if (p && p->processor.Load(path).ok() && p->processor.SetEncodeExtraOptions("eos").ok())
        return p;
    delete p;
    return nullptr;
}

void pieces_close(struct pieces *p) {
    delete p;
}

const int *pieces_encode(struct pieces *p, const char *text, size_t size, size_t *count) {
    if (!p->processor.Encode({text, size}, &p->ids).ok()) return nullptr;
    *count = p->ids.size();
    return p->ids.data();
}
