// A prediction as the window engine keeps it, with the window that it is for, and the window code
// on it: what window.h computes, in another order, so that a row is passed over 16 symbols at a
// time.
//
// Kept rows are frequencies less one. They are below 2^16 where the precision is at most 16, and
// the alphabet then has at most 2^12 symbols; rows of a higher precision are kept as they are.
#pragma once

#include <algorithm>

#include "window.h"

namespace eqinfo {

constexpr uint32_t kMaxKeptPrecision = 16;
constexpr uint32_t kMaxKeptAlphabet = 1u << (kMaxKeptPrecision - 4);
constexpr uint32_t kRowStride = 16;
constexpr uint32_t kMaxStrides = kMaxKeptAlphabet / kRowStride;

// What apportion answers for the window of a row, where it shares fewer codewords than 2^precision;
// then follow the frequencies less one.
struct KeptRow {
  uint32_t threshold;
  uint32_t ties;

  uint16_t* values() { return reinterpret_cast<uint16_t*>(this + 1); }
  const uint16_t* values() const { return reinterpret_cast<const uint16_t*>(this + 1); }
};

// Passes over a kept row of one instruction set, the same source for all. Strides are
// kRowStride symbols each, the last one what is left.
struct RowKernels {
  void (*keep)(const uint32_t* frequencies, uint32_t alphabet, uint16_t* values);
  // sums[k]: of the frequencies of stride k, over so many symbols.
  void (*sum)(const uint16_t* values, uint32_t symbols, uint32_t* sums);
  // window.h's apportion.
  Apportionment (*apportion)(const uint16_t* values, uint32_t alphabet, uint32_t precision,
                             uint32_t seats);
  // sums[k]: the codewords of stride k that are certain; ties[k]: symbols at the threshold.
  void (*seat)(const uint16_t* values, uint32_t symbols, const Apportionment& seats, uint32_t* sums,
               uint32_t* ties);
};

const RowKernels& row_kernels();

// Shares of the next symbols of a window.
class KeptShares {
 public:
  KeptShares(const Window& window, const KeptRow& row, uint32_t alphabet, uint32_t precision)
      : kernels_(row_kernels()),
        window_(window),
        values_(row.values()),
        alphabet_(alphabet),
        precision_(precision),
        proportional_((window.shared >> precision) != 0),
        seats_{proportional_ ? 0u : static_cast<uint32_t>(window.shared), precision, row.threshold,
               row.ties} {}

  // As window_share.
  Share of(uint32_t symbol) {
    pass(0, symbol / kRowStride * kRowStride);
    Position at{0, seats_.ties};
    for (uint32_t stride = 0; stride < symbol / kRowStride; ++stride) at = behind(at, stride);
    for (uint32_t i = symbol / kRowStride * kRowStride; i < symbol; ++i) at = behind_symbol(at, i);
    return share(at, symbol);
  }

  // The symbol whose share holds `target`, which is below window.shared.
  uint32_t locate(uint128 target, Share* found) {
    Position at{0, seats_.ties};
    uint32_t stride = 0;
    for (; (stride + 1) * kRowStride < alphabet_; ++stride) {
      if (stride % kStridesAtOnce == 0) {
        const uint32_t begin = stride * kRowStride;
        pass(begin, std::min(alphabet_, begin + kStridesAtOnce * kRowStride));
      }
      const Position next = behind(at, stride);
      if (first(next) > target) break;
      at = next;
    }
    for (uint32_t i = stride * kRowStride;; ++i) {
      *found = share(at, i);
      if (found->first + found->count > target || i + 1 == alphabet_) return i;
      at = behind_symbol(at, i);
    }
  }

 private:
  // How many frequencies, or codewords, come before a symbol, and how many ties are then left.
  struct Position {
    uint32_t before;
    uint32_t ties;
  };

  static constexpr uint32_t kStridesAtOnce = 8;

  // `begin` at a stride.
  void pass(uint32_t begin, uint32_t end) {
    const uint32_t stride = begin / kRowStride;
    if (proportional_) {
      kernels_.sum(values_ + begin, end - begin, sums_ + stride);
    } else {
      kernels_.seat(values_ + begin, end - begin, seats_, sums_ + stride, ties_ + stride);
    }
  }
  Position behind(Position at, uint32_t stride) const {
    if (proportional_) return {at.before + sums_[stride], 0};
    const uint32_t taken = std::min(at.ties, ties_[stride]);
    return {at.before + sums_[stride] + taken, at.ties - taken};
  }
  Position behind_symbol(Position at, uint32_t symbol) const {
    const uint32_t frequency = values_[symbol] + 1u;
    if (proportional_) return {at.before + frequency, 0};
    const uint32_t remainder = seats_.remainder(frequency);
    const bool tie = remainder == seats_.threshold && at.ties > 0;
    return {at.before + seats_.whole(frequency) + (tie || remainder > seats_.threshold),
            at.ties - tie};
  }
  uint128 first(Position at) const {
    return proportional_ ? scale_shared(window_.shared, at.before, precision_) : at.before;
  }
  Share share(Position at, uint32_t symbol) const {
    const uint128 begin = first(at);
    return {begin, first(behind_symbol(at, symbol)) - begin};
  }

  const RowKernels& kernels_;
  const Window window_;
  const uint16_t* values_;
  const uint32_t alphabet_;
  const uint32_t precision_;
  const bool proportional_;  // shared >= T: shares in proportion, else apportioned
  const Apportionment seats_;
  uint32_t sums_[kMaxStrides];
  uint32_t ties_[kMaxStrides];
};

}  // namespace eqinfo
