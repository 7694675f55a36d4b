// Frequency stage, rule 1: a row of float32 logits becomes integer frequencies f[i] >= 1 that sum
// to T = 2^precision. After the logits are quantised, all arithmetic is on integers
// (docs/determinism.md).
#pragma once

#include <cmath>
#include <limits>

#include "divide.h"
#include "host_device.h"
#include "status.h"
#include "tables/exp2_table.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kMinPrecision = 8;
constexpr uint32_t kMaxPrecision = 24;
constexpr uint32_t kMinAlphabet = 2;
constexpr uint32_t kMaxAlphabet = 1u << 18;
constexpr uint32_t kFrequencyRule = 1;

// 1024 steps per halving of the probability, times log2(e), in float32.
constexpr float kLogitScale = 1477.3197218702985f;
constexpr uint32_t kMaxQuantised = 31 * 1024;
constexpr float kMaxQuantisedLogit = 31.0f * 1024.0f;

// The smallest precision for an alphabet of V symbols: ceil(log2 V) + 4, at least 8. So T >= 16 V:
// the 1 that every symbol gets takes at most a sixteenth of T, and every symbol fits an empty
// window.
EQINFO_HD uint32_t min_precision(uint32_t alphabet) {
  const uint32_t bits = bit_width(alphabet - 1) + 4;
  return bits < kMinPrecision ? kMinPrecision : bits;
}

// rint((max - logit) * 1024 log2 e), clamped to 31 * 1024; -infinity is clamped too. Subnormal
// operands round to 0 whether or not the processor flushes them, so the caller's flush mode does
// not matter.
EQINFO_HD uint32_t quantise_logit(float max, float logit) {
  float scaled = (max - logit) * kLogitScale;
  scaled = scaled < kMaxQuantisedLogit ? scaled : kMaxQuantisedLogit;
#if defined(__CUDA_ARCH__)
  return static_cast<uint32_t>(__float2int_rn(scaled));
#else
  return static_cast<uint32_t>(std::lrintf(scaled));
#endif
}

// The same for logits that are integers, in 1024ths of an octave, and less than 2^31 apart.
EQINFO_HD uint32_t quantise_logit(int32_t max, int32_t logit) {
  const uint32_t below = static_cast<uint32_t>(max) - static_cast<uint32_t>(logit);
  return below < kMaxQuantised ? below : kMaxQuantised;
}

// 2^31 * 2^(-quantised/1024), at least 1 and at most 2^31.
EQINFO_HD uint32_t logit_weight(uint32_t quantised) {
  return kExp2[quantised & 1023u] >> (quantised >> 10);
}

// Computes floor(weight * (T - V) / sum) for every weight <= 2^31 of a row by a multiplication and
// a shift.
//
// With L = bit_width(sum), k = 32 + L and M = ceil(2^k (T - V) / sum) the error of M is below one,
// so
//   weight * M / 2^k - weight * (T - V) / sum < weight / 2^k < 2^-L < 1 / sum,
// which is too little to reach the next integer. M <= 2^33 * 2^24 because sum >= 2^(L-1), so M
// splits into two 32-bit halves and no product below exceeds 64 bits.
struct Reciprocal {
  uint32_t high;
  uint32_t low;
  uint32_t shift;  // k - 32 = L, at least 32 because the largest weight is 2^31
};

EQINFO_HD Reciprocal make_reciprocal(uint64_t sum, uint32_t alphabet, uint32_t precision) {
  const uint64_t scale = (uint64_t{1} << precision) - alphabet;
  const uint32_t width = bit_width(sum);
  const uint128 numerator = static_cast<uint128>(scale) << (32 + width);
  const uint64_t multiplier = divide(numerator + (sum - 1), sum);
  return {static_cast<uint32_t>(multiplier >> 32), static_cast<uint32_t>(multiplier), width};
}

EQINFO_HD uint32_t scale_weight(uint32_t weight, const Reciprocal& reciprocal) {
  const uint64_t high = static_cast<uint64_t>(weight) * reciprocal.high;
  const uint64_t low = static_cast<uint64_t>(weight) * reciprocal.low;
  return static_cast<uint32_t>((high + (low >> 32)) >> reciprocal.shift);
}

// Whether a row can be turned into frequencies; `largest` is the largest of its logits except NaN.
EQINFO_HD Status logit_status(float largest, bool has_nan) {
  if (has_nan) return Status::nan_logit;
  if (largest == std::numeric_limits<float>::infinity()) return Status::infinite_logit;
  if (largest == -std::numeric_limits<float>::infinity()) return Status::no_finite_logit;
  return Status::ok;
}

// The same, and sets *max to the largest logit.
EQINFO_HD Status scan_logits(const float* logits, uint32_t alphabet, float* max) {
  float largest = -std::numeric_limits<float>::infinity();
  bool has_nan = false;
  for (uint32_t i = 0; i < alphabet; ++i) {
    has_nan |= logits[i] != logits[i];
    largest = logits[i] > largest ? logits[i] : largest;
  }
  *max = largest;
  return logit_status(largest, has_nan);
}

