#include "window_row.h"

#include "cpu/dispatch.h"

#define EQINFO_INLINE inline __attribute__((always_inline))

namespace eqinfo {
namespace {

EQINFO_INLINE void keep(const uint32_t* frequencies, uint32_t alphabet, uint16_t* values) {
  for (uint32_t i = 0; i < alphabet; ++i) values[i] = static_cast<uint16_t>(frequencies[i] - 1);
}

// visit(stride, begin, size): sizes that are constants let the compiler unroll.
template <typename Visit>
EQINFO_INLINE void for_each_stride(uint32_t symbols, Visit visit) {
  const uint32_t whole = symbols / kRowStride;
  for (uint32_t stride = 0; stride < whole; ++stride) {
    visit(stride, stride * kRowStride, kRowStride);
  }
  if (symbols % kRowStride != 0) visit(whole, whole * kRowStride, symbols % kRowStride);
}

EQINFO_INLINE void sum(const uint16_t* values, uint32_t symbols, uint32_t* sums) {
  for_each_stride(symbols, [&](uint32_t stride, uint32_t begin, uint32_t size) {
    uint32_t total = size;
    for (uint32_t i = 0; i < size; ++i) total += values[begin + i];
    sums[stride] = total;
  });
}

// The remainders are below T <= 2^16, and so is `seats`: 16-bit products hold all that counts.
EQINFO_INLINE Apportionment apportion_row(const uint16_t* values, uint32_t alphabet,
                                          uint32_t precision, uint32_t seats) {
  alignas(64) uint16_t remainders[kMaxKeptAlphabet];
  const uint16_t factor = static_cast<uint16_t>(seats);
  const uint16_t mask = static_cast<uint16_t>((1u << precision) - 1u);
  uint32_t total = 0;
  for (uint32_t i = 0; i < alphabet; ++i) {
    const uint16_t frequency = static_cast<uint16_t>(values[i] + 1);
    remainders[i] = static_cast<uint16_t>(uint32_t{frequency} * factor & mask);
    total += remainders[i];
  }
  const uint32_t left = total >> precision;
  uint32_t threshold = 0;
  for (uint32_t bit = 1u << (precision - 1); bit != 0; bit >>= 1) {
    const uint16_t candidate = static_cast<uint16_t>(threshold | bit);
    uint16_t count = 0;
    for (uint32_t i = 0; i < alphabet; ++i) {
      count = static_cast<uint16_t>(count + (remainders[i] >= candidate));
    }
    if (count == left) return {seats, precision, candidate - 1u, 0};
    if (count > left) threshold = candidate;
  }
  uint16_t above = 0;
  for (uint32_t i = 0; i < alphabet; ++i) {
    above = static_cast<uint16_t>(above + (remainders[i] > threshold));
  }
  return {seats, precision, threshold, left - above};
}

EQINFO_INLINE void seat(const uint16_t* values, uint32_t symbols, const Apportionment& seats,
                        uint32_t* sums, uint32_t* ties) {
  for_each_stride(symbols, [&](uint32_t stride, uint32_t begin, uint32_t size) {
    uint32_t certain = 0;
    uint32_t tied = 0;
    for (uint32_t i = 0; i < size; ++i) {
      // Below 2^32: both factors are at most 2^16 - 1.
      const uint32_t product = (values[begin + i] + 1u) * seats.seats;
      const uint32_t remainder = product & ((1u << seats.precision) - 1u);
      certain += (product >> seats.precision) + (remainder > seats.threshold);
      tied += remainder == seats.threshold;
    }
    sums[stride] = certain;
    ties[stride] = tied;
  });
}

#define EQINFO_ROW_KERNELS(name, attribute)                                                        \
  attribute void keep_##name(const uint32_t* frequencies, uint32_t alphabet, uint16_t* values) {   \
    keep(frequencies, alphabet, values);                                                           \
  }                                                                                                \
  attribute void sum_##name(const uint16_t* values, uint32_t symbols, uint32_t* sums) {            \
    sum(values, symbols, sums);                                                                    \
  }                                                                                                \
  attribute Apportionment apportion_##name(const uint16_t* values, uint32_t alphabet,              \
                                           uint32_t precision, uint32_t seats) {                   \
    return apportion_row(values, alphabet, precision, seats);                                      \
  }                                                                                                \
  attribute void seat_##name(const uint16_t* values, uint32_t symbols, const Apportionment& seats, \
                             uint32_t* sums, uint32_t* ties) {                                     \
    seat(values, symbols, seats, sums, ties);                                                      \
  }                                                                                                \
  const RowKernels k_##name = {keep_##name, sum_##name, apportion_##name, seat_##name};

EQINFO_ROW_KERNELS(scalar, )
#if defined(__x86_64__)
EQINFO_ROW_KERNELS(avx2, __attribute__((target("avx2"))))
EQINFO_ROW_KERNELS(avx512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))))
#endif

}  // namespace

const RowKernels& row_kernels() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return k_avx512;
    case InstructionSet::avx2:
      return k_avx2;
    case InstructionSet::scalar:
      break;
  }
#endif
  return k_scalar;
}

}  // namespace eqinfo
