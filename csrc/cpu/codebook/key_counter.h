// Counts of keys, in an open-addressing hash table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace eqinfo {

template <typename Key, typename Count>
class KeyCounter {
 public:
  KeyCounter() : slots_(size_t{1} << 16) {}

  // Adds `weight` > 0 to the count of a key and returns the key's number in order of first
  // appearance.
  uint32_t add(Key key, Count weight) {
    Slot* slot = find(key);
    slot->count += weight;
    if (slot->count > weight) return slot->number;
    slot->key = key;
    const uint32_t number = slot->number = distinct_++;
    if (2 * size_t{distinct_} > slots_.size()) grow();
    return number;
  }
  uint32_t distinct() const { return distinct_; }
  // Calls visit(number, key, count) for every key, in no particular order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.count > 0) visit(slot.number, slot.key, slot.count);
    }
  }
  void clear() {
    for (Slot& slot : slots_) slot.count = 0;
    distinct_ = 0;
  }

 private:
  struct Slot {
    Key key = 0;
    uint32_t number = 0;
    Count count = 0;  // 0: free
  };
  Slot* find(Key key) {
    const size_t mask = slots_.size() - 1;
    size_t at = ((key * uint64_t{0x9e3779b97f4a7c15}) >> 32) & mask;
    while (slots_[at].count > 0 && slots_[at].key != key) at = (at + 1) & mask;
    return &slots_[at];
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.count > 0) *find(slot.key) = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two in size, at most half full
  uint32_t distinct_ = 0;
};

}  // namespace eqinfo