EQINFO_HD Status scan_logits(const int32_t* logits, uint32_t alphabet, int32_t* max) {
  int32_t largest = logits[0];
  for (uint32_t i = 1; i < alphabet; ++i) largest = logits[i] > largest ? logits[i] : largest;
  *max = largest;
  return Status::ok;
}

// The plain version. Writes frequencies[0..alphabet), which also serves as scratch memory.
// kMinAlphabet <= alphabet <= kMaxAlphabet, min_precision(alphabet) <= precision <= kMaxPrecision.
template <typename Logit>
EQINFO_HD Status frequency_row(const Logit* logits, uint32_t alphabet, uint32_t precision,
                               uint32_t* frequencies) {
  Logit max{};
  const Status status = scan_logits(logits, alphabet, &max);
  if (status != Status::ok) return status;
  uint64_t sum = 0;
  uint32_t most_probable = alphabet;
  for (uint32_t i = 0; i < alphabet; ++i) {
    const uint32_t quantised = quantise_logit(max, logits[i]);
    if (quantised == 0 && most_probable == alphabet) most_probable = i;
    frequencies[i] = logit_weight(quantised);
    sum += frequencies[i];
  }
  const Reciprocal reciprocal = make_reciprocal(sum, alphabet, precision);
  uint32_t total = 0;
  for (uint32_t i = 0; i < alphabet; ++i) {
    frequencies[i] = 1 + scale_weight(frequencies[i], reciprocal);
    total += frequencies[i];
  }
  frequencies[most_probable] += (uint32_t{1} << precision) - total;
  return Status::ok;
}

// The part of the range that belongs to a symbol: [start, start + frequency) of 2^precision.
struct Interval {
  uint32_t start;
  uint32_t frequency;
};

// A row of frequencies that one thread reads. Coders need sums over the first symbols of a row; GPU
// threads that share a row offer the same functions (csrc/cuda/team.cuh).
struct SerialRow {
  const uint32_t* frequencies;
  uint32_t alphabet;

  EQINFO_HD uint32_t operator[](uint32_t symbol) const { return frequencies[symbol]; }

  // The sum of measure(frequency) over the symbols before `end`.
  template <typename Sum, typename Measure>
  EQINFO_HD Sum sum(uint32_t end, Measure measure) const {
    Sum total = 0;
    for (uint32_t i = 0; i < end; ++i) total += static_cast<Sum>(measure(frequencies[i]));
    return total;
  }

  // The first symbol for which beyond(sum up to and including it) holds, or the last symbol if it
  // never holds; *before is the sum before it. Once `beyond` is true, it stays true.
  template <typename Sum, typename Measure, typename Beyond>
  EQINFO_HD uint32_t first(Measure measure, Beyond beyond, Sum* before) const {
    Sum total = 0;
    uint32_t symbol = 0;
    for (; symbol + 1 < alphabet; ++symbol) {
      const Sum next = total + static_cast<Sum>(measure(frequencies[symbol]));
      if (beyond(next)) break;
      total = next;
    }
    *before = total;
    return symbol;
  }
};

EQINFO_EITHER_SIDE
template <typename Row>
EQINFO_HD Interval symbol_interval(const Row& row, uint32_t symbol) {
  const uint32_t start = row.template sum<uint32_t>(symbol, [](uint32_t f) { return f; });
  return {start, row[symbol]};
}

// The symbol whose interval contains `target` < 2^precision.
EQINFO_EITHER_SIDE
template <typename Row>
EQINFO_HD uint32_t locate_symbol(const Row& row, uint32_t target, Interval* interval) {
  uint32_t start = 0;
  const uint32_t symbol =
      row.first([](uint32_t f) { return f; }, [&](uint32_t end) { return end > target; }, &start);
  *interval = {start, row[symbol]};
  return symbol;
}

// Checks a row of frequencies that came from a model.
EQINFO_HD Status check_frequencies(const uint32_t* frequencies, uint32_t alphabet,
                                   uint32_t precision) {
  // 128 numbers of at most 2^24 do not overflow 32 bits, and compilers vectorize 32-bit sums best.
  constexpr uint32_t kBlock = 128;
  uint64_t total = 0;
  uint32_t zeros = 0;
  uint32_t large = 0;
  for (uint32_t first = 0; first < alphabet; first += kBlock) {
    const uint32_t end = alphabet - first < kBlock ? alphabet : first + kBlock;
    uint32_t sum = 0;
    for (uint32_t i = first; i < end; ++i) {
      zeros += frequencies[i] == 0;
      large |= frequencies[i] >> kMaxPrecision;
      sum += frequencies[i];
    }
    total += sum;
  }
  if (zeros != 0) return Status::zero_frequency;
  // A frequency of exactly 2^24 is too large as well: the others are at least 1.
  return large == 0 && total == uint64_t{1} << precision ? Status::ok : Status::frequency_sum;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
