// Data as literals and matches: copies of what came earlier (Ziv and Lempel 1977). Literals are
// bytes, or ids of a codebook, of which two tables guess the next one from those before. Everything
// is coded with tables that follow the counts of what was coded before, by a range variant of
// asymmetric numeral systems (Duda 2013), of two states in turn. These step functions are the
// definition; the loops are in cpu/lz77/.
#pragma once

#include <cstdint>

#include "host_device.h"

namespace eqinfo {

// Numbers: those below 16 have a code of their own. For others, a code says how many bits they have
// and the two bits after the first one; the rest is written as it is.
constexpr uint32_t kNumberCodes = 96;
constexpr uint32_t kMaxLz77Bytes = 1u << 23;

struct Number {
  uint32_t code;
  uint32_t bits;  // of the rest
  uint32_t rest;
};

EQINFO_HD Number number_of(uint32_t value) {
  if (value < 16) return {value, 0, 0};
  const uint32_t bits = bit_width(value) - 3;
  return {16 + (bits - 2) * 4 + (value >> bits) % 4, bits, value & ((1u << bits) - 1u)};
}
EQINFO_HD uint32_t rest_bits(uint32_t code) { return code < 16 ? 0 : (code - 16) / 4 + 2; }
EQINFO_HD uint32_t number_value(uint32_t code, uint32_t rest) {
  return code < 16 ? code : (4 + code % 4) << rest_bits(code) | rest;
}

// Literals, then a match; at the end of the data, maybe only literals, and `length` is 0.
struct Sequence {
  uint32_t literals;
  uint32_t length;
  uint32_t distance;  // back to the copied bytes, which may overlap those that are written
};
constexpr uint32_t kMinMatch = 3;

// The last three distances, which have codes of their own, before those of numbers.
constexpr uint32_t kRecent = 3;
constexpr uint32_t kDistanceCodes = kRecent + kNumberCodes;

struct RecentDistances {
  uint32_t distances[kRecent] = {1, 2, 3};

