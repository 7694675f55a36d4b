// frequency_row, symbol_interval and locate_symbol in 8 lanes; the last alphabet mod 8 symbols use
// the step functions. See frequency_avx512.cpp for why the integers are the same.
#include "cpu/dispatch.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define EQINFO_AVX2 __attribute__((target("avx2")))

namespace eqinfo {
namespace {

constexpr uint32_t kLanes = 8;

EQINFO_AVX2 inline uint64_t reduce64(__m256i x) {
  const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(half)) +
         static_cast<uint64_t>(_mm_extract_epi64(half, 1));
}

EQINFO_AVX2 inline uint32_t reduce32(__m256i x) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(half));
}

EQINFO_AVX2 inline Status scan(const float* logits, uint32_t alphabet, float* max) {
  const uint32_t whole = alphabet / kLanes * kLanes;
  __m256 largest = _mm256_set1_ps(-std::numeric_limits<float>::infinity());
  __m256 nan = _mm256_setzero_ps();
  for (uint32_t i = 0; i < whole; i += kLanes) {
    const __m256 x = _mm256_loadu_ps(logits + i);
    nan = _mm256_or_ps(nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    largest = _mm256_max_ps(largest, x);
  }
  alignas(32) float lanes[kLanes];
  _mm256_store_ps(lanes, largest);
  float result = -std::numeric_limits<float>::infinity();
  bool has_nan = _mm256_movemask_ps(nan) != 0;
  for (const float x : lanes) result = x > result ? x : result;
  for (uint32_t i = whole; i < alphabet; ++i) {
    has_nan |= logits[i] != logits[i];
    result = logits[i] > result ? logits[i] : result;
  }
  if (has_nan) return Status::nan_logit;
  if (result == std::numeric_limits<float>::infinity()) return Status::infinite_logit;
  if (result == -std::numeric_limits<float>::infinity()) return Status::no_finite_logit;
  *max = result;
  return Status::ok;
}

EQINFO_AVX2 inline Status scan(const int32_t* logits, uint32_t alphabet, int32_t* max) {
  return scan_logits(logits, alphabet, max);
}

// quantise_logit.
EQINFO_AVX2 inline __m256i quantise(const float* logits, float max) {
  const __m256 below = _mm256_sub_ps(_mm256_set1_ps(max), _mm256_loadu_ps(logits));
  const __m256 scaled = _mm256_min_ps(_mm256_mul_ps(below, _mm256_set1_ps(kLogitScale)),
                                      _mm256_set1_ps(kMaxQuantisedLogit));
  return _mm256_cvtps_epi32(_mm256_round_ps(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
EQINFO_AVX2 inline __m256i quantise(const int32_t* logits, int32_t max) {
  const __m256i logit = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(logits));
  return _mm256_min_epu32(_mm256_sub_epi32(_mm256_set1_epi32(max), logit),
                          _mm256_set1_epi32(kMaxQuantised));
}

template <typename Logit>
EQINFO_AVX2 inline uint64_t weigh(const Logit* logits, uint32_t alphabet, Logit max,
                                  uint32_t* weights, uint32_t* most_probable) {
  const __m256i fraction = _mm256_set1_epi32(1023);
  const __m256i low_half = _mm256_set1_epi64x(0xffffffff);
  const uint32_t whole = alphabet / kLanes * kLanes;
  __m256i even = _mm256_setzero_si256();
  __m256i odd = _mm256_setzero_si256();
  *most_probable = alphabet;
  for (uint32_t i = 0; i < whole; i += kLanes) {
    if (i % 16 == 0) prefetch_page_ahead(logits + i);
    const __m256i quantised = quantise(logits + i, max);
    const int zero = _mm256_movemask_ps(
        _mm256_castsi256_ps(_mm256_cmpeq_epi32(quantised, _mm256_setzero_si256())));
    if (zero != 0 && *most_probable == alphabet) {
      *most_probable = i + static_cast<uint32_t>(__builtin_ctz(static_cast<unsigned>(zero)));
    }
    const __m256i mantissa = _mm256_i32gather_epi32(reinterpret_cast<const int*>(kExp2),
                                                    _mm256_and_si256(quantised, fraction), 4);
    const __m256i weight = _mm256_srlv_epi32(mantissa, _mm256_srli_epi32(quantised, 10));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(weights + i), weight);
    even = _mm256_add_epi64(even, _mm256_and_si256(weight, low_half));
    odd = _mm256_add_epi64(odd, _mm256_srli_epi64(weight, 32));
  }
  uint64_t sum = reduce64(_mm256_add_epi64(even, odd));
  for (uint32_t i = whole; i < alphabet; ++i) {
    const uint32_t quantised = quantise_logit(max, logits[i]);
    if (quantised == 0 && *most_probable == alphabet) *most_probable = i;
    weights[i] = logit_weight(quantised);
    sum += weights[i];
  }
  return sum;
}

struct Scaler {
  Reciprocal reciprocal;
  __m256i high;
  __m256i low;
  __m128i shift;

  EQINFO_AVX2 explicit Scaler(const Reciprocal& r)
      : reciprocal(r),
        high(_mm256_set1_epi64x(r.high)),
        low(_mm256_set1_epi64x(r.low)),
        shift(_mm_cvtsi32_si128(static_cast<int>(r.shift))) {}

  EQINFO_AVX2 __m256i even(__m256i weight) const {
    const __m256i carry = _mm256_srli_epi64(_mm256_mul_epu32(weight, low), 32);
    return _mm256_srl_epi64(_mm256_add_epi64(_mm256_mul_epu32(weight, high), carry), shift);
  }
  EQINFO_AVX2 __m256i odd(__m256i weight) const { return even(_mm256_srli_epi64(weight, 32)); }
};

template <typename Logit>
EQINFO_AVX2 Status avx2_row(const Logit* logits, uint32_t alphabet, uint32_t precision,
                            uint32_t* frequencies) {
  Logit max{};
  const Status status = scan(logits, alphabet, &max);
  if (status != Status::ok) return status;
  uint32_t most_probable = 0;
  const uint64_t sum = weigh(logits, alphabet, max, frequencies, &most_probable);
  const Scaler scaler(make_reciprocal(sum, alphabet, precision));
  const uint32_t whole = alphabet / kLanes * kLanes;
  __m256i totals = _mm256_setzero_si256();
  for (uint32_t i = 0; i < whole; i += kLanes) {
    __m256i* here = reinterpret_cast<__m256i*>(frequencies + i);
    const __m256i weight = _mm256_loadu_si256(here);
    const __m256i scaled =
        _mm256_or_si256(scaler.even(weight), _mm256_slli_epi64(scaler.odd(weight), 32));
    const __m256i frequency = _mm256_add_epi32(scaled, _mm256_set1_epi32(1));
    _mm256_storeu_si256(here, frequency);
    totals = _mm256_add_epi32(totals, frequency);
  }
  uint32_t total = reduce32(totals);
  for (uint32_t i = whole; i < alphabet; ++i) {
    frequencies[i] = 1 + scale_weight(frequencies[i], scaler.reciprocal);
    total += frequencies[i];
  }
  frequencies[most_probable] += (uint32_t{1} << precision) - total;
  return Status::ok;
}

// The sum of scale_weight over [first, last), without the 1 that every frequency gets on top.
EQINFO_AVX2 inline uint32_t sum_scaled(const uint32_t* weights, uint32_t first, uint32_t last,
                                       const Scaler& scaler) {
  __m256i sums = _mm256_setzero_si256();
  uint32_t i = first;
  for (; i + kLanes <= last; i += kLanes) {
    const __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + i));
    sums = _mm256_add_epi64(sums, _mm256_add_epi64(scaler.even(weight), scaler.odd(weight)));
  }
  uint32_t total = static_cast<uint32_t>(reduce64(sums));
  for (; i < last; ++i) total += scale_weight(weights[i], scaler.reciprocal);
  return total;
}

