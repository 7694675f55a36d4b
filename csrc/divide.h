// Division of 128-bit by 64-bit integers.
#pragma once

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// floor(numerator / divisor), which must be below 2^64, by two 64-bit divisions: Knuth's algorithm
// D (The Art of Computer Programming 2, 4.3.1) with 32-bit digits.
EQINFO_HD uint64_t divide_by_digits(uint128 numerator, uint64_t divisor) {
  const uint32_t shift = 64 - bit_width(divisor);
  const uint64_t scaled = divisor << shift;
  const uint64_t first = scaled >> 32;
  const uint64_t second = static_cast<uint32_t>(scaled);
  const uint128 dividend = numerator << shift;
  uint64_t rest = static_cast<uint64_t>(dividend >> 64);  // always below `scaled`
  uint64_t quotient = 0;
  for (uint32_t below = 64; below > 0;) {
    below -= 32;
    const uint64_t next = static_cast<uint32_t>(dividend >> below);
    uint64_t digit = rest / first;  // at most 2 too large
    uint64_t left = rest - digit * first;
    while (left >> 32 == 0 && (digit >> 32 != 0 || digit * second > (left << 32 | next))) {
      --digit;
      left += first;
    }
    rest = (rest << 32 | next) - digit * scaled;
    quotient = quotient << 32 | digit;
  }
  return quotient;
}

// The same, with the processor's own division on the CPU. nvcc's 128-bit division takes one step
// per bit.
EQINFO_HD uint64_t divide(uint128 numerator, uint64_t divisor) {
#if defined(__CUDA_ARCH__)
  return divide_by_digits(numerator, divisor);
#else
  return static_cast<uint64_t>(numerator / divisor);
#endif
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
