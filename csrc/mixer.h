// The mixer: predicts the next bit of data that it has read, and learns from every bit. It mixes
// the predictions of many contexts, as PAQ does (Mahoney 2005, "Adaptive Weighing of Context Models
// for Lossless Data Compression"), in integers only. These step functions are the definition; the
// kernels in cpu/mixer/ must equal them.
//
// A byte is eight bits, the most significant first; `node` is 1, followed by the bits so far.
// Probabilities of a one have 16 bits. stretch(p) = ln(p / (1 - p)) in 256ths, squash its inverse.
//
//   inputs      three of each context (slot, history, run), those of order 0, matches and M1, a
//   bias set output  = sum of weight[i] input[i] / 2^14, for four sets of weights, chosen by
//   context output      = sum of set weight[s] set output[s] / 2^16, refined by two interpolated
//   tables
//
// Sums of products are computed modulo 2^32, so their order does not matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tables/mixer_tables.h"

namespace eqinfo {

constexpr uint32_t kMixerVersion = 1;
constexpr uint32_t kBitPrecision = 16;
constexpr uint32_t kHalf = 1u << 15;
constexpr uint32_t kMixerContexts = 12;
constexpr uint32_t kMixerSets = 4;
// Three groups of sixteen: the slots of the contexts, their histories, their runs. The last four of
// the first group are order 0, M1's stretched probability, M1's probability and the bias; those of
// the second belong to the two matches; those of the third are 0.
constexpr uint32_t kGroup = 16;
constexpr uint32_t kMixerInputs = 3 * kGroup;
constexpr int32_t kMaxInput = 2047;
constexpr int32_t kMaxOutput = 2815;
constexpr int32_t kWeightBits = 14;

inline int32_t within(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

inline int32_t stretch(uint32_t probability) { return kStretch[probability >> 4]; }
inline int32_t squash(int32_t value) { return kSquash[within(value, -2816, 2815) + 2816]; }

// What a context knows of one node: the probability of a one minus one half, the recent history of
// its bits, and how many bits it has seen, at most kMaxCount.
struct Slot {
  int16_t probability;
  uint8_t history;
  uint8_t count;
};
constexpr int32_t kMaxCount = 30;

// The slots of the 15 nodes of half a byte. The bucket of a first half also has the byte that
// followed the context last, and how often it did without another in between.
struct Bucket {
  uint16_t check;  // 0 if unused
  uint8_t run_byte;
  uint8_t run_count;
  Slot slots[15];
};
static_assert(sizeof(Bucket) == 64);

inline int32_t slot_input(Slot slot) {
  const int32_t confidence = slot.count == 0 ? 0 : slot.count < 16 ? 80 + 11 * slot.count : 256;
  return (stretch(static_cast<uint32_t>(slot.probability + 32768)) * confidence) >> 8;
}

// 2^bits / (2 count + 3) for each count: the step of a probability towards what happened.
template <uint32_t counts, uint32_t bits>
struct Rates {
  constexpr Rates() {
    for (uint32_t i = 0; i < counts; ++i)
      values[i] = static_cast<int32_t>((1u << bits) / (2 * i + 3));
  }
  int32_t values[counts] = {};
};
constexpr Rates<kMaxCount + 1, 15> kSlotRates;

inline Slot next_slot(Slot slot, uint32_t bit) {
  const int32_t target = bit != 0 ? 32767 : -32768;
  const int32_t change = ((target - slot.probability) * kSlotRates.values[slot.count]) >> 14;
  slot.probability = static_cast<int16_t>(slot.probability + change);
  slot.history = static_cast<uint8_t>(kNextHistory[slot.history] >> (8 * bit));
  if (slot.count < kMaxCount) ++slot.count;
  return slot;
}

// An adaptive probability: 22 bits, then a count of 10 bits, at most kMaxAdaptCount.
using Adaptive = uint32_t;
constexpr uint32_t kMaxAdaptCount = 255;

inline Adaptive adaptive(uint32_t probability) { return probability << 10; }
inline int32_t adaptive_input(Adaptive value) { return stretch(value >> 16); }
constexpr Rates<kMaxAdaptCount + 1, 13> kAdaptRates;

inline Adaptive adapt(Adaptive value, uint32_t bit) {
  const uint32_t count = value & 1023;
  const int32_t old = static_cast<int32_t>(value >> 10);
  const int32_t target = bit != 0 ? 1 << 22 : 0;
  const int32_t change = (((target - old) >> 3) * kAdaptRates.values[count]) >> 9;
  const int32_t probability = within(old + change, 0, (1 << 22) - 1);
  return static_cast<uint32_t>(probability) << 10 | (count < kMaxAdaptCount ? count + 1 : count);
}

// The input of a context whose last `count` bytes were the same, and agree with the node so far; it
// is negative if the next bit of that byte is 0.
inline int32_t run_input(uint32_t count) {
  return count == 0 ? 0 : within(256 + 64 * static_cast<int32_t>(count), 0, kMaxInput);
}

inline int32_t set_output(uint32_t sum) {
  return within(static_cast<int32_t>(sum) >> kWeightBits, -kMaxOutput, kMaxOutput);
}

// Weights learn fast at first. `error` is 2^16 or 0 minus the probability.
inline int32_t learning_rate(uint32_t position) {
  return 32 + static_cast<int32_t>((uint64_t{96} << 14) / ((1 << 14) + uint64_t{position}));
}
inline int32_t weight_step(int32_t error, int32_t rate) {
  return within((error * rate) >> 8, -32767, 32767);
}
inline int16_t next_weight(int16_t weight, int16_t input, int32_t step) {
  return static_cast<int16_t>(
      within(weight + ((input * step + (1 << 14)) >> 15), INT16_MIN, INT16_MAX));
}

// A row of an interpolated table: probabilities of a one at the 23 outputs -2816, -2560, ..., 2816,
// padded.
constexpr uint32_t kRowStride = 32;
inline uint16_t row_start(uint32_t entry) {
  return static_cast<uint16_t>(squash((static_cast<int32_t>(entry) - 11) * 256));
}

inline uint64_t hash(uint64_t value) {
  value *= 0x9E3779B97F4A7C15u;
  value ^= value >> 29;
  value *= 0xBF58476D1CE4E5B9u;
  return value ^ value >> 32;
}

}  // namespace eqinfo