EQINFO_AVX2 Status avx2_interval(const float* logits, uint32_t alphabet, uint32_t precision,
                                 uint32_t symbol, uint32_t* scratch, Interval* interval) {
  float max = 0.0f;
  const Status status = scan(logits, alphabet, &max);
  if (status != Status::ok) return status;
  uint32_t most_probable = 0;
  const uint64_t sum = weigh(logits, alphabet, max, scratch, &most_probable);
  const Scaler scaler(make_reciprocal(sum, alphabet, precision));
  const uint32_t below = sum_scaled(scratch, 0, symbol, scaler);
  const uint32_t above = sum_scaled(scratch, symbol, alphabet, scaler);
  const uint32_t left = (uint32_t{1} << precision) - (alphabet + below + above);
  interval->start = below + symbol + (most_probable < symbol ? left : 0);
  interval->frequency =
      1 + scale_weight(scratch[symbol], scaler.reciprocal) + (most_probable == symbol ? left : 0);
  return Status::ok;
}

template <typename Logit>
EQINFO_AVX2 Result avx2_rows(const Logit* logits, int64_t count, uint32_t alphabet,
                             uint32_t precision, uint32_t* frequencies) {
  for (int64_t r = 0; r < count; ++r) {
    const Status status =
        avx2_row(logits + r * alphabet, alphabet, precision, frequencies + r * alphabet);
    if (status != Status::ok) return {status, r};
  }
  return {};
}

EQINFO_AVX2 Result avx2_intervals(const float* logits, int64_t count, uint32_t alphabet,
                                  uint32_t precision, const int32_t* symbols, uint32_t* scratch,
                                  Interval* intervals) {
  for (int64_t r = 0; r < count; ++r) {
    const Status status = avx2_interval(logits + r * alphabet, alphabet, precision,
                                        static_cast<uint32_t>(symbols[r]), scratch, &intervals[r]);
    if (status != Status::ok) return {status, r};
  }
  return {};
}

EQINFO_AVX2 uint32_t avx2_locate(const uint32_t* frequencies, uint32_t alphabet, uint32_t target,
                                 Interval* interval) {
  uint32_t start = 0;
  uint32_t symbol = 0;
  while (symbol + kLanes <= alphabet) {
    const uint32_t block =
        reduce32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(frequencies + symbol)));
    if (start + block > target) break;
    start += block;
    symbol += kLanes;
  }
  symbol +=
      locate_symbol(SerialRow{frequencies + symbol, alphabet - symbol}, target - start, interval);
  interval->start += start;
  return symbol;
}

}  // namespace

const FrequencyKernels kAvx2Frequency = {avx2_rows<float>, avx2_rows<int32_t>, avx2_intervals,
                                         avx2_locate};

}  // namespace eqinfo
#endif
