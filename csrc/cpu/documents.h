// Documents to which a codebook is fitted, and the tries that result.
#pragma once

#include <cstdint>
#include <vector>

namespace eqinfo {

// Texts, one after the other: document i is text[offsets[i]..offsets[i + 1]). It counts weights[i]
// times, or once where `weights` is null.
struct Documents {
  const uint8_t* text;
  const int64_t* offsets;
  int64_t count;
  const int64_t* weights;
  int64_t weight(int64_t i) const { return weights == nullptr ? 1 : weights[i]; }
};

// The nodes of a trie in depth-first order, the root first: the length and the last byte of each
// string.
struct Nodes {
  const uint32_t* depth;
  const uint8_t* symbol;
  uint32_t count;
};
// The same, with memory of its own.
struct NewNodes {
  std::vector<uint32_t> depth;
  std::vector<uint8_t> symbol;
};

}  // namespace eqinfo
