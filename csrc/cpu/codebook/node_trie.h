// The children of trie nodes by byte, in an open-addressing hash table. It is quick to build, for
// tries that are walked only a few times.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/codebook/fit.h"

namespace eqinfo {

class NodeTrie {
 public:
  explicit NodeTrie(const Nodes& nodes) : parents_(nodes.count, 0) {
    size_t size = 2;
    while (size < size_t{2} * nodes.count) size *= 2;
    slots_.assign(size, {kFree, 0});
    std::vector<uint32_t> path(1, 0);  // by depth: the latest node of that depth
    for (uint32_t i = 1; i < nodes.count; ++i) {
      path.resize(nodes.depth[i]);
      parents_[i] = path.back();
      path.push_back(i);
      *find(key(parents_[i], nodes.symbol[i])) = {key(parents_[i], nodes.symbol[i]), i};
    }
  }

  // The child of a node by a byte, or 0.
  uint32_t child(uint32_t node, uint8_t byte) const {
    const uint32_t wanted = key(node, byte);
    const size_t mask = slots_.size() - 1;
    size_t at = first(wanted) & mask;
    while (slots_[at].key != wanted && slots_[at].key != kFree) at = (at + 1) & mask;
    return slots_[at].key == wanted ? slots_[at].node : 0;
  }
  const std::vector<uint32_t>& parents() const { return parents_; }

 private:
  struct Slot {
    uint32_t key;
    uint32_t node;
  };
  static constexpr uint32_t kFree = ~uint32_t{0};  // no key: nodes are fewer than 2^24

  static uint32_t key(uint32_t node, uint8_t byte) { return node << 8 | byte; }
  static size_t first(uint32_t key) { return (key * uint64_t{0x9e3779b97f4a7c15}) >> 32; }
  Slot* find(uint32_t wanted) {
    const size_t mask = slots_.size() - 1;
    size_t at = first(wanted) & mask;
    while (slots_[at].key != kFree) at = (at + 1) & mask;
    return &slots_[at];
  }

  std::vector<uint32_t> parents_;
  std::vector<Slot> slots_;  // a power of two in size, at most half full
};

}  // namespace eqinfo
