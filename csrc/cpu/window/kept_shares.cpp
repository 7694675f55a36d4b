#include "cpu/window/kept_shares.h"

#include "cpu/dispatch.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define EQINFO_INLINE inline __attribute__((always_inline))

namespace eqinfo {
namespace {

#if defined(__x86_64__)
#define EQINFO_AVX2 __attribute__((target("avx2,popcnt")))
#define EQINFO_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,popcnt")))
#endif

EQINFO_INLINE uint32_t ones(uint64_t bits) {
  return static_cast<uint32_t>(__builtin_popcountll(bits));
}

constexpr uint32_t kMaxPadded = (kMaxKeptAlphabet + kFitBits - 1) / kFitBits * kFitBits;

// Passes over `padded` symbols, a multiple of kFitBits; those after the alphabet have no remainder
// and no codewords.
struct ScalarPasses {
  // Counts the codewords that each symbol gets for certain, and the remainders of the products with
  // `seats`; returns the sum of the counts.
  static EQINFO_INLINE uint32_t multiply(const uint32_t* frequencies, uint32_t alphabet,
                                         uint32_t precision, uint16_t seats, uint16_t* counts,
                                         uint16_t* remainders) {
    uint32_t certain = 0;
    for (uint32_t i = 0; i < alphabet; ++i) {
      const uint32_t product = frequencies[i] * seats;  // both are below 2^16
      remainders[i] = static_cast<uint16_t>(product & ((1u << precision) - 1u));
      counts[i] = static_cast<uint16_t>(product >> precision);
      certain += counts[i];
    }
    return certain;
  }
  // How many remainders are at least `least`, which is above 0.
  static EQINFO_INLINE uint32_t reached(const uint16_t* remainders, uint32_t padded,
                                        uint16_t least) {
    uint16_t count = 0;
    for (uint32_t i = 0; i < padded; ++i) {
      count = static_cast<uint16_t>(count + (remainders[i] >= least));
    }
    return count;
  }
  // Bit i says whether counts[i] is above 0.
  static EQINFO_INLINE uint64_t fits(const uint16_t* counts) {
    uint64_t bits = 0;
    for (uint32_t i = 0; i < kFitBits; ++i) bits |= uint64_t{counts[i] != 0} << i;
    return bits;
  }
  // Appends where the codewords of each symbol in `bits` end; the first begin at `end`. Returns the
  // last end.
  static EQINFO_INLINE uint32_t sum_up(const uint16_t* counts, uint64_t bits, uint32_t end,
                                       uint16_t* ends) {
    for (; bits != 0; bits &= bits - 1) {
      end += counts[__builtin_ctzll(bits)];
      *ends++ = static_cast<uint16_t>(end);
    }
    return end;
  }
};

#if defined(__x86_64__)
struct Avx2Passes : ScalarPasses {
  EQINFO_AVX2 static inline uint64_t fits(const uint16_t* counts) {
    uint64_t bits = 0;
    for (uint32_t i = 0; i < kFitBits; i += 32) {
      const __m256i* here = reinterpret_cast<const __m256i*>(counts + i);
      const __m256i zero = _mm256_setzero_si256();
      const __m256i first = _mm256_cmpeq_epi16(_mm256_loadu_si256(here), zero);
      const __m256i second = _mm256_cmpeq_epi16(_mm256_loadu_si256(here + 1), zero);
      // Packing interleaves halves of 128 bits.
      const __m256i empty = _mm256_permute4x64_epi64(_mm256_packs_epi16(first, second), 0xd8);
      bits |= uint64_t{~static_cast<uint32_t>(_mm256_movemask_epi8(empty))} << i;
    }
    return bits;
  }
};

struct Avx512Passes : ScalarPasses {
  EQINFO_AVX512 static inline uint64_t both(__mmask32 low, __mmask32 high) {
    return uint64_t{high} << 32 | low;
  }
  EQINFO_AVX512 static inline uint32_t multiply(const uint32_t* frequencies, uint32_t alphabet,
                                                uint32_t precision, uint16_t seats,
                                                uint16_t* counts, uint16_t* remainders) {
    const __m512i factor = _mm512_set1_epi16(static_cast<int16_t>(seats));
    const __m512i mask = _mm512_set1_epi16(static_cast<int16_t>((1u << precision) - 1u));
    const __m128i down = _mm_cvtsi32_si128(static_cast<int>(precision));
    const __m128i up = _mm_cvtsi32_si128(static_cast<int>(16 - precision));
    __m512i certain = _mm512_setzero_si512();  // 16 bits each: their sum is at most `seats`
    uint32_t i = 0;
    for (; i + 32 <= alphabet; i += 32) {
      const __m512i frequency = _mm512_inserti64x4(
          _mm512_castsi256_si512(_mm512_cvtepi32_epi16(_mm512_loadu_si512(frequencies + i))),
          _mm512_cvtepi32_epi16(_mm512_loadu_si512(frequencies + i + 16)), 1);
      const __m512i low = _mm512_mullo_epi16(frequency, factor);
      const __m512i high = _mm512_mulhi_epu16(frequency, factor);
      const __m512i count =
          _mm512_or_si512(_mm512_sll_epi16(high, up), _mm512_srl_epi16(low, down));
      _mm512_storeu_si512(counts + i, count);
      _mm512_storeu_si512(remainders + i, _mm512_and_si512(low, mask));
      certain = _mm512_add_epi16(certain, count);
    }
    const __m512i pairs = _mm512_add_epi32(_mm512_and_si512(certain, _mm512_set1_epi32(0xffff)),
                                           _mm512_srli_epi32(certain, 16));
    return static_cast<uint32_t>(_mm512_reduce_add_epi32(pairs)) +
           ScalarPasses::multiply(frequencies + i, alphabet - i, precision, seats, counts + i,
                                  remainders + i);
  }
  EQINFO_AVX512 static inline uint32_t reached(const uint16_t* remainders, uint32_t padded,
                                               uint16_t least) {
    const __m512i all = _mm512_set1_epi16(static_cast<int16_t>(least));
    uint32_t count = 0;
    for (uint32_t i = 0; i < padded; i += kFitBits) {
      const uint64_t bits =
          both(_mm512_cmpge_epu16_mask(_mm512_load_si512(remainders + i), all),
               _mm512_cmpge_epu16_mask(_mm512_load_si512(remainders + i + 32), all));
      count += ones(bits);
    }
    return count;
  }
  EQINFO_AVX512 static inline uint64_t fits(const uint16_t* counts) {
    const __m512i low = _mm512_load_si512(counts);
    const __m512i high = _mm512_load_si512(counts + 32);
    return both(_mm512_test_epi16_mask(low, low), _mm512_test_epi16_mask(high, high));
  }
  // 16 symbols at a time: the counts of those that fit, moved together, and their prefix sums in
  // steps of 1, 2, 4 and 8 neighbours.
  EQINFO_AVX512 static inline uint32_t sum_up(const uint16_t* counts, uint64_t bits, uint32_t end,
                                              uint16_t* ends) {
    const __m512i zero = _mm512_setzero_si512();
    const __m512i last = _mm512_set1_epi32(15);
    __m512i before = _mm512_set1_epi32(static_cast<int>(end));
    for (; bits != 0; bits >>= 16, counts += 16) {
      const __mmask16 here = static_cast<__mmask16>(bits);
      if (here == 0) continue;
      const __m512i all =
          _mm512_cvtepu16_epi32(_mm256_load_si256(reinterpret_cast<const __m256i*>(counts)));
      __m512i sums = _mm512_maskz_compress_epi32(here, all);
      sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 15));
      sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 14));
      sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 12));
      sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 8));
      sums = _mm512_add_epi32(sums, before);
      before = _mm512_permutexvar_epi32(last, sums);
      const uint32_t fitting = ones(here);
      _mm256_mask_storeu_epi16(ends, static_cast<__mmask16>((1u << fitting) - 1u),
                               _mm512_cvtepi32_epi16(sums));
      ends += fitting;
    }
    return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(before)));
  }
};
#endif

