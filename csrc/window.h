// Window code: a window of b bits is one of 2^b codewords, and every codeword stands for one string
// of symbols. This is block arithmetic coding (Boncelet 1993): a prefix owns consecutive codewords,
// keeps the first for itself and shares the others among its next symbols. Definitions and proofs
// are in docs/pipeline.md; the zero-padded windows of arXiv 2404.03626 are in padded_window.h.
#pragma once

#include "bits.h"
#include "frequency.h"
#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kMaxWindowBits = 128;

// The codewords that a prefix owns: base, base + 1, ..., base + shared. `shared`, the number of
// codewords minus one, is how many the prefix shares; 2^128 codewords would not fit 128 bits.
struct Window {
  uint128 base;
  uint128 shared;
};

// The codewords of one symbol, with `first` counted from the first shared one. With count = 0 the
// symbol does not fit.
struct Share {
  uint128 first;
  uint128 count;
};

EQINFO_HD uint128 all_codewords(uint32_t window_bits) {
  return ~static_cast<uint128>(0) >> (kMaxWindowBits - window_bits);
}

EQINFO_HD Window empty_window(uint32_t window_bits) { return {0, all_codewords(window_bits)}; }

// floor(shared * cumulative / T): the codewords before a cumulative frequency where shared >= T.
EQINFO_HD uint128 scale_shared(uint128 shared, uint32_t cumulative, uint32_t precision) {
  const uint128 quotient = shared >> precision;
  const uint64_t rest = static_cast<uint64_t>(shared) & ((uint64_t{1} << precision) - 1);
  return quotient * cumulative + ((rest * cumulative) >> precision);
}

// Hamilton's apportionment of `seats` < T codewords: symbol i gets floor(f[i] seats / T), and the
// seats left go one each to the largest remainders; among equal ones, the smaller symbol comes
// first. `threshold` and `ties` say which symbols get one more: those with a remainder above the
// threshold, and the first `ties` of those with a remainder equal to it.
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

EQINFO_EITHER_SIDE
template <typename Row>
EQINFO_HD Apportionment apportion(const Row& row, uint32_t precision, uint32_t seats) {
  Apportionment result{seats, precision, 0, 0};
  const auto count = [&](auto chosen) {
    return row.template sum<uint32_t>(row.alphabet,
                                      [&](uint32_t f) { return chosen(result.remainder(f)); });
  };
  const uint64_t remainders =
      row.template sum<uint64_t>(row.alphabet, [&](uint32_t f) { return result.remainder(f); });
  // The whole parts sum to (seats T - remainders) / T.
  const uint32_t left = static_cast<uint32_t>(remainders >> precision);
  // Find the largest threshold with at least `left` remainders at or above it, bit by bit;
  // left < alphabet.
  uint32_t threshold = 0;
  for (uint32_t bit = 1u << (precision - 1); bit != 0; bit >>= 1) {
    const uint32_t candidate = threshold | bit;
    const uint32_t reached = count([&](uint32_t remainder) { return remainder >= candidate; });
    if (reached == left) {  // exactly those at or above the candidate: no ties
      result.threshold = candidate - 1;
      return result;
    }
    if (reached > left) threshold = candidate;
  }
  result.threshold = threshold;
  result.ties = left - count([&](uint32_t remainder) { return remainder > threshold; });
  return result;
}

// The shares of a prefix, given by their boundaries: a share begins where that of the previous
// symbol ends. The boundary before a symbol is boundary(sum of measure(f) over the symbols before
// it).
struct Shares {
  Window window;
  uint32_t precision;
  bool proportional;    // shared >= T; otherwise the codewords are apportioned
  Apportionment seats;  // where they are apportioned

  // The frequency; or, where codewords are apportioned, those that the symbol gets for certain,
  // plus 2^32 if its remainder equals the threshold, so that the first `ties` such symbols get one
  // more.
  EQINFO_HD uint64_t measure(uint32_t frequency) const {
    if (proportional) return frequency;
    const uint32_t remainder = seats.remainder(frequency);
    return seats.whole(frequency) + (remainder > seats.threshold) +
           (uint64_t{remainder == seats.threshold} << 32);
  }
  EQINFO_HD uint128 boundary(uint64_t before) const {
    const uint32_t low = static_cast<uint32_t>(before);
    if (proportional) return scale_shared(window.shared, low, precision);
    const uint32_t tied = static_cast<uint32_t>(before >> 32);
    return low + (tied < seats.ties ? tied : seats.ties);
  }
  EQINFO_HD Share share(uint64_t before, uint32_t frequency) const {
    const uint128 first = boundary(before);
    return {first, boundary(before + measure(frequency)) - first};
  }
};

EQINFO_EITHER_SIDE
template <typename Row>
EQINFO_HD Shares make_shares(const Window& window, const Row& row, uint32_t precision) {
  Shares shares{window, precision, (window.shared >> precision) != 0, {0, precision, 0, 0}};
  if (!shares.proportional) {
    shares.seats = apportion(row, precision, static_cast<uint32_t>(window.shared));
  }
  return shares;
}

EQINFO_EITHER_SIDE
template <typename Row>
EQINFO_HD Share window_share(const Window& window, const Row& row, uint32_t precision,
                             uint32_t symbol) {
  if (window.shared == 0) return {0, 0};
  const Shares shares = make_shares(window, row, precision);
  const uint64_t before = row.template sum<uint64_t>(
      symbol, [&](uint32_t frequency) { return shares.measure(frequency); });
  return shares.share(before, row[symbol]);
}

// Calls visit(symbol, share) for every symbol in order, including those that do not fit, until it
// returns false.
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
      apportion(SerialRow{frequencies, alphabet}, precision, static_cast<uint32_t>(window.shared));
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

// Changes *window to that of the longer prefix and returns true, or returns false where `symbol`
// does not fit: then the codeword is window.base, and a new window begins.
EQINFO_EITHER_SIDE
template <typename Row>
EQINFO_HD bool window_encode(Window* window, const Row& row, uint32_t precision, uint32_t symbol) {
  const Share share = window_share(*window, row, precision, symbol);
  if (share.count == 0) return false;
  *window = window_child(*window, share);
  return true;
}

EQINFO_HD bool window_owns(const Window& window, uint128 codeword) {
  return codeword >= window.base && codeword - window.base <= window.shared;
}

// The next symbol of `codeword`, which must belong to the window and must not be its base, where
// the window ends.
EQINFO_EITHER_SIDE
template <typename Row>
EQINFO_HD uint32_t window_decode(Window* window, const Row& row, uint32_t precision,
                                 uint128 codeword) {
  const uint128 target = codeword - window->base - 1;
  const Shares shares = make_shares(*window, row, precision);
  uint64_t before = 0;
  const uint32_t symbol =
      row.first([&](uint32_t frequency) { return shares.measure(frequency); },
                [&](uint64_t end) { return shares.boundary(end) > target; }, &before);
  *window = window_child(*window, shares.share(before, row[symbol]));
  return symbol;
}

// A window as four words, the more significant word of each number first: the layout of arrays.
constexpr int64_t kWindowWords = 4;

EQINFO_HD Window load_window(const uint64_t* words) {
  return {load_codeword(words), load_codeword(words + 2)};
}

EQINFO_HD void store_window(const Window& window, uint64_t* words) {
  store_codeword(window.base, words);
  store_codeword(window.shared, words + 2);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
