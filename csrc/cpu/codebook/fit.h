// Codebook.fit: counting strings and pruning them.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/documents.h"

namespace eqinfo {

// Where the strings of a round are counted: where windows begin if every one of `nodes` has an id,
// or, where that is null, at every `stride`-th byte of each document.
struct FitStarts {
  const Nodes* nodes;
  int64_t stride;
};
// The 2^window_bits strings of a round: the empty one, all bytes, and the most frequent ones of 2
// to max_length bytes that lie within a document (ties: shorter first, then lexicographic). Where
// there are too few, missing strings follow, shorter first, then lexicographic. There must be
// 2^window_bits strings of at most max_length bytes.
void fit_codebook(const Documents& documents, const FitStarts& starts, uint32_t window_bits,
                  uint32_t max_length, NewNodes* result);

// What each node is worth to the greedy parses of documents when some nodes have ids.
class Pruner {
 public:
  // The documents stay where they are; 4 bytes more for each of their bytes. All bytes are nodes.
  Pruner(const Documents& documents, const Nodes& nodes, int threads);

  // Returns the number of windows, by weight, if nodes with has_id[node] have ids, all bytes among
  // them. Where a window ends on a node of more than one byte, losses[node] grows by the windows
  // that the rest of the document takes more if this one window ends on the next shorter string
  // instead; where a longer string with no id would match, gains[node] grows by the windows that
  // the rest takes less if this one window ends there. Both may be below 0.
  int64_t measure(const uint8_t* has_id, int64_t* losses, int64_t* gains) const;

  uint32_t nodes() const { return static_cast<uint32_t>(depth_.size()); }

 private:
  Documents documents_;
  int threads_;
  std::vector<uint32_t> depth_;
  std::vector<uint32_t> parents_;
  std::vector<uint32_t> longest_;  // by position: the longest node that matches there
};

}  // namespace eqinfo
