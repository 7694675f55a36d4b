// The prefixes of windows that a model has been asked about, for all windows that begin alike: a
// trie. A node is a prefix with its prediction and, for a native model, the context behind it.
//
// When there is no room for more, the memo forgets the prefixes that own the fewest codewords, a
// quarter of them or more, and does not take such in again: a prefix that owns n of 2^b codewords
// begins one of 2^b / n windows, as far as the model knows. The longer prefix owns fewer, so what
// is left is a trie. What is coded never depends on what the memo knows.
#pragma once

#include <memory>
#include <vector>

#include "cpu/memory.h"
#include "cpu/window/kept_row.h"

namespace eqinfo {

constexpr uint32_t kNoNode = ~uint32_t{0};

// Of a node and a symbol below 2^18, which do not overlap. An odd factor, the high bits (Knuth,
// The Art of Computer Programming 3, 6.4); take the low ones of the result.
inline size_t edge_hash(uint32_t node, uint32_t symbol) {
  const uint64_t key = static_cast<uint64_t>(node) << 18 | symbol;
  return static_cast<size_t>(key * 0x9e3779b97f4a7c15u >> 32);
}

class WindowMemo {
 public:
  // Prefixes are kept in up to `memory` bytes, but at least one; it is taken as it fills.
  // `context_bytes`: of a model's context, 0 where none is kept.
  WindowMemo(uint32_t window_bits, uint32_t precision, uint32_t alphabet, size_t context_bytes,
             uint64_t memory);

  uint32_t window_bits() const { return window_bits_; }
  uint32_t precision() const { return precision_; }
  uint32_t alphabet() const { return alphabet_; }
  size_t context_bytes() const { return context_bytes_; }
  // At most; a multiple of 8.
  size_t row_bytes() const { return row_bytes_; }

  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
  int64_t bytes() const;
  int64_t times_full() const { return times_full_; }
  // Whether so many more prefixes can be remembered, whatever their rows are.
  bool has_room(int64_t count) const;

  // Node 0 is the empty prefix, once there is one.
  const Window& window(uint32_t node) const { return nodes_.data()[node].window; }
  const uint8_t* row(uint32_t node) const { return record(node) + context_stride_; }
  const uint8_t* context(uint32_t node) const { return record(node); }
  // The child of a node by a symbol, or kNoNode.
  uint32_t find(uint32_t node, uint32_t symbol) const;
  // All symbols of the prefix.
  void prefix(uint32_t node, std::vector<int32_t>* symbols) const;

  // Makes room for `count` nodes, as far as there can be. If that moved nodes, returns where they
  // are now, by node: kNoNode for those forgotten. Else null.
  const std::vector<uint32_t>* make_room(int64_t count);
  // Remembers a child, which must be new, of a node (kNoNode and any symbol: the empty prefix):
  // its context and the frequencies behind it. kNoNode where it is not worth it.
  uint32_t add(uint32_t parent, uint32_t symbol, const Window& window, const uint8_t* context,
               const uint32_t* frequencies);

  // Writes a row as it is kept, from the frequencies behind the prefix of a window, to a multiple
  // of 8; returns its bytes.
  size_t keep(const Window& window, const uint32_t* frequencies, uint8_t* row) const;
  // window_share and window_decode on a kept row.
  Share share(const Window& window, const uint8_t* row, uint32_t symbol) const;
  uint32_t decode(Window* window, const uint8_t* row, uint128 codeword) const;
  // visit(symbol, window) for every symbol that fits a prefix.
  template <typename Visit>
  void for_each_child(uint32_t node, Visit visit) const {
    const auto visit_share = [&](uint32_t symbol, const Share& share) {
      if (share.count > 0) visit(symbol, window_child(window(node), share));
      return true;
    };
    if (narrow_) {
      KeptRow(window(node), row(node), alphabet_, precision_).for_each(visit_share);
    } else {
      for_each_share(window(node), wide_row(row(node)).frequencies, alphabet_, precision_,
                     visit_share);
    }
  }

 private:
  struct Node {
    Window window;
    uint32_t parent;
    uint32_t symbol;
    uint32_t record;  // where it begins, in units of kRecordStep; in the order of nodes
    uint32_t record_bytes;
  };
  // With the slots, of which a quarter to a half is taken.
  static constexpr uint64_t kNodeBytes = sizeof(Node) + 4 * sizeof(uint32_t);
  static constexpr uint64_t kRecordStep = 8;

  // Of a precision above kMaxKeptPrecision.
  SerialRow wide_row(const uint8_t* row) const {
    return {reinterpret_cast<const uint32_t*>(row), alphabet_};
  }
  uint8_t* record_at(uint64_t place) const {
    return slabs_[place >> slab_bits_].get() + (place & ((uint64_t{1} << slab_bits_) - 1));
  }
  uint8_t* record(uint32_t node) const {
    return record_at(uint64_t{nodes_.data()[node].record} * kRecordStep);
  }
  // Where a record goes, at or behind `end`: none crosses the end of a slab.
  uint64_t place_behind(uint64_t end) const {
    const uint64_t slab_end = ((end >> slab_bits_) + 1) << slab_bits_;
    return slab_end - end < most_bytes_ ? slab_end : end;
  }
  uint64_t used() const { return size() * kNodeBytes + records_end_; }
  void place(uint32_t node);
  void rehash(size_t slots);
  void forget();

  uint32_t window_bits_;
  uint32_t precision_;
  uint32_t alphabet_;
  size_t context_bytes_;
  size_t context_stride_;
  bool narrow_;  // rows are those of window_row.h; else frequencies
  size_t row_bytes_;
  uint64_t most_bytes_;  // of a record
  uint32_t slab_bits_;
  uint64_t memory_;
  // Windows that share fewer than 2^(least_width - 1) codewords are not kept.
  uint32_t least_width_ = 0;
  int64_t times_full_ = 0;
  Growing<Node> nodes_;
  // Of each node its record: the context and the row, each made a multiple of kRecordStep. Slabs
  // are taken when they are needed.
  std::vector<AlignedBytes> slabs_;
  uint64_t records_end_ = 0;
  // By hash of parent and symbol, a node, or 0; a power of two, at most half of them taken.
  std::vector<uint32_t> slots_;
  std::vector<uint32_t> moved_;
};

}  // namespace eqinfo
