// Encodes texts to ids.
#pragma once

#include "cpu/codebook/tables.h"
#include "cpu/memory.h"
#include "cpu/stop.h"

namespace eqinfo {

// Texts, each at its own pointer, or one after the other: text i is
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
// Scratch memory is a few bytes per byte of text, and at most a few MiB per thread.
template <typename Id>
void codebook_encode_texts(const CodebookTables& tables, const Texts& texts, int threads,
                           Growing<Id>* ids, int64_t* ends, Stop* stop = nullptr);
// The same for one text of at most kMaxShortBytes bytes, without further memory but 16 KiB of the
// stack: writes the ids, with room for `bytes` of them, and returns their number.
constexpr int64_t kMaxShortBytes = 4096;
template <typename Id>
int64_t codebook_encode_short(const CodebookTables& tables, const uint8_t* text, int64_t bytes,
                              Id* ids);
// The same for a part of a text: the walk starts at *node, and the last window stays open at *node.
template <typename Id>
void codebook_encode_part(const CodebookTables& tables, const uint8_t* text, int64_t bytes,
                          int threads, TrieSlot* node, Growing<Id>* ids, Stop* stop = nullptr);
// The parse with the fewest windows; among equal ones, the one with the longest first window, and
// so on. Needs four more bytes per byte of the longest text of each thread, and time in proportion
// to the length of the strings.
template <typename Id>
void codebook_encode_shortest(const CodebookTables& tables, const Texts& texts, int threads,
                              Growing<Id>* ids, int64_t* ends, Stop* stop = nullptr);

}  // namespace eqinfo
