// Documents that a codebook is fitted to, and the tries that come of them.
#pragma once

#include <cstdint>
#include <vector>

namespace eqinfo {

// Texts one after the other; document i is text[offsets[i]..offsets[i + 1]), and counts as often as
// weights[i] says, or once where there are no weights.
struct Documents {
  const uint8_t* text;
  const int64_t* offsets;
  int64_t count;
  const int64_t* weights;
  int64_t weight(int64_t i) const { return weights == nullptr ? 1 : weights[i]; }
};

// Nodes of a trie in depth-first order, the root first: length and last byte of their strings.
struct Nodes {
  const uint32_t* depth;
  const uint8_t* symbol;
  uint32_t count;
};
// The same, made.
struct NewNodes {
  std::vector<uint32_t> depth;
  std::vector<uint8_t> symbol;
};

}  // namespace eqinfo
