// What both directions of lz77 keep while they work: the tables and the guesses. Only tables that
// `decode` find the symbol of a slot; the others need less memory and time.
#pragma once

#include <algorithm>
#include <vector>

#include "counted_frequency.h"
#include "cpu/range_coder_loops.h"
#include "lz77.h"

namespace eqinfo {

// A table of few symbols, which follows the counts of those before.
template <uint32_t symbols, bool decodes>
class SymbolTable {
 public:
  SymbolTable() { build(); }
  AnsInterval interval(uint32_t symbol) const {
    const uint32_t start = starts_[symbol];
    return {start, starts_[symbol + 1] - start, kTablePrecision};
  }
  uint32_t symbol_at(uint32_t slot) const {
    static_assert(decodes);
    uint32_t symbol = buckets_[slot >> kBucketShift];
    while (starts_[symbol + 1] <= slot) ++symbol;
    return symbol;
  }
  void count(uint32_t symbol) {
    ++counts_[symbol];
    if (--left_ > 0) return;
    total_ += uses_;
    uses_ = std::min(2 * uses_, kLastUses);
    left_ = uses_;
    build();
  }

 private:
  static constexpr uint32_t kBucketShift = 6;

  void build() {
    table_starts(counts_, symbols, total_, starts_);
    if (!decodes) return;
    uint32_t symbol = 0;
    for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
      while (starts_[symbol + 1] <= bucket << kBucketShift) ++symbol;
      buckets_[bucket] = static_cast<uint8_t>(symbol);
    }
  }

  static constexpr uint32_t kBuckets = 1u << (kTablePrecision - kBucketShift);
  uint32_t left_ = kFirstUses;
  uint32_t uses_ = kFirstUses;
  uint32_t total_ = 0;
  uint32_t counts_[symbols] = {};
  uint16_t starts_[symbols + 1];
  uint8_t buckets_[decodes ? kBuckets : 1];  // the symbol that has the first slot of each
};

// For sequences.
template <bool decodes>
struct SequenceTables {
  SymbolTable<kNumberCodes, decodes> literals;
  SymbolTable<kNumberCodes, decodes> lengths[kLengthContexts];
  SymbolTable<kDistanceCodes, decodes> distances[kDistanceContexts];
  RecentDistances recent;
};

// For literals that are bytes: a table for each byte before.
template <bool decodes>
using ByteTables = std::vector<SymbolTable<256, decodes>>;

// Ids that no guess hits, as in codec "ranged" of docs/format.md.
template <bool decodes>
class IdTable {
 public:
  explicit IdTable(uint32_t ids)
      : counts_(ids),
        starts_(size_t{ids} + 1),
        buckets_(decodes ? (size_t{1} << kBucketBits) + 1 : 0),
        all_{counts_.data(), ids} {
    build();
  }
  IdTable(const IdTable&) = delete;
  IdTable& operator=(const IdTable&) = delete;

  AnsInterval interval(uint32_t id) const {
    return {starts_[id], starts_[id + 1] - starts_[id], kCountedPrecision};
  }
  uint32_t id_at(uint32_t slot) const {
    static_assert(decodes);
    uint32_t id = buckets_[slot >> (kCountedPrecision - kBucketBits)];
    while (starts_[id + 1] <= slot) ++id;
    return id;
  }
  void prefetch(uint32_t id) const {
    __builtin_prefetch(&counts_[id], 1);
    __builtin_prefetch(&starts_[id]);
  }
  void count(uint32_t id) {
    count_id(&all_, id);
    if (--left_ > 0) return;
    run_ = std::min(2 * run_, kLastRun);
    left_ = run_;
    build();
  }

 private:
  void build() {
    counted_starts(all_, starts_.data());
    if (!decodes) return;
    static_buckets(starts_.data(), all_.ids, kCountedPrecision, buckets_.data());
  }

  int64_t run_ = kFirstRun;
  int64_t left_ = kFirstRun;
  std::vector<uint32_t> counts_;
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> buckets_;
  IdCounts all_;
};

// For literals that are ids.
template <bool decodes>
class IdTables {
 public:
  explicit IdTables(uint32_t ids) : misses(ids), last_(ids), pair_(size_t{1} << kGuessBits) {}

  Guess pair() const { return pair_[pair_at_]; }
  Guess last() const { return last_[last_id_]; }
  // Asks for what `id` after `before` needs soon.
  void prefetch(uint16_t id, uint16_t before) const {
    __builtin_prefetch(&pair_[pair_index(id, before)], 1);
    __builtin_prefetch(&last_[id], 1);
    misses.prefetch(id);
  }
  void learn_next(uint16_t id) {
    learn(&pair_[pair_at_], id);
    learn(&last_[last_id_], id);
    pair_at_ = pair_index(id, last_id_);
    last_id_ = id;
  }

  SymbolTable<kOutcomes, decodes> outcomes[kOutcomeContexts];
  IdTable<decodes> misses;

 private:
  std::vector<Guess> last_;  // by the last id
  std::vector<Guess> pair_;  // by pair_index of the last two
  uint16_t last_id_ = 0;
  uint32_t pair_at_ = 0;
};

}  // namespace eqinfo
