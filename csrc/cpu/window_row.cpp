#include "window_row.h"

#include <algorithm>

#include "cpu/dispatch.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define EQINFO_INLINE inline __attribute__((always_inline))

namespace eqinfo {
namespace {

// The largest threshold with at least `left` remainders at or above it, bit by bit, as in
// window.h's apportion; and how many of those at the threshold get a codeword.
EQINFO_INLINE uint32_t find_threshold(const uint16_t* remainders, uint32_t alphabet,
                                      uint32_t precision, uint32_t left, uint32_t* ties) {
  uint32_t threshold = 0;
  for (uint32_t bit = 1u << (precision - 1); bit != 0; bit >>= 1) {
    const uint16_t candidate = static_cast<uint16_t>(threshold | bit);
    uint16_t count = 0;
    for (uint32_t i = 0; i < alphabet; ++i) {
      count = static_cast<uint16_t>(count + (remainders[i] >= candidate));
    }
    if (count == left) {
      *ties = 0;
      return candidate - 1u;
    }
    if (count > left) threshold = candidate;
  }
  uint16_t above = 0;
  for (uint32_t i = 0; i < alphabet; ++i) {
    above = static_cast<uint16_t>(above + (remainders[i] > threshold));
  }
  *ties = left - above;
  return threshold;
}

// counts[i]: the codewords of symbol i.
EQINFO_INLINE void apportion(const uint32_t* frequencies, uint32_t alphabet, uint32_t precision,
                             uint32_t seats, uint16_t* counts) {
  alignas(64) uint16_t remainders[kMaxKeptAlphabet];
  const uint32_t mask = (1u << precision) - 1u;
  uint32_t total = 0;
  for (uint32_t i = 0; i < alphabet; ++i) {
    const uint32_t product = frequencies[i] * seats;  // both are below 2^16
    remainders[i] = static_cast<uint16_t>(product & mask);
    counts[i] = static_cast<uint16_t>(product >> precision);
    total += product & mask;
  }
  uint32_t ties = 0;
  const uint32_t threshold =
      find_threshold(remainders, alphabet, precision, total >> precision, &ties);
  for (uint32_t i = 0; i < alphabet; ++i) {
    counts[i] = static_cast<uint16_t>(counts[i] + (remainders[i] > threshold));
  }
  for (uint32_t i = 0; ties != 0; ++i) {
    const bool tie = remainders[i] == threshold;
    counts[i] = static_cast<uint16_t>(counts[i] + tie);
    ties -= tie;
  }
}

// Bit i of the result: whether counts[i] is not 0.
EQINFO_INLINE uint64_t fits_scalar(const uint16_t* counts) {
  uint64_t bits = 0;
  for (uint32_t i = 0; i < kFitBits; ++i) bits |= uint64_t{counts[i] != 0} << i;
  return bits;
}

EQINFO_INLINE uint32_t sum_up(const uint16_t* counts, uint64_t bits, uint32_t end,
                              uint16_t** ends) {
  for (; bits != 0; bits &= bits - 1) {
    end += counts[__builtin_ctzll(bits)];
    *(*ends)++ = static_cast<uint16_t>(end);
  }
  return end;
}

EQINFO_INLINE uint32_t ones(uint64_t bits) {
  return static_cast<uint32_t>(__builtin_popcountll(bits));
}

EQINFO_INLINE uint32_t rank(const uint64_t* fits, uint32_t symbol) {
  uint32_t below = 0;
  for (uint32_t word = 0; word < symbol / kFitBits; ++word) below += ones(fits[word]);
  const uint64_t before = (uint64_t{1} << symbol % kFitBits) - 1;
  return below + ones(fits[symbol / kFitBits] & before);
}

EQINFO_INLINE uint32_t locate(const uint64_t* fits, const uint16_t* ends, uint32_t alphabet,
                              uint32_t target, uint32_t* found) {
  uint32_t fitting = 0;
  for (uint32_t word = 0; word < fit_words(alphabet); ++word) fitting += ones(fits[word]);
  uint32_t left =
      last_that_holds(fitting, [&](uint32_t i) { return i == 0 || ends[i - 1] <= target; });
  *found = left;
  uint32_t symbol = 0;
  uint64_t bits = *fits;
  for (uint32_t here = ones(bits); left >= here; here = ones(bits)) {
    left -= here;
    symbol += kFitBits;
    bits = *++fits;
  }
  for (uint32_t half = kFitBits / 2; half != 0; half /= 2) {
    const uint32_t low = ones(bits & ((uint64_t{1} << half) - 1));
    if (left < low) continue;
    left -= low;
    symbol += half;
    bits >>= half;
  }
  return symbol;
}

#if defined(__x86_64__)
#define EQINFO_AVX2 __attribute__((target("avx2,popcnt")))
#define EQINFO_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,popcnt")))

EQINFO_AVX2 inline uint64_t fits_avx2(const uint16_t* counts) {
  uint64_t bits = 0;
  for (uint32_t i = 0; i < kFitBits; i += 32) {
    const __m256i* here = reinterpret_cast<const __m256i*>(counts + i);
    const __m256i zero = _mm256_setzero_si256();
    const __m256i first = _mm256_cmpeq_epi16(_mm256_loadu_si256(here), zero);
    const __m256i second = _mm256_cmpeq_epi16(_mm256_loadu_si256(here + 1), zero);
    // Packing goes by halves of 128 bits.
    const __m256i empty = _mm256_permute4x64_epi64(_mm256_packs_epi16(first, second), 0xd8);
    bits |= uint64_t{~static_cast<uint32_t>(_mm256_movemask_epi8(empty))} << i;
  }
  return bits;
}

EQINFO_AVX512 inline uint64_t fits_avx512(const uint16_t* counts) {
  const __m512i first = _mm512_loadu_si512(counts);
  const __m512i second = _mm512_loadu_si512(counts + 32);
  return uint64_t{_mm512_test_epi16_mask(second, second)} << 32 |
         _mm512_test_epi16_mask(first, first);
}
#endif

#define EQINFO_ROW_KERNELS(name, attribute)                                                       \
  attribute uint32_t apportion_##name(const uint32_t* frequencies, uint32_t alphabet,             \
                                      uint32_t precision, uint32_t seats, uint64_t* fits,         \
                                      uint16_t* ends) {                                           \
    alignas(64) uint16_t counts[kMaxKeptAlphabet];                                                \
    apportion(frequencies, alphabet, precision, seats, counts);                                   \
    const uint32_t words = fit_words(alphabet);                                                   \
    std::fill(counts + alphabet, counts + words * kFitBits, uint16_t{0});                         \
    uint16_t* end_out = ends;                                                                     \
    uint32_t end = 0;                                                                             \
    for (uint32_t word = 0; word < words; ++word) {                                               \
      fits[word] = fits_##name(counts + word * kFitBits);                                         \
      end = sum_up(counts + word * kFitBits, fits[word], end, &end_out);                          \
    }                                                                                             \
    return static_cast<uint32_t>(end_out - ends);                                                 \
  }                                                                                               \
  attribute uint32_t rank_##name(const uint64_t* fits, uint32_t symbol) {                         \
    return rank(fits, symbol);                                                                    \
  }                                                                                               \
  attribute uint32_t locate_##name(const uint64_t* fits, const uint16_t* ends, uint32_t alphabet, \
                                   uint32_t target, uint32_t* found) {                            \
    return locate(fits, ends, alphabet, target, found);                                           \
  }                                                                                               \
  const RowKernels k_##name = {apportion_##name, rank_##name, locate_##name};

EQINFO_ROW_KERNELS(scalar, )
#if defined(__x86_64__)
EQINFO_ROW_KERNELS(avx2, EQINFO_AVX2)
EQINFO_ROW_KERNELS(avx512, EQINFO_AVX512)
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

size_t keep_row(const Window& window, const uint32_t* frequencies, uint32_t alphabet,
                uint32_t precision, uint8_t* row) {
  if ((window.shared >> precision) != 0) {
    uint16_t* before = reinterpret_cast<uint16_t*>(row);
    uint32_t cumulative = 0;
    for (uint32_t i = 0; i < alphabet; ++i) {
      before[i] = static_cast<uint16_t>(cumulative);
      cumulative += frequencies[i];
    }
    return alphabet * sizeof(uint16_t);
  }
  uint64_t* fits = reinterpret_cast<uint64_t*>(row);
  uint16_t* ends = reinterpret_cast<uint16_t*>(fits + fit_words(alphabet));
  const uint32_t fitting = row_kernels().apportion(
      frequencies, alphabet, precision, static_cast<uint32_t>(window.shared), fits, ends);
  return fit_words(alphabet) * sizeof(uint64_t) + fitting * sizeof(uint16_t);
}

}  // namespace eqinfo