  // Which one it is; kRecent if it is none of them.
  EQINFO_HD uint32_t find(uint32_t distance) const {
    uint32_t at = 0;
    while (at < kRecent && distances[at] != distance) ++at;
    return at;
  }
  // Moves it to the front, from where it was, or from outside where at = kRecent.
  EQINFO_HD void use(uint32_t distance, uint32_t at) {
    for (uint32_t i = at < kRecent ? at : kRecent - 1; i > 0; --i) distances[i] = distances[i - 1];
    distances[0] = distance;
  }
};

// Which table has the lengths and the distances of matches.
constexpr uint32_t kLengthContexts = 2;
constexpr uint32_t kDistanceContexts = 8;
EQINFO_HD uint32_t length_context(uint32_t literals) { return literals == 0 ? 0 : 1; }
EQINFO_HD uint32_t distance_context(uint32_t length) {
  const uint32_t context = (length - kMinMatch) / 4;
  return context < kDistanceContexts ? context : kDistanceContexts - 1;
}

// Tables of few symbols. A table is used for kFirstUses symbols, every further one for twice as
// many as the one before, up to kLastUses.
constexpr uint32_t kTablePrecision = 14;
constexpr uint32_t kSymbolWeight = 16;
constexpr uint32_t kFirstUses = 8;
constexpr uint32_t kLastUses = 1024;

// Sets starts[i] to the sum of the frequencies of the symbols before i, for i = 0..symbols. Symbol
// i, which occurred counts[i] times, gets the frequency 1 + its share of the rest of
// 2^kTablePrecision, rounded down; the first of the most frequent ones gets what remains.
EQINFO_HD void table_starts(const uint32_t* counts, uint32_t symbols, uint32_t total,
                            uint16_t* starts) {
  const uint32_t rest = (1u << kTablePrecision) - symbols;
  const uint64_t sum = symbols + uint64_t{kSymbolWeight} * total;
  const uint64_t share = (uint64_t{rest} << 32) / sum;  // of a weight of 1, in 2^-32
  uint32_t most = 0;
  uint32_t most_counted = counts[0];
  uint32_t start = 0;
  for (uint32_t i = 0; i < symbols; ++i) {
    const uint32_t count = counts[i];
    starts[i] = static_cast<uint16_t>(start);
    start += 1 + static_cast<uint32_t>(((1 + uint64_t{kSymbolWeight} * count) * share) >> 32);
    if (count > most_counted) {
      most_counted = count;
      most = i;
    }
  }
  const uint32_t left = (1u << kTablePrecision) - start;
  for (uint32_t i = most + 1; i < symbols; ++i) {
    starts[i] = static_cast<uint16_t>(starts[i] + left);
  }
  starts[symbols] = 1u << kTablePrecision;
}

// A guess of the next id: the one that followed last where it was made, unless another one did so
// more often.
struct Guess {
  uint16_t id = 0;
  uint16_t hits = 0;  // 0: no guess
};
constexpr uint32_t kMaxHits = 5;
constexpr uint32_t kGuessBits = 16;

EQINFO_HD void learn(Guess* guess, uint16_t id) {
  if (guess->id == id && guess->hits > 0) {
    if (guess->hits < kMaxHits) ++guess->hits;
  } else if (guess->hits > 2) {
    guess->hits = static_cast<uint16_t>(guess->hits / 2);
  } else {
    *guess = {id, 1};
  }
}
// Where the guess from the last two ids lies; that from the last one lies at the id itself.
EQINFO_HD uint32_t pair_index(uint16_t last, uint16_t before) {
  return ((last * 0x9E3779B1u) ^ (before * 0x85EBCA77u)) * 0xC2B2AE3Du >> (32 - kGuessBits);
}

// How an id is coded: as the guess of the last two ids, as that of the last one, or as itself.
constexpr uint32_t kOutcomes = 3;
enum Outcome : uint32_t { kPairHit, kLastHit, kMiss };
constexpr uint32_t kOutcomeContexts = 2 * (kMaxHits + 1) * (kMaxHits + 1);
EQINFO_HD uint32_t outcome_context(Guess pair, Guess last) {
  const uint32_t same = pair.id == last.id ? 1 : 0;
  return (pair.hits * (kMaxHits + 1) + last.hits) * 2 + same;
}
EQINFO_HD Outcome outcome_of(Guess pair, Guess last, uint16_t id) {
  if (pair.hits > 0 && pair.id == id) return kPairHit;
  return last.hits > 0 && last.id == id ? kLastHit : kMiss;
}

// The coder. Symbols are decoded in the order in which they were given, so they are encoded from
// the last to the first; the states change places after each one.
constexpr uint64_t kLeastState = uint64_t{1} << 31;
constexpr uint32_t kStates = 2;
constexpr uint32_t kStateBytes = 8;
constexpr uint32_t kAnsWordBytes = 4;

// An interval of 2^precision; 0 < frequency < 2^precision.
struct AnsInterval {
  uint32_t start;
  uint32_t frequency;
  uint32_t precision;  // at most 24
};

// Whether a word has to be written first: the lower half of the state, which is then shifted out.
EQINFO_HD bool ans_is_full(uint64_t state, AnsInterval interval) {
  return state >= uint64_t{interval.frequency} << (63 - interval.precision);
}
EQINFO_HD uint64_t ans_encode(uint64_t state, AnsInterval interval) {
  const uint64_t quotient = state / interval.frequency;
  return (quotient << interval.precision) + (state - quotient * interval.frequency) +
         interval.start;
}
EQINFO_HD uint32_t ans_slot(uint64_t state, uint32_t precision) {
  return static_cast<uint32_t>(state) & ((1u << precision) - 1u);
}
// If the result is less than kLeastState, the next word is appended to it.
EQINFO_HD uint64_t ans_advance(uint64_t state, AnsInterval interval) {
  return interval.frequency * (state >> interval.precision) +
         (ans_slot(state, interval.precision) - interval.start);
}

}  // namespace eqinfo
