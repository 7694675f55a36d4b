// Loops of the word rule: where words end, and which words occur in documents.
#pragma once

#include "cpu/documents.h"
#include "cpu/stop.h"
#include "word.h"

namespace eqinfo {

// Finds where words end; the last word ends with the text.
void find_word_ends(const uint8_t* text, int64_t bytes, std::vector<int64_t>* ends,
                    Stop* stop = nullptr);

// The distinct words of documents in order of first appearance, one after the other, and how often
// each occurs.
struct WordCounts {
  std::vector<uint8_t> text;
  std::vector<int64_t> offsets;
  std::vector<int64_t> counts;
};
void count_words(const Documents& documents, WordCounts* words, Stop* stop = nullptr);

// The same, without weights, and the numbers of the words that the documents consist of; kNoWord
// ends each document.
constexpr uint32_t kNoWord = ~uint32_t{0};
void number_words(const Documents& documents, WordCounts* words, std::vector<uint32_t>* numbers,
                  Stop* stop = nullptr);

// allowed[node]: whether the node's string consists of whole characters without a word end between
// them, is a piece of one character, or has at most one byte.
void find_strings_within_words(const Nodes& nodes, uint8_t* allowed, Stop* stop);

}  // namespace eqinfo
