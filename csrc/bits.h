// Bit strings, most significant bit first, and the tokens of 1 to 16 bits that they are cut into.
#pragma once

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kMaxTokenBits = 16;

// The codeword of a window as two words, most significant first: the layout of arrays of shape
// (n, 2).
EQINFO_HD uint128 load_codeword(const uint64_t* words) {
  return static_cast<uint128>(words[0]) << 64 | words[1];
}

EQINFO_HD void store_codeword(uint128 codeword, uint64_t* words) {
  words[0] = static_cast<uint64_t>(codeword >> 64);
  words[1] = static_cast<uint64_t>(codeword);
}

// `count` <= 16 bits of a codeword of `width` bits, from bit `offset` on; bit 0 is the most
// significant.
EQINFO_HD uint32_t codeword_bits(uint128 codeword, uint32_t width, uint32_t offset,
                                 uint32_t count) {
  return static_cast<uint32_t>(codeword >> (width - offset - count)) & ((1u << count) - 1u);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