template <typename Passes>
EQINFO_INLINE uint32_t apportion(const uint32_t* frequencies, uint32_t alphabet, uint32_t precision,
                                 uint32_t seats, uint64_t* fits, uint16_t* ends) {
  alignas(64) uint16_t remainders[kMaxPadded];
  alignas(64) uint16_t counts[kMaxPadded];
  const uint32_t padded = fit_words(alphabet) * kFitBits;
  for (uint32_t i = alphabet; i < padded; ++i) remainders[i] = counts[i] = 0;
  // Frequencies sum to 2^precision, so the remainders sum to a whole number of seats.
  const uint32_t left = seats - Passes::multiply(frequencies, alphabet, precision,
                                                 static_cast<uint16_t>(seats), counts, remainders);
  // Finds the largest threshold with at least `left` remainders at or above it, bit by bit, as
  // apportion in window.h does; those above it get a codeword each.
  uint16_t threshold = 0;
  uint32_t ties = 0;
  for (uint32_t bit = 1u << (precision - 1);; bit >>= 1) {
    if (bit == 0) {
      const uint16_t above = static_cast<uint16_t>(threshold + 1);
      ties = left - (above == 0 ? 0 : Passes::reached(remainders, padded, above));
      break;
    }
    const uint16_t candidate = static_cast<uint16_t>(threshold | bit);
    const uint32_t reached = Passes::reached(remainders, padded, candidate);
    if (reached == left) {
      threshold = static_cast<uint16_t>(candidate - 1);
      break;
    }
    if (reached > left) threshold = candidate;
  }
  for (uint32_t i = 0; i < padded; ++i) {
    counts[i] = static_cast<uint16_t>(counts[i] + (remainders[i] > threshold));
  }
  for (uint32_t i = 0; ties != 0; ++i) {
    const bool tie = remainders[i] == threshold;
    counts[i] = static_cast<uint16_t>(counts[i] + tie);
    ties -= tie;
  }
  uint32_t fitting = 0;
  uint32_t end = 0;
  for (uint32_t begin = 0; begin < padded; begin += kFitBits) {
    const uint64_t bits = Passes::fits(counts + begin);
    fits[begin / kFitBits] = bits;
    end = Passes::sum_up(counts + begin, bits, end, ends + fitting);
    fitting += ones(bits);
  }
  return fitting;
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

#define EQINFO_SHARE_KERNELS(name, attribute, Passes)                                             \
  attribute uint32_t apportion_##name(const uint32_t* frequencies, uint32_t alphabet,             \
                                      uint32_t precision, uint32_t seats, uint64_t* fits,         \
                                      uint16_t* ends) {                                           \
    return apportion<Passes>(frequencies, alphabet, precision, seats, fits, ends);                \
  }                                                                                               \
  attribute uint32_t rank_##name(const uint64_t* fits, uint32_t symbol) {                         \
    return rank(fits, symbol);                                                                    \
  }                                                                                               \
  attribute uint32_t locate_##name(const uint64_t* fits, const uint16_t* ends, uint32_t alphabet, \
                                   uint32_t target, uint32_t* found) {                            \
    return locate(fits, ends, alphabet, target, found);                                           \
  }                                                                                               \
  const ShareKernels k_##name = {apportion_##name, rank_##name, locate_##name};

