// A prediction as the window engine keeps it, and the window code on it: what window.h computes, in
// another order, so that most of a row is passed over 16 symbols at a time.
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

// Passes over a kept row of one instruction set, the same source for all. Strides are
// kRowStride symbols each, the last one what is left.
struct RowKernels {
  void (*keep)(const uint32_t* frequencies, uint32_t alphabet, uint16_t* row);
  // sums[k]: of the frequencies of stride k.
  void (*sum)(const uint16_t* row, uint32_t alphabet, uint32_t* sums);
  // window.h's apportion.
  Apportionment (*apportion)(const uint16_t* row, uint32_t alphabet, uint32_t precision,
                             uint32_t seats);
  // sums[k]: the codewords of stride k that are certain; ties[k]: symbols at the threshold.
  void (*seat)(const uint16_t* row, uint32_t alphabet, const Apportionment& seats, uint32_t* sums,
               uint32_t* ties);
};

const RowKernels& row_kernels();

// Walks along the shares of a window's next symbols.
class KeptShares {
 public:
  KeptShares(const Window& window, const uint16_t* row, uint32_t alphabet, uint32_t precision)
      : kernels_(row_kernels()),
        window_(window),
        row_(row),
        alphabet_(alphabet),
        precision_(precision),
        proportional_((window.shared >> precision) != 0) {
    if (proportional_) {
      kernels_.sum(row, alphabet, sums_);
    } else {
      seats_ = kernels_.apportion(row, alphabet, precision, static_cast<uint32_t>(window.shared));
      kernels_.seat(row, alphabet, seats_, sums_, ties_);
    }
  }

  // As window_share.
  Share of(uint32_t symbol) const {
    Position at{0, seats_.ties};
    uint32_t i = 0;
    for (uint32_t stride = 0; stride < symbol / kRowStride; ++stride) at = behind(at, stride);
    for (i = symbol / kRowStride * kRowStride; i < symbol; ++i) at = behind_symbol(at, i);
    return share(at, symbol);
  }

  // The symbol whose share holds `target`, which is below window.shared.
  uint32_t locate(uint128 target, Share* found) const {
    Position at{0, seats_.ties};
    uint32_t stride = 0;
    for (; (stride + 1) * kRowStride < alphabet_; ++stride) {
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

  Position behind(Position at, uint32_t stride) const {
    if (proportional_) return {at.before + sums_[stride], 0};
    const uint32_t taken = std::min(at.ties, ties_[stride]);
    return {at.before + sums_[stride] + taken, at.ties - taken};
  }
  Position behind_symbol(Position at, uint32_t symbol) const {
    const uint32_t frequency = row_[symbol] + 1u;
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
  const uint16_t* row_;
  const uint32_t alphabet_;
  const uint32_t precision_;
  const bool proportional_;  // shared >= T: shares in proportion, else apportioned
  Apportionment seats_{};
  uint32_t sums_[kMaxStrides];
  uint32_t ties_[kMaxStrides];
};

}  // namespace eqinfo
