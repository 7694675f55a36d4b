// Walks over pieces of text, many in parallel: a walk waits for one slot of the trie after another,
// so a single one leaves the processor idle most of the time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "codebook.h"

namespace eqinfo {

constexpr int64_t kUnderWay = -1;

// A walk over a piece of text. `node` is where it begins and, once it is done, where it ended.
template <typename Id>
struct Walk {
  const uint8_t* text;
  int64_t bytes;
  TrieSlot node;
  Id* ids;        // room for `bytes` ids, and for those of the windows that are open at `node`
  int64_t count;  // number of ids; kUnderWay until the walk is done
};

// The walk that a lane is working on.
template <typename Id>
struct Lane {
  Walk<Id>* walk;
  const uint8_t* text;
  int64_t bytes;
  TrieSlot node;
  Id* ids;
};

template <typename Id>
void finish_walk(const Lane<Id>& lane) {
  lane.walk->node = lane.node;
  lane.walk->count = lane.ids - lane.walk->ids;
}

// Rare, so it is kept out of the loop.
template <typename Id>
__attribute__((noinline)) TrieSlot close_windows(const Trie& trie, TrieSlot node, uint8_t byte,
                                                 Id** ids) {
  return codebook_close(trie, node, byte, ids);
}

// The slot that a byte leads to: `longer` if it has that byte, and then *after becomes `ids`;
// otherwise `other`. Neither choice may be a branch, which would be mispredicted once per window.
// Compilers eventually make one, so x86-64 has assembly, with one comparison for both choices.
template <typename Id>
inline uint64_t choose(uint8_t byte, uint64_t longer, uint64_t other, Id* ids, Id** after) {
#if defined(__x86_64__)
  asm("cmpb %b[longer], %b[byte]\n\tcmoveq %[longer], %[next]\n\tcmoveq %[ids], %[after]"
      : [next] "+r"(other), [after] "+r"(*after)
      : [byte] "r"(byte), [longer] "r"(longer), [ids] "r"(ids)
      : "cc");
  return other;
#else
  const uint64_t differs = -static_cast<uint64_t>(static_cast<uint8_t>(longer) != byte);
  *after = ids + (differs & 1);
  return longer ^ ((longer ^ other) & differs);
#endif
}

// codebook_encode for one byte of each of N lanes, `bytes` times. An id is written at every byte
// and kept where the window closes, and both slots are loaded before the choice. The only branch is
// for what does not fit a slot, which is rare.
template <int N, typename Id>
void walk_lanes(const Trie& trie, Lane<Id>* lanes, int64_t bytes) {
  TrieSlot nodes[N];
  Id* ids[N];
  const uint8_t* texts[N];
  for (int k = 0; k < N; ++k) {
    nodes[k] = lanes[k].node;
    ids[k] = lanes[k].ids;
    texts[k] = lanes[k].text;
  }
  const TrieSlot* const slots = trie.slots;
  for (int64_t i = 0; i < bytes; ++i) {
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) {
      const uint8_t byte = texts[k][i];
      const TrieSlot node = nodes[k];
      const uint64_t longer = slots[slot_children(node) + byte].bits;
      const uint64_t other = slots[slot_fallback<Id>(node) + byte].bits;
      *ids[k] = static_cast<Id>(slot_value<Id>(node));
      Id* after = ids[k] + 1;
      const uint64_t next = choose(byte, longer, other, ids[k], &after);
      if (__builtin_expect(static_cast<uint8_t>(next) != byte, 0)) {
        Id* end = ids[k];
        nodes[k] = close_windows(trie, node, byte, &end);
        ids[k] = end;
        continue;
      }
      ids[k] = after;
      nodes[k].bits = next;
    }
  }
  for (int k = 0; k < N; ++k) {
    lanes[k].node = nodes[k];
    lanes[k].ids = ids[k];
    lanes[k].text += bytes;
    lanes[k].bytes -= bytes;
  }
}

