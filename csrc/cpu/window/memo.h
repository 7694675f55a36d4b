// The prefixes of windows for which a model has been asked, shared by all windows that begin alike:
// a trie. A node is a prefix with the prediction that follows it and, for a native model, the
// context after it.
//
// When there is no room for more, the memo forgets the prefixes that own the fewest codewords, a
// quarter of them or more, and does not keep such prefixes again: by the model's own estimate, a
// prefix that owns n of 2^b codewords begins one in 2^b / n windows. A longer prefix owns fewer, so
// what is left is a trie. What is coded never depends on what the memo holds.
#pragma once

#include <vector>

#include "cpu/memory.h"
#include "cpu/window/kept_shares.h"

namespace eqinfo {

constexpr uint32_t kNoNode = ~uint32_t{0};

// A hash of a node and a symbol, which is below 2^18, so that they do not overlap in the key.
// Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4): the high bits of a
// product with an odd factor. Use the low bits of the result.
inline size_t edge_hash(uint32_t node, uint32_t symbol) {
  const uint64_t key = static_cast<uint64_t>(node) << 18 | symbol;
  return static_cast<size_t>(key * 0x9e3779b97f4a7c15u >> 32);
}

class WindowMemo {
 public:
  // Keeps prefixes in up to `memory` bytes, but at least one prefix; memory is allocated as it
  // fills. `context_bytes` is the size of a model's context, 0 where contexts are not kept.
  WindowMemo(uint32_t window_bits, uint32_t precision, uint32_t alphabet, size_t context_bytes,
             uint64_t memory);

  uint32_t window_bits() const { return window_bits_; }
  uint32_t precision() const { return precision_; }
  uint32_t alphabet() const { return alphabet_; }
  size_t context_bytes() const { return context_bytes_; }
  // Of the largest prediction; a multiple of 8.
  size_t prediction_bytes() const { return prediction_bytes_; }

  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
  int64_t bytes() const;
  int64_t times_full() const { return times_full_; }
  // Whether there is room for `count` more prefixes, whatever their predictions are.
  bool has_room(int64_t count) const;

  // Node 0 is the empty prefix, once there is one.
  const Window& window(uint32_t node) const { return nodes_.data()[node].window; }
  const uint8_t* prediction(uint32_t node) const { return record(node) + context_stride_; }
  const uint8_t* context(uint32_t node) const { return record(node); }
  // The child of a node by a symbol, or kNoNode.
  uint32_t find(uint32_t node, uint32_t symbol) const;
  // All symbols of the prefix.
  void prefix(uint32_t node, std::vector<int32_t>* symbols) const;

  // Makes room for `count` nodes, as far as possible. Returns null, or, if that moved nodes, their
  // new numbers by old number: kNoNode for those forgotten.
  const std::vector<uint32_t>* make_room(int64_t count);
  // Adds a child of a node, which must be new, with its context and the frequencies that follow it;
  // the parent of the empty prefix is kNoNode. Returns the node, or kNoNode where it is not kept.
  uint32_t add(uint32_t parent, uint32_t symbol, const Window& window, const uint8_t* context,
               const uint32_t* frequencies);

  // Writes a prediction as the memo keeps it, from the frequencies that follow the prefix of a
  // window; returns its bytes. `prediction` lies at a multiple of 8.
  size_t keep(const Window& window, const uint32_t* frequencies, uint8_t* prediction) const;
  // window_share and window_decode, on a kept prediction.
  Share share(const Window& window, const uint8_t* prediction, uint32_t symbol) const;
  uint32_t decode(Window* window, const uint8_t* prediction, uint128 codeword) const;
  // visit(symbol, window) for every symbol that fits a prefix.
  template <typename Visit>
  void for_each_child(uint32_t node, Visit visit) const {
    const auto visit_share = [&](uint32_t symbol, const Share& share) {
      if (share.count > 0) visit(symbol, window_child(window(node), share));
      return true;
    };
    if (keeps_shares_) {
      KeptShares(window(node), prediction(node), alphabet_, precision_).for_each(visit_share);
    } else {
      for_each_share(window(node), kept_frequencies(prediction(node)).frequencies, alphabet_,
                     precision_, visit_share);
    }
  }

 private:
  struct Node {
    Window window;
    uint32_t parent;
    uint32_t symbol;
    uint32_t record;  // where it begins, in units of kRecordStep; records are in node order
    uint32_t record_bytes;
  };
  // Including the slots, a quarter to half of which are taken.
  static constexpr uint64_t kNodeBytes = sizeof(Node) + 4 * sizeof(uint32_t);
  static constexpr uint64_t kRecordStep = 8;

  // A kept prediction where the memo does not keep shares.
  SerialRow kept_frequencies(const uint8_t* prediction) const {
    return {reinterpret_cast<const uint32_t*>(prediction), alphabet_};
  }
  uint8_t* record_at(uint64_t place) const {
    return slabs_[place >> slab_bits_].get() + (place & ((uint64_t{1} << slab_bits_) - 1));
  }
  uint8_t* record(uint32_t node) const {
    return record_at(uint64_t{nodes_.data()[node].record} * kRecordStep);
  }
  // Where a record goes, at or after `end`: no record crosses the end of a slab.
  uint64_t record_place(uint64_t end) const {
    const uint64_t slab_end = ((end >> slab_bits_) + 1) << slab_bits_;
    return slab_end - end < most_bytes_ ? slab_end : end;
  }
  uint64_t used() const { return size() * kNodeBytes + records_end_; }
  void insert_slot(uint32_t node);
  void rehash(size_t slots);
  void forget();

  uint32_t window_bits_;
  uint32_t precision_;
  uint32_t alphabet_;
  size_t context_bytes_;
  size_t context_stride_;
  bool keeps_shares_;  // predictions are those of kept_shares.h; otherwise they are frequencies
  size_t prediction_bytes_;
  uint64_t most_bytes_;  // of a record
  uint32_t slab_bits_;
  uint64_t memory_;
  // Windows that share fewer than 2^(least_width - 1) codewords are not kept.
  uint32_t least_width_ = 0;
  int64_t times_full_ = 0;
  Growing<Node> nodes_;
  // The record of each node: its context and its prediction, each padded to a multiple of
  // kRecordStep. Slabs are allocated when they are needed.
  std::vector<AlignedBytes> slabs_;
  uint64_t records_end_ = 0;
  // By hash of parent and symbol: a node, or 0. A power of two in size, at most half full.
  std::vector<uint32_t> slots_;
  std::vector<uint32_t> moved_;
};

}  // namespace eqinfo
