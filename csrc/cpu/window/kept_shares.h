// A prediction as the window engine keeps it: the shares of the next symbols of one window, summed
// up, so that one of them is found without a pass over the whole row. They equal those of window.h.
//
// Where the window shares at least 2^precision codewords, what is kept is the cumulative frequency
// before every symbol. Of the other windows, which are most, a bit per symbol is kept that says
// whether it fits and, for those that do, in order, where their codewords end, counted from the
// first shared one: few codewords reach only the probable symbols, so that is short. All of these
// numbers are below 2^16 where the precision is at most 16; the alphabet then has at most 2^12
// symbols.
#pragma once

#include "window.h"

namespace eqinfo {

constexpr uint32_t kMaxKeptPrecision = 16;
constexpr uint32_t kMaxKeptAlphabet = 1u << (kMaxKeptPrecision - 4);
constexpr uint32_t kFitBits = 64;

inline uint32_t fit_words(uint32_t alphabet) { return (alphabet + kFitBits - 1) / kFitBits; }

// The last number below `count` for which `holds` is true; it is true for 0, and false for every
// number after the first for which it is false.
template <typename Holds>
inline uint32_t last_that_holds(uint32_t count, Holds holds) {
  uint32_t last = 0;
  for (uint32_t step = 1u << bit_width(count - 1) >> 1; step != 0; step >>= 1) {
    if (last + step < count && holds(last + step)) last += step;
  }
  return last;
}

// The kept form of apportioned shares, for one instruction set; all are compiled from one source.
// `fits` and `ends` are what is kept.
struct ShareKernels {
  // Apportions `seats` < 2^precision codewords, as apportion in window.h does; returns how many
  // symbols fit. Frequencies are below 2^16.
  uint32_t (*apportion)(const uint32_t* frequencies, uint32_t alphabet, uint32_t precision,
                        uint32_t seats, uint64_t* fits, uint16_t* ends);
  // How many symbols before `symbol` fit.
  uint32_t (*rank)(const uint64_t* fits, uint32_t symbol);
  // The symbol that codeword `target` belongs to, and in *rank how many symbols before it fit.
  uint32_t (*locate)(const uint64_t* fits, const uint16_t* ends, uint32_t alphabet, uint32_t target,
                     uint32_t* rank);
};

const ShareKernels& share_kernels();

// The most bytes that a prediction takes.
inline size_t max_kept_bytes(uint32_t alphabet) {
  return fit_words(alphabet) * sizeof(uint64_t) + alphabet * sizeof(uint16_t);
}

// Writes the shares of a window, which must share at least one codeword; returns their bytes.
// `kept` lies at a multiple of 8.
size_t keep_shares(const Window& window, const uint32_t* frequencies, uint32_t alphabet,
                   uint32_t precision, uint8_t* kept);

// Reads what keep_shares wrote.
class KeptShares {
 public:
  KeptShares(const Window& window, const uint8_t* kept, uint32_t alphabet, uint32_t precision)
      : shared_(window.shared),
        alphabet_(alphabet),
        precision_(precision),
        proportional_((window.shared >> precision) != 0),
        before_(reinterpret_cast<const uint16_t*>(kept)),
        fits_(reinterpret_cast<const uint64_t*>(kept)),
        ends_(reinterpret_cast<const uint16_t*>(fits_ + fit_words(alphabet))) {}

  // As window_share.
  Share of(uint32_t symbol) const {
    if (proportional_) return proportion(symbol);
    if ((fits_[symbol / kFitBits] >> symbol % kFitBits & 1) == 0) return {0, 0};
    return ranked(share_kernels().rank(fits_, symbol));
  }

  // The symbol whose share holds `target`, which is below window.shared.
  uint32_t locate(uint128 target, Share* found) const {
    if (proportional_) {
      const uint32_t symbol =
          last_that_holds(alphabet_, [&](uint32_t i) { return first(before_[i]) <= target; });
      *found = proportion(symbol);
      return symbol;
    }
    uint32_t rank = 0;
    const uint32_t symbol =
        share_kernels().locate(fits_, ends_, alphabet_, static_cast<uint32_t>(target), &rank);
    *found = ranked(rank);
    return symbol;
  }

  // visit(symbol, share) for every symbol that fits, in order.
  template <typename Visit>
  void for_each(Visit visit) const {
    if (proportional_) {
      for (uint32_t i = 0; i < alphabet_; ++i) visit(i, proportion(i));
      return;
    }
    uint32_t rank = 0;
    for (uint32_t word = 0; word < fit_words(alphabet_); ++word) {
      for (uint64_t bits = fits_[word]; bits != 0; bits &= bits - 1) {
        const uint32_t bit = static_cast<uint32_t>(__builtin_ctzll(bits));
        visit(word * kFitBits + bit, ranked(rank++));
      }
    }
  }

 private:
  uint128 first(uint32_t cumulative) const { return scale_shared(shared_, cumulative, precision_); }
  Share proportion(uint32_t symbol) const {
    const uint128 begin = first(before_[symbol]);
    const uint32_t end = symbol + 1 == alphabet_ ? 1u << precision_ : before_[symbol + 1];
    return {begin, first(end) - begin};
  }
  Share ranked(uint32_t rank) const {
    const uint32_t begin = rank == 0 ? 0u : ends_[rank - 1];
    return {begin, ends_[rank] - begin};
  }

  const uint128 shared_;
  const uint32_t alphabet_;
  const uint32_t precision_;
  const bool proportional_;  // shares are in proportion; otherwise they are apportioned
  const uint16_t* before_;
  const uint64_t* fits_;
  const uint16_t* ends_;
};

}  // namespace eqinfo
