// Codebook: a window code of at most 20 bits as a table of strings. The strings are the nodes of a
// trie. 2^window_bits of them have an id: the empty string (id 0), every byte, every leaf, and all
// others that a window may end on. The nodes without an id ("passing nodes") only lead to longer
// strings; a codebook that is closed under prefixes has none. Nodes and ids are numbered in
// lexicographic order, which is the depth-first order of the trie, so the ids below a node are a
// run. Encoding is greedy longest match.
#pragma once

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kMinCodebookBits = 9;
constexpr uint32_t kMaxCodebookBits = 20;
constexpr uint32_t kMaxNodes = 1u << 21;
constexpr uint32_t kBytes = 256;

// A slot of the trie, which is a double array (Aoe 1989): byte c leads from a node to slot children
// + c if the byte of that slot is c. No two nodes have the same `children`, so the byte alone tells
// whose slot it is. Nodes without children share one offset that no other node has; the root's
// offset is 0. No offset is 255 modulo 256, so slot s is free if its byte is s + 1 modulo 256.
//
// A byte that does not lengthen the window closes one window, that of id `value`, and continues
// from the children at `fallback`: for a node with an id, those of the root; for a passing node,
// what its Failure says. Where that closes more than one window, or does not fit here, `fallback`
// is kNowhere, from which no byte leads anywhere, and `value` is no_value.
struct TrieSlot {
  uint64_t bits;  // children, fallback, value, byte
};
constexpr uint32_t kByteBits = 8;
constexpr uint32_t kChildrenBits = 22;
constexpr uint32_t kMaxSlots = 1u << kChildrenBits;
constexpr uint32_t kNowhere = 1;  // an offset that no node has

// Ids of at most 16 bits leave more room for `fallback`. One bit of a value is no_value.
template <typename Id>
EQINFO_HD constexpr uint32_t value_bits() {
  return (sizeof(Id) == 2 ? 16 : kMaxCodebookBits) + 1;
}
template <typename Id>
EQINFO_HD constexpr uint32_t fallback_bits() {
  return 64 - kChildrenBits - value_bits<Id>() - kByteBits;
}
template <typename Id>
EQINFO_HD constexpr uint32_t no_value() {
  return 1u << (value_bits<Id>() - 1);
}

EQINFO_HD uint8_t slot_byte(TrieSlot slot) { return static_cast<uint8_t>(slot.bits); }
template <typename Id>
EQINFO_HD uint32_t slot_value(TrieSlot slot) {
  return static_cast<uint32_t>(slot.bits >> kByteBits) & ((1u << value_bits<Id>()) - 1u);
}
template <typename Id>
EQINFO_HD uint32_t slot_fallback(TrieSlot slot) {
  return static_cast<uint32_t>(slot.bits >> (kByteBits + value_bits<Id>())) &
         ((1u << fallback_bits<Id>()) - 1u);
}
EQINFO_HD uint32_t slot_children(TrieSlot slot) {
  return static_cast<uint32_t>(slot.bits >> (64 - kChildrenBits));
}
template <typename Id>
EQINFO_HD TrieSlot make_slot(uint32_t children, uint32_t fallback, uint32_t value, uint8_t byte) {
  const uint64_t low = uint64_t{value} << kByteBits | byte;
  return {uint64_t{children} << (64 - kChildrenBits) |
          uint64_t{fallback} << (kByteBits + value_bits<Id>()) | low};
}

// Where a walk is at the start of a text.
constexpr TrieSlot kTrieRoot{0};

// What a walk does when the next byte does not lead from a passing node to a child: it closes
// `count` windows and continues at `next`, the node that a walk through the remaining bytes reaches
// (Song et al., "Fast WordPiece Tokenization", 2021, after Aho and Corasick). `next` is nearer to
// the root.
struct Failure {
  TrieSlot next;
  uint32_t pop;  // the id of the window if count = 1, otherwise where their ids begin in `pops`
  uint32_t count;
};

constexpr uint32_t kHasId = uint32_t{1} << 31;

struct Trie {
  const TrieSlot* slots;  // readable at every children + 255
  // By `children`: the number of the node's failure, or kHasId | its id. For nodes without
  // children, the id of any of them.
  const uint32_t* closing;
  const Failure* failures;
  const uint32_t* pops;
};

EQINFO_HD uint32_t slot_closing(const Trie& trie, TrieSlot node) {
  return trie.closing[slot_children(node)];
}