EQINFO_SHARE_KERNELS(scalar, , ScalarPasses)
#if defined(__x86_64__)
EQINFO_SHARE_KERNELS(avx2, EQINFO_AVX2, Avx2Passes)
EQINFO_SHARE_KERNELS(avx512, EQINFO_AVX512, Avx512Passes)
#endif

}  // namespace

const ShareKernels& share_kernels() {
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

size_t keep_shares(const Window& window, const uint32_t* frequencies, uint32_t alphabet,
                   uint32_t precision, uint8_t* kept) {
  if ((window.shared >> precision) != 0) {
    uint16_t* before = reinterpret_cast<uint16_t*>(kept);
    uint32_t cumulative = 0;
    for (uint32_t i = 0; i < alphabet; ++i) {
      before[i] = static_cast<uint16_t>(cumulative);
      cumulative += frequencies[i];
    }
    return alphabet * sizeof(uint16_t);
  }
  uint64_t* fits = reinterpret_cast<uint64_t*>(kept);
  uint16_t* ends = reinterpret_cast<uint16_t*>(fits + fit_words(alphabet));
  const uint32_t fitting = share_kernels().apportion(
      frequencies, alphabet, precision, static_cast<uint32_t>(window.shared), fits, ends);
  return fit_words(alphabet) * sizeof(uint64_t) + fitting * sizeof(uint16_t);
}

}  // namespace eqinfo
