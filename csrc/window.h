// Window code: a window of b bits is one of 2^b codewords, and every codeword means one string of
// symbols. Block arithmetic coding (Boncelet 1993): a prefix owns consecutive codewords, keeps the
// first for itself and shares the others among its next symbols (docs/pipeline.md has the
// definitions and the proofs). The zero-padded windows of arXiv 2404.03626 are in padded_window.h.
#pragma once

#include "frequency.h"
#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kMaxWindowBits = 128;

// The codewords that a prefix owns: base, base + 1, ..., base + shared. `shared` (the number of
// codewords less one) is what the prefix shares; 2^128 codewords would not fit a 128-bit number.
struct Window {
  uint128 base;
  uint128 shared;
};

// A run of codewords, `first` counted from the first shared one. count = 0: the symbol does not
// fit.
struct Share {
  uint128 first;
  uint128 count;
};

EQINFO_HD uint128 all_codewords(uint32_t window_bits) {
  return ~static_cast<uint128>(0) >> (kMaxWindowBits - window_bits);
}

EQINFO_HD Window empty_window(uint32_t window_bits) { return {0, all_codewords(window_bits)}; }

// floor(shared * cumulative / T): codewords below a cumulative frequency where shared >= T.
EQINFO_HD uint128 scale_shared(uint128 shared, uint32_t cumulative, uint32_t precision) {
  const uint128 quotient = shared >> precision;
  const uint64_t rest = static_cast<uint64_t>(shared) & ((uint64_t{1} << precision) - 1);
  return quotient * cumulative + ((rest * cumulative) >> precision);
}

// Hamilton's apportionment of `seats` < T codewords: symbol i gets floor(f[i] seats / T), and the
// seats still free go one each to the largest remainders, ties to the smaller symbol. `threshold`
// and `ties` say who gets one: remainders above the threshold, and the first `ties` of those equal
// to it.
struct Apportionment {
  uint32_t seats;
  uint32_t precision;
  uint32_t threshold;
  uint32_t ties;

  EQINFO_HD uint32_t remainder(uint32_t frequency) const {
    return (frequency * seats) & ((1u << precision) - 1u);
  }
  EQINFO_HD uint32_t whole(uint32_t frequency) const {
    return static_cast<uint32_t>((static_cast<uint64_t>(frequency) * seats) >> precision);
  }
};

EQINFO_HD Apportionment apportion(const uint32_t* frequencies, uint32_t alphabet,
                                  uint32_t precision, uint32_t seats) {
  Apportionment result{seats, precision, 0, 0};
  uint64_t remainders = 0;
  for (uint32_t i = 0; i < alphabet; ++i) remainders += result.remainder(frequencies[i]);
  // The whole parts sum to (seats T - remainders) / T.
  const uint32_t left = static_cast<uint32_t>(remainders >> precision);
  // The largest threshold with at least `left` remainders at or above it, bit by bit; left <
  // alphabet.
  uint32_t threshold = 0;
  for (uint32_t bit = 1u << (precision - 1); bit != 0; bit >>= 1) {
    const uint32_t candidate = threshold | bit;
    uint32_t count = 0;
    for (uint32_t i = 0; i < alphabet; ++i) {
      count += result.remainder(frequencies[i]) >= candidate;
    }
    if (count == left) {  // just those at or above the candidate: no ties to break
      result.threshold = candidate - 1;
      return result;
    }
    if (count > left) threshold = candidate;
  }
  uint32_t above = 0;
  for (uint32_t i = 0; i < alphabet; ++i) above += result.remainder(frequencies[i]) > threshold;
  result.threshold = threshold;
  result.ties = left - above;
  return result;
}

EQINFO_HD Share window_share(const Window& window, const uint32_t* frequencies, uint32_t alphabet,
                             uint32_t precision, uint32_t symbol) {
  if (window.shared == 0) return {0, 0};
  if ((window.shared >> precision) != 0) {
    const Interval interval = symbol_interval(frequencies, symbol);
    const uint128 first = scale_shared(window.shared, interval.start, precision);
    return {first,
            scale_shared(window.shared, interval.start + interval.frequency, precision) - first};
  }
  const Apportionment seats =
      apportion(frequencies, alphabet, precision, static_cast<uint32_t>(window.shared));
  uint32_t first = 0;
  uint32_t ties = seats.ties;
  for (uint32_t i = 0; i < symbol; ++i) {
    const uint32_t remainder = seats.remainder(frequencies[i]);
    const bool tie = remainder == seats.threshold && ties > 0;
    ties -= tie;
    first += seats.whole(frequencies[i]) + (tie || remainder > seats.threshold);
  }
  const uint32_t remainder = seats.remainder(frequencies[symbol]);
  const bool extra = remainder > seats.threshold || (remainder == seats.threshold && ties > 0);
  return {first, seats.whole(frequencies[symbol]) + extra};
}

// Calls visit(symbol, share) for every symbol in order, those that do not fit included, until it
// answers false.
template <typename Visit>
EQINFO_HD void for_each_share(const Window& window, const uint32_t* frequencies, uint32_t alphabet,
                              uint32_t precision, Visit visit) {
  uint128 first = 0;
  if ((window.shared >> precision) != 0) {
    uint32_t cumulative = 0;
    for (uint32_t i = 0; i < alphabet; ++i) {
      cumulative += frequencies[i];
      const uint128 end = scale_shared(window.shared, cumulative, precision);
      if (!visit(i, Share{first, end - first})) return;
      first = end;
    }
    return;
  }
  const Apportionment seats =
      apportion(frequencies, alphabet, precision, static_cast<uint32_t>(window.shared));
  uint32_t ties = seats.ties;
  for (uint32_t i = 0; i < alphabet; ++i) {
    const uint32_t remainder = seats.remainder(frequencies[i]);
    const bool tie = remainder == seats.threshold && ties > 0;
    ties -= tie;
    const uint128 count = seats.whole(frequencies[i]) + (tie || remainder > seats.threshold);
    if (!visit(i, Share{first, count})) return;
    first += count;
  }
}

EQINFO_HD Window window_child(const Window& window, const Share& share) {
  return {window.base + 1 + share.first, share.count - 1};
}

// True and the window of the longer prefix, or false where `symbol` does not fit: then the codeword
// is window.base, and a new window begins.
EQINFO_HD bool window_encode(Window* window, const uint32_t* frequencies, uint32_t alphabet,
                             uint32_t precision, uint32_t symbol) {
  const Share share = window_share(*window, frequencies, alphabet, precision, symbol);
  if (share.count == 0) return false;
  *window = window_child(*window, share);
  return true;
}

// The next symbol of `codeword`, which must belong to the window and not be its base (then it ends
// there).
EQINFO_HD uint32_t window_decode(Window* window, const uint32_t* frequencies, uint32_t alphabet,
                                 uint32_t precision, uint128 codeword) {
  const uint128 target = codeword - window->base - 1;
  uint32_t symbol = 0;
  Share share{0, 0};
  for_each_share(*window, frequencies, alphabet, precision, [&](uint32_t i, const Share& s) {
    symbol = i;
    share = s;
    return s.first + s.count <= target;
  });
  *window = window_child(*window, share);
  return symbol;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
