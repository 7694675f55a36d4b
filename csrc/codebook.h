// Codebook: a window code of at most 20 bits as a table of its 2^window_bits strings, all bytes and
// the empty string among them and every prefix of a string too. Ids are in lexicographic order,
// which is the depth-first order of the trie, so an id's subtree is a run of ids. Encoding is
// greedy longest match: since every prefix has an id, a mismatch closes the window where it stands
// and nothing is read twice.
#pragma once

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kMinCodebookBits = 9;
constexpr uint32_t kMaxCodebookBits = 20;
constexpr uint32_t kBytes = 256;

// A slot of the trie, which is a double array (Aoe 1989): byte c leads from a node to slot children
// + c, if the byte of that slot is c. No two nodes have the same `children`, so the byte alone
// tells whose slot it is; nodes without children share one offset that belongs to nobody. The
// root's is 0.
struct TrieSlot {
  uint32_t children;
  uint32_t id_and_byte;  // id << kByteBits | byte; byte = kNoByte where the slot is free
};
constexpr uint32_t kByteBits = 9;
constexpr uint32_t kNoByte = kBytes;

EQINFO_HD uint32_t slot_id(TrieSlot slot) { return slot.id_and_byte >> kByteBits; }
EQINFO_HD uint32_t slot_byte(TrieSlot slot) { return slot.id_and_byte & ((1u << kByteBits) - 1u); }

// Where a walk stands at the start of a text.
constexpr TrieSlot kTrieRoot{0, kNoByte};

// Takes in one byte. True where it closes the window: its id is that of `node` before the call. The
// root has a child for every byte, so no empty window is ever closed. `slots` is readable at every
// children + 255. Both slots are loaded before the choice, so that it compiles to conditional
// moves: a branch would go wrong once a window.
EQINFO_HD bool codebook_encode(const TrieSlot* slots, TrieSlot* node, uint8_t byte) {
  const TrieSlot first = slots[byte];
  const TrieSlot longer = slots[node->children + byte];
  const bool closes = slot_byte(longer) != byte;
  node->children = closes ? first.children : longer.children;
  node->id_and_byte = closes ? first.id_and_byte : longer.id_and_byte;
  return closes;
}

// Strings are kept as their tails: the last 1 to kTailBytes bytes, and a link to the prefix before
// them, whose length is a multiple of kTailBytes. So a chain of 2^20 nodes takes no more room than
// 2^20 tails.
constexpr uint32_t kTailBytes = 32;

struct Entry {
  uint32_t tail;    // offset in `tails`
  uint32_t length;  // of the whole string, in bytes
};

struct Strings {
  const Entry* entries;   // by id
  const uint32_t* links;  // by id: the prefix before the tail, 0 where there is none
  const uint8_t* tails;   // readable kTailBytes past any tail's offset
  uint32_t count;
};

EQINFO_HD uint32_t tail_length(uint32_t length) {
  return length == 0 ? 0 : (length - 1) % kTailBytes + 1;
}

// Writes the string of `id`, which ends at `end`, tail by tail from the last.
EQINFO_HD void codebook_write(const Strings& strings, uint32_t id, uint8_t* end) {
  while (id != 0) {
    const Entry entry = strings.entries[id];
    const uint32_t bytes = tail_length(entry.length);
    end -= bytes;
    for (uint32_t i = 0; i < bytes; ++i) end[i] = strings.tails[entry.tail + i];
    id = strings.links[id];
  }
}

// floor(weight * frequency / 2^precision), exact for weight <= kRootWeight: 100 + 24 bits fit.
// Codebook.optimal orders strings by these integers instead of their probabilities.
constexpr uint32_t kRootWeightBits = 100;

EQINFO_HD uint128 child_weight(uint128 weight, uint32_t frequency, uint32_t precision) {
  return (weight * frequency) >> precision;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
