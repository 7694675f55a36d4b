// Padded windows: the equal-info windows of arXiv 2404.03626, section 3.3, for research. A text has
// an interval of the real line, as in any arithmetic coder. It fits a window of b bits as long as
// the interval contains a whole codeword, [c, c + 1) in units of 2^-b. Its codeword is the
// contained one with the fewest bits before its trailing zeros.
#pragma once

#include "frequency.h"
#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// The interval [base, base + width) in codewords, each number with 32 fractional bits (`_part`). A
// width of exactly 0 stands for 2^128 codewords: the empty text in a window of 128 bits. Every
// other width is at least one codeword, so with a precision of at most 24 bits each symbol owns at
// least 2^8 fractional units.
struct PaddedWindow {
  uint128 base;
  uint128 width;
  uint32_t base_part;
  uint32_t width_part;
};

EQINFO_HD PaddedWindow empty_padded_window(uint32_t window_bits) {
  return {0, window_bits == 128 ? 0 : static_cast<uint128>(1) << window_bits, 0, 0};
}

// The whole codewords inside an interval: first, first + 1, ..., first + more, or none.
struct WholeCodewords {
  uint128 first;
  uint128 more;
  bool none;

  EQINFO_HD bool contain(uint128 codeword) const {
    return !none && codeword >= first && codeword - first <= more;
  }
};

EQINFO_HD WholeCodewords whole_codewords(const PaddedWindow& window) {
  const uint128 first = window.base + (window.base_part != 0);
  const uint64_t part = static_cast<uint64_t>(window.base_part) + window.width_part;
  const uint128 end = window.base + window.width + (part >> 32);
  const bool all = window.width == 0 && window.width_part == 0;
  // An interval shorter than two codewords may contain none; then `end` is first or first - 1.
  return {first, end - first - 1, !all && (end == first || end + 1 == first)};
}

// The interval of the text that is one symbol longer. Boundaries are rounded down to fractional
// units; adjacent symbols share a boundary, so the intervals of all symbols tile the window's.
EQINFO_HD PaddedWindow padded_child(const PaddedWindow& window, Interval symbol,
                                    uint32_t precision) {
  const bool all = window.width == 0 && window.width_part == 0;
  const uint128 quotient =
      all ? static_cast<uint128>(1) << (128 - precision) : window.width >> precision;
  const uint64_t rest = static_cast<uint64_t>(window.width) & ((uint64_t{1} << precision) - 1);
  const uint64_t units = rest << 32 | window.width_part;  // below 2^(precision + 32) <= 2^56
  const uint32_t end = symbol.start + symbol.frequency;
  const uint64_t first_part =
      static_cast<uint64_t>((static_cast<uint128>(units) * symbol.start) >> precision);
  const uint64_t end_part = static_cast<uint64_t>((static_cast<uint128>(units) * end) >> precision);
  const uint64_t base_part = window.base_part + (first_part & 0xffffffffu);
  const uint64_t width_part = (end_part & 0xffffffffu) - (first_part & 0xffffffffu);
  return {window.base + quotient * symbol.start + (first_part >> 32) + (base_part >> 32),
          quotient * symbol.frequency + (end_part >> 32) - (first_part >> 32) - (width_part >> 63),
          static_cast<uint32_t>(base_part), static_cast<uint32_t>(width_part)};
}

// Changes *window to the interval of the longer text and returns true, or returns false where that
// contains no whole codeword.
EQINFO_HD bool padded_encode(PaddedWindow* window, const uint32_t* frequencies, uint32_t precision,
                             uint32_t symbol) {
  const PaddedWindow child =
      padded_child(*window, symbol_interval(SerialRow{frequencies, symbol + 1}, symbol), precision);
  if (whole_codewords(child).none) return false;
  *window = child;
  return true;
}

// The symbol whose interval contains the codeword, or -1 where the codeword straddles a boundary,
// so that no longer text has it.
EQINFO_HD int32_t padded_decode(PaddedWindow* window, const uint32_t* frequencies,
                                uint32_t alphabet, uint32_t precision, uint128 codeword) {
  uint32_t start = 0;
  for (uint32_t i = 0; i < alphabet; start += frequencies[i++]) {
    const PaddedWindow child = padded_child(*window, {start, frequencies[i]}, precision);
    if (whole_codewords(child).contain(codeword)) {
      *window = child;
      return static_cast<int32_t>(i);
    }
  }
  return -1;
}

// What the paper's coder writes: the codeword with the most trailing zeros; 0 if there is none.
EQINFO_HD uint128 padded_codeword(const WholeCodewords& codewords) {
  if (codewords.first == 0 || codewords.none) return 0;
  const uint128 last = codewords.first + codewords.more;
  const uint128 differ = (codewords.first - 1) ^ last;
  const uint64_t high = static_cast<uint64_t>(differ >> 64);
  const uint32_t top =
      high != 0 ? 63 + bit_width(high) : bit_width(static_cast<uint64_t>(differ)) - 1;
  return last >> top << top;
}

// Finds a codeword of the text that no longer text has, if there is one: a decoder ends there for
// certain.
EQINFO_HD bool padded_gap(const PaddedWindow& window, const uint32_t* frequencies,
                          uint32_t alphabet, uint32_t precision, uint128* codeword) {
  const WholeCodewords own = whole_codewords(window);
  uint128 next = own.first;
  uint32_t start = 0;
  for (uint32_t i = 0; i < alphabet; start += frequencies[i++]) {
    const WholeCodewords taken =
        whole_codewords(padded_child(window, {start, frequencies[i]}, precision));
    if (taken.none) continue;
    if (taken.first != next) break;
    next = taken.first + taken.more + 1;
  }
  if (!own.contain(next)) return false;
  *codeword = next;
  return true;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
