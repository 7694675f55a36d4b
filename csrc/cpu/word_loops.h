// Loops of the word rule: where words end, and which words documents have.
#pragma once

#include "cpu/documents.h"
#include "word.h"

namespace eqinfo {

// Where words end, the last one where the text does.
void find_word_ends(const uint8_t* text, int64_t bytes, std::vector<int64_t>* ends);

// The different words of documents in order of their first appearance, one after the other, and how
// often each appears.
struct WordCounts {
  std::vector<uint8_t> text;
  std::vector<int64_t> offsets;
  std::vector<int64_t> counts;
};
void count_words(const Documents& documents, WordCounts* words);

// allowed[node]: its string is whole characters without a word end between them, or a piece of one
// character, or has at most one byte.
void find_strings_within_words(const Nodes& nodes, uint8_t* allowed);

}  // namespace eqinfo