// Walks in scalar lanes.
template <typename Id>
class LaneWalker {
 public:
  static constexpr int kLanes = 6;
  // Not a multiple of 4 KiB, so that what the lanes read and write does not compete for the same
  // sets of the first-level cache.
  static constexpr int64_t kMaxPieceBytes = (int64_t{1} << 15) + 704;

  explicit LaneWalker(const Trie& trie) : trie_(trie) {}
  bool full() const { return busy_ == kLanes; }
  void add(Walk<Id>* walk) { resume({walk, walk->text, walk->bytes, walk->node, walk->ids}); }
  void resume(const Lane<Id>& lane) {
    if (lane.bytes == 0) {
      finish_walk(lane);
    } else {
      lanes_[busy_++] = lane;
    }
  }
  // Continues until at least one walk is done, if there is one.
  void run() {
    switch (busy_) {
      case 0:
        return;
      case 1:
        return walk_some<1>();
      case 2:
        return walk_some<2>();
      case 3:
        return walk_some<3>();
      case 4:
        return walk_some<4>();
      case 5:
        return walk_some<5>();
      default:
        return walk_some<kLanes>();
    }
  }

 private:
  template <int N>
  void walk_some() {
    int64_t bytes = lanes_[0].bytes;
    for (int k = 1; k < N; ++k) bytes = std::min(bytes, lanes_[k].bytes);
    walk_lanes<N>(trie_, lanes_, bytes);
    for (int k = N; k-- > 0;) {
      if (lanes_[k].bytes > 0) continue;
      finish_walk(lanes_[k]);
      lanes_[k] = lanes_[--busy_];
    }
  }

  Trie trie_;
  Lane<Id> lanes_[kLanes];
  int busy_ = 0;
};

#if defined(__x86_64__)
// Walks in the 64-bit lanes of AVX-512 vectors, where walks_in_vectors. A lane continues in vectors
// while at least kSteps bytes of its text are left; the rest of a walk is done in scalar code.
template <typename Id>
class VectorWalker {
 public:
  static constexpr int kWidth = 8;
  static constexpr int kVectors = 6;
  static constexpr int kLanes = kWidth * kVectors;
  static constexpr int64_t kMaxPieceBytes = (int64_t{1} << 14) + 704;

  explicit VectorWalker(const Trie& trie);
  VectorWalker(const VectorWalker&) = delete;
  VectorWalker& operator=(const VectorWalker&) = delete;
  bool full() const { return busy_ == kLanes; }
  void add(Walk<Id>* walk);
  // Continues until at least one walk is done, if there is one.
  void run();

 private:
  // Steps between two checks of the lanes, which is the most bytes of text that a lane reads
  // between.
  static constexpr int kSteps = 8;

  // How far before it is read text is fetched, and how many of all lanes may wait for others.
  static constexpr uint64_t kAheadBytes = 256;
  static constexpr int kPatience = 4;

  void make_idle(int lane);
  void walk_blocks();
  void go_on(int lane);
  bool at_end(int lane) const { return texts_[lane] > last_[lane]; }
  bool is_active(int lane) const { return (active_[lane / kWidth] >> lane % kWidth & 1) != 0; }
  Lane<Id> take_out(int lane);

  Trie trie_;
  // By lane: its node and, as addresses, the next byte of text, the last byte from which kSteps
  // bytes can be read, and where the next id goes.
  alignas(64) uint64_t nodes_[kLanes] = {};
  alignas(64) uint64_t texts_[kLanes] = {};
  alignas(64) uint64_t last_[kLanes] = {};
  alignas(64) uint64_t ids_[kLanes] = {};
  // One bit per lane: whether it has a walk, and whether it cannot continue in vectors.
  uint8_t active_[kVectors] = {};
  uint64_t waiting_;
  // What lanes without a walk read and write.
  uint64_t idle_text_ = 0;
  uint64_t idle_ids_[2];
  Walk<Id>* walks_[kLanes];
  int busy_ = 0;
  LaneWalker<Id> rest_;  // for the last walks, too few for vectors
};
#endif

}  // namespace eqinfo
