// Walks over pieces of text, many side by side: a walk waits for one slot of the trie after the
// other, so one alone leaves the processor idle most of the time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "codebook.h"

namespace eqinfo {

constexpr int64_t kUnderWay = -1;

// A walk over a piece of text, to be done (`node` is where it begins) or done (where it ended).
template <typename Id>
struct Walk {
  const uint8_t* text;
  int64_t bytes;
  TrieSlot node;
  Id* ids;        // room for `bytes`, and for the windows that lie open at `node`
  int64_t count;  // of the ids; kUnderWay until the walk is done
};

// The walk that is under way in a lane.
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

// Out of the loop's way.
template <typename Id>
__attribute__((noinline)) TrieSlot close_windows(const Trie& trie, TrieSlot node, uint8_t byte,
                                                 Id** ids) {
  return codebook_close(trie, node, byte, ids);
}

// The slot that a byte leads to: `longer`, if it has that byte, and then *after becomes `ids`; else
// `other`. Neither may be a branch, which would go wrong once a window, and compilers make one of
// it in time; on x86-64 we say so ourselves, with one comparison for both.
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

// codebook_encode for one byte of each of N lanes, `bytes` times. Ids are written at every byte and
// kept where the window closes, and both slots are loaded before the choice. Only what a slot has
// no room for is a branch, and rare.
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
  // Not a multiple of 4 KiB: what lanes read and write would share the sets of the first-level
  // cache.
  static constexpr int64_t kMaxPieceBytes = (int64_t{1} << 15) + 704;

  explicit LaneWalker(const Trie& trie) : trie_(trie) {}
  bool full() const { return busy_ == kLanes; }
  bool empty() const { return busy_ == 0; }
  void add(Walk<Id>* walk) { resume({walk, walk->text, walk->bytes, walk->node, walk->ids}); }
  void resume(const Lane<Id>& lane) {
    if (lane.bytes == 0) {
      finish_walk(lane);
    } else {
      lanes_[busy_++] = lane;
    }
  }
  // Goes on until one walk is done at least, if there is one.
  void run() {
    if (empty()) return;
    if (full()) {
      walk_some<kLanes>();
    } else if (busy_ > 1) {
      walk_some<2>();
    } else {
      walk_some<1>();
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
// Walks in the 64-bit lanes of AVX-512 vectors, for ids of 16 bits. A lane with at least kSteps
// bytes of text before it goes on by itself; what is left of a walk then is walked in scalar code.
class VectorWalker {
 public:
  static constexpr int kWidth = 8;
  static constexpr int kVectors = 6;
  static constexpr int kLanes = kWidth * kVectors;
  static constexpr int64_t kMaxPieceBytes = (int64_t{1} << 14) + 704;

  // At the instruction set in use, and on this processor.
  static bool available();
  explicit VectorWalker(const Trie& trie) : trie_(trie), rest_(trie) {}
  bool full() const { return busy_ == kLanes; }
  void add(Walk<uint16_t>* walk);
  // Goes on until one walk is done at least, if there is one.
  void run();

 private:
  using Id = uint16_t;
  // Steps between two looks at where the lanes stand; no more bytes of text are taken in.
  static constexpr int kSteps = 8;

  void walk_blocks();
  void take_back(int vector, unsigned lanes, const uint64_t* closed);
  void go_on(int lane);
  bool at_end(int lane) const { return texts_[lane] > last_[lane]; }
  bool is_set(const uint8_t* lanes, int lane) const {
    return (lanes[lane / kWidth] >> lane % kWidth & 1) != 0;
  }
  Lane<Id> take_out(int lane);

  Trie trie_;
  // By lane, and as addresses: its node, the next byte of text, the last one from which kSteps
  // bytes can be read, and where the next id goes.
  alignas(64) uint64_t nodes_[kLanes] = {};
  alignas(64) uint64_t texts_[kLanes] = {};
  alignas(64) uint64_t last_[kLanes] = {};
  alignas(64) uint64_t ids_[kLanes] = {};
  // One bit a lane: those with a walk, those that cannot go on by themselves, and by step of the
  // last block those that took in a byte.
  uint8_t active_[kVectors] = {};
  uint8_t waiting_[kVectors];
  uint8_t matches_[kSteps][kVectors];
  Walk<Id>* walks_[kLanes];
  int busy_ = 0;
  LaneWalker<Id> rest_;  // the last walks, too few for vectors
};
#endif

}  // namespace eqinfo
