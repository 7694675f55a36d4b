// Texts into ids.
#pragma once

#include "cpu/codebook/tables.h"
#include "cpu/memory.h"

namespace eqinfo {

// Texts, each where its pointer says, or one after the other: text i is
// data[offsets[i]..offsets[i + 1]).
struct Texts {
  const uint8_t* const* pointers;  // null: flat
  const int64_t* sizes;
  const uint8_t* data;
  const int64_t* offsets;
  int64_t count;
  const uint8_t* text(int64_t i) const { return pointers ? pointers[i] : data + offsets[i]; }
  int64_t size(int64_t i) const { return pointers ? sizes[i] : offsets[i + 1] - offsets[i]; }
};
// The greedy parse of every text, appended to `ids`; ends[i] is the length of `ids` after text i.
// Scratch memory is a few bytes for each of the texts' bytes, and at most some MiB a thread.
template <typename Id>
void codebook_encode_texts(const CodebookTables& tables, const Texts& texts, int threads,
                           Growing<Id>* ids, int64_t* ends);
// The same for one text that goes on: from *node on, and the last window stays open.
template <typename Id>
void codebook_encode_part(const CodebookTables& tables, const uint8_t* text, int64_t bytes,
                          int threads, TrieSlot* node, Growing<Id>* ids);
// The parse with the fewest windows; among equals the one with the longest first window, and so on.
// Takes four bytes more for every byte of the longest text a thread has, and time in proportion to
// the length of strings.
template <typename Id>
void codebook_encode_shortest(const CodebookTables& tables, const Texts& texts, int threads,
                              Growing<Id>* ids, int64_t* ends);

}  // namespace eqinfo
