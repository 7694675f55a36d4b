// Codebook.fit with align="phrase": which sequences of whole words are frequent.
#pragma once

#include "cpu/documents.h"
#include "cpu/stop.h"
#include "cpu/word_loops.h"

namespace eqinfo {

// Finds phrases: sequences of 2 to most_words whole words, of at most max_length bytes, that occur
// at least twice within documents and have no ill-formed bytes. Keeps the `wanted` most frequent
// ones (ties: shorter first, then lexicographic) or all if there are fewer, in lexicographic order.
// Documents count once, whatever their weights.
void count_phrases(const Documents& documents, uint32_t most_words, uint32_t max_length,
                   size_t wanted, WordCounts* phrases, Stop* stop = nullptr);

}  // namespace eqinfo
