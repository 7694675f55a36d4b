// Codebook.fit: counting strings and pruning them.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/documents.h"
#include "cpu/stop.h"

namespace eqinfo {

// The positions from which strings are counted in a round: where windows begin if all of `nodes`
// have ids or, if `nodes` is null, every `stride`-th byte of each document.
struct FitStarts {
  const Nodes* nodes;
  int64_t stride;
};
// Finds the 2^window_bits strings of a round: the empty string, all bytes, and the most frequent
// strings of 2 to max_length bytes that lie within a document (ties: shorter first, then
// lexicographic). If those are too few, strings that do not occur follow, shorter first, then
// lexicographic. max_length must allow 2^window_bits strings.
void fit_codebook(const Documents& documents, const FitStarts& starts, uint32_t window_bits,
                  uint32_t max_length, NewNodes* result, Stop* stop = nullptr);

// How many more windows one counts for that is a phrase and ends inside a word. Higher costs make
// such windows rarer, and all windows shorter.
constexpr int64_t kCutPhraseCost = 2;

// Measures what each node is worth to the greedy parses of documents when some nodes have ids.
class Pruner {
 public:
  // The documents must outlive the object, which takes 4 bytes per byte of them. Every byte must be
  // a node. Where `phrases` is not null, phrases[node] says which nodes are phrases: a window that
  // ends on one inside a word counts 1 + kCutPhraseCost times.
  Pruner(const Documents& documents, const Nodes& nodes, const uint8_t* phrases, int threads,
         Stop* stop = nullptr);

  // Returns the number of windows, by weight, if the nodes with has_id[node] have ids; every byte
  // must be one of them. For each window that ends on a node of more than one byte, losses[node]
  // grows by how many more windows the rest of the document takes if this one window ends on the
  // next shorter string instead. For each longer string without an id that would match, gains[node]
  // grows by how many fewer windows the rest takes if this one window ends there. Both may be
  // negative.
  int64_t measure(const uint8_t* has_id, int64_t* losses, int64_t* gains,
                  Stop* stop = nullptr) const;

  uint32_t nodes() const { return static_cast<uint32_t>(depth_.size()); }

 private:
  // What a window costs that begins at a position and is as long as the string of a node.
  int64_t cost(int64_t position, uint32_t node) const {
    if (phrases_.empty() || phrases_[node] == 0) return 1;
    return word_ends_[position + depth_[node]] ? 1 : 1 + kCutPhraseCost;
  }

  Documents documents_;
  int threads_;
  std::vector<uint8_t> phrases_;  // by node; empty if there are none
  std::vector<bool> word_ends_;   // by position, where there are phrases
  std::vector<uint32_t> depth_;
  std::vector<uint32_t> parents_;
  std::vector<uint32_t> longest_;  // by position in the text: the longest node that matches there
};

}  // namespace eqinfo
