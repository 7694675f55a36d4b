// Greedy longest match on the nodes of a codebook, without its tables. It is slower per byte but
// ready at once, while building the tables takes as long as it takes the walk to parse a megabyte.
#pragma once

#include <vector>

#include "cpu/codebook/tables.h"
#include "cpu/memory.h"

namespace eqinfo {

class NodeWalk {
 public:
  // Nodes that check_nodes has passed; they must outlive the walk.
  explicit NodeWalk(const CodebookNodes& nodes)
      : nodes_(nodes), siblings_(nodes.count, 0), ids_(nodes.count) {
    std::vector<uint32_t> latest(nodes.count);  // by depth
    uint32_t ids = 0;
    for (uint32_t i = 0; i < nodes.count; ++i) {
      const uint32_t depth = nodes.depth[i];
      if (i > 0 && depth <= nodes.depth[i - 1]) siblings_[latest[depth]] = i;
      latest[depth] = i;
      if (depth == 1) first_[nodes.symbol[i]] = i;
      ids_[i] = ids;
      ids += nodes.end[i] != 0;
    }
  }

  // Appends the ids of a text: those of codebook_encode_texts.
  template <typename Id>
  void encode(const uint8_t* text, int64_t bytes, Growing<Id>* ids) const {
    for (int64_t begin = 0; begin < bytes;) {
      uint32_t node = first_[text[begin]];
      uint32_t longest = node;
      int64_t end = begin + 1;
      for (int64_t at = end; at < bytes && (node = child(node, text[at])) != 0;) {
        ++at;
        if (nodes_.end[node]) {
          longest = node;
          end = at;
        }
      }
      *ids->reserve(1) = static_cast<Id>(ids_[longest]);
      ids->advance(1);
      begin = end;
    }
  }

 private:
  // 0 where there is none. Siblings come in the order of their bytes.
  uint32_t child(uint32_t node, uint8_t byte) const {
    if (nodes_.leaf(node)) return 0;
    uint32_t at = node + 1;
    while (nodes_.symbol[at] < byte && siblings_[at] != 0) at = siblings_[at];
    return nodes_.symbol[at] == byte ? at : 0;
  }

  CodebookNodes nodes_;
  uint32_t first_[kBytes];          // by byte: its node
  std::vector<uint32_t> siblings_;  // by node: the next child of its parent, or 0
  std::vector<uint32_t> ids_;       // by node: its id if it has one
};

}  // namespace eqinfo