template <typename Id>
EQINFO_HD void write_pops(const Trie& trie, const Failure& failure, Id** ids) {
  if (failure.count == 1) {
    *(*ids)++ = static_cast<Id>(failure.pop);
    return;
  }
  for (uint32_t i = 0; i < failure.count; ++i) {
    *(*ids)++ = static_cast<Id>(trie.pops[failure.pop + i]);
  }
}

// Closes windows until `byte`, which does not lengthen the window of `node`, lengthens one; returns
// where it leads. Writes the ids and moves *ids past them. The root has a child for every byte.
template <typename Id>
EQINFO_HD TrieSlot codebook_close(const Trie& trie, TrieSlot node, uint8_t byte, Id** ids) {
  for (uint32_t at = slot_closing(trie, node); at < kHasId; at = slot_closing(trie, node)) {
    write_pops(trie, trie.failures[at], ids);
    node = trie.failures[at].next;
    const TrieSlot longer = trie.slots[slot_children(node) + byte];
    if (slot_byte(longer) == byte) return longer;
  }
  *(*ids)++ = static_cast<Id>(slot_value<Id>(node));
  return trie.slots[byte];
}

// Reads one byte: the plain walk. It never writes more ids than it has read bytes.
template <typename Id>
EQINFO_HD void codebook_encode(const Trie& trie, TrieSlot* node, uint8_t byte, Id** ids) {
  const TrieSlot longer = trie.slots[slot_children(*node) + byte];
  *node = slot_byte(longer) == byte ? longer : codebook_close(trie, *node, byte, ids);
}

// Ends a text: closes the open window.
template <typename Id>
EQINFO_HD void codebook_finish(const Trie& trie, TrieSlot* node, Id** ids) {
  for (uint32_t at = slot_closing(trie, *node); at < kHasId; at = slot_closing(trie, *node)) {
    write_pops(trie, trie.failures[at], ids);
    *node = trie.failures[at].next;
  }
  if (slot_value<Id>(*node) != 0) *(*ids)++ = static_cast<Id>(slot_value<Id>(*node));
  *node = kTrieRoot;
}

// A string is stored as a tail, its last 1 to kTailBytes bytes, and the string before the tail,
// whose length is a multiple of kTailBytes. So a chain of 2^20 nodes takes no more room than 2^20
// tails. A string of one tail is stored as the word tail << kSizeBits | bytes, a longer one as
// number << kSizeBits | kLong.
constexpr uint32_t kTailBytes = 32;
constexpr uint32_t kSizeBits = 6;
constexpr uint32_t kLong = (1u << kSizeBits) - 1u;
constexpr uint8_t kLongSize = 128;
static_assert(uint64_t{kMaxNodes} * kTailBytes <= uint64_t{1} << (32 - kSizeBits), "a tail fits");

struct LongString {
  uint32_t tail;    // offset in `tails`
  uint32_t length;  // of the whole string, in bytes
  uint32_t before;  // word of the string before the tail
};

struct Strings {
  const uint32_t* words;  // by id
  const uint8_t* sizes;   // by id: bytes of a string of one tail, otherwise kLongSize
  const LongString* longs;
  const uint8_t* tails;  // readable kTailBytes past any tail's offset
  uint32_t count;
};

EQINFO_HD uint32_t string_length(const Strings& strings, uint32_t word) {
  const uint32_t size = word & kLong;
  return size == kLong ? strings.longs[word >> kSizeBits].length : size;
}

// Writes a string so that it ends at `end`, tail by tail, the last tail first.
EQINFO_HD void codebook_write(const Strings& strings, uint32_t word, uint8_t* end) {
  for (;;) {
    const bool more = (word & kLong) == kLong;
    uint32_t tail = word >> kSizeBits;
    uint32_t bytes = word & kLong;
    if (more) {
      const LongString& string = strings.longs[tail];
      tail = string.tail;
      bytes = (string.length - 1) % kTailBytes + 1;
      word = string.before;
    }
    end -= bytes;
    for (uint32_t i = 0; i < bytes; ++i) end[i] = strings.tails[tail + i];
    if (!more) return;
  }
}

// floor(weight * frequency / 2^precision), exact for weights up to 2^kRootWeightBits: 100 + 24 bits
// fit. Codebook.optimal orders strings by these integers instead of by their probabilities.
constexpr uint32_t kRootWeightBits = 100;

EQINFO_HD uint128 child_weight(uint128 weight, uint32_t frequency, uint32_t precision) {
  return (weight * frequency) >> precision;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
