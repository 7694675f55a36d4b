// frequency_row, symbol_interval and locate_symbol in 16 lanes. In every lane the operations are
// those of frequency.h: the same subtraction, multiplication and rounding, the same table, the same
// two 32-bit products. Only the order of integer additions differs, which does not change any sum.
#include "cpu/dispatch.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define EQINFO_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

namespace eqinfo {
namespace {

constexpr uint32_t kLanes = 16;

EQINFO_AVX512 inline __mmask16 lane_mask(uint32_t left) {
  return left >= kLanes ? static_cast<__mmask16>(0xffff)
                        : static_cast<__mmask16>((1u << left) - 1u);
}

// Moves the odd lanes to the low halves of 64-bit lanes. A shuffle, because all 512-bit shifts
// share one port.
EQINFO_AVX512 inline __m512i odd_lanes(__m512i x) {
  return _mm512_maskz_shuffle_epi32(0x5555, x, _MM_PERM_DDBB);
}

EQINFO_AVX512 inline Status scan(const float* logits, uint32_t alphabet, float* max) {
  const __m512 lowest = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  __m512 first = lowest;
  __m512 second = lowest;
  __mmask16 nan = 0;
  uint32_t i = 0;
  for (; i + 2 * kLanes <= alphabet; i += 2 * kLanes) {
    const __m512 x = _mm512_loadu_ps(logits + i);
    const __m512 y = _mm512_loadu_ps(logits + i + kLanes);
    nan = static_cast<__mmask16>(nan | _mm512_cmp_ps_mask(x, y, _CMP_UNORD_Q));
    first = _mm512_max_ps(first, x);
    second = _mm512_max_ps(second, y);
  }
  for (; i < alphabet; i += kLanes) {
    const __m512 x = _mm512_mask_loadu_ps(lowest, lane_mask(alphabet - i), logits + i);
    nan = static_cast<__mmask16>(nan | _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q));
    first = _mm512_max_ps(first, x);
  }
  if (nan != 0) return Status::nan_logit;
  *max = _mm512_reduce_max_ps(_mm512_max_ps(first, second));
  if (*max == std::numeric_limits<float>::infinity()) return Status::infinite_logit;
  if (*max == -std::numeric_limits<float>::infinity()) return Status::no_finite_logit;
  return Status::ok;
}

EQINFO_AVX512 inline Status scan(const int32_t* logits, uint32_t alphabet, int32_t* max) {
  __m512i largest = _mm512_set1_epi32(logits[0]);
  for (uint32_t i = 0; i < alphabet; i += kLanes) {
    const __mmask16 mask = lane_mask(alphabet - i);
    largest =
        _mm512_mask_max_epi32(largest, mask, largest, _mm512_maskz_loadu_epi32(mask, logits + i));
  }
  *max = _mm512_reduce_max_epi32(largest);
  return Status::ok;
}

// quantise_logit.
struct FloatQuantiser {
  __m512 maximum;
  EQINFO_AVX512 explicit FloatQuantiser(float max) : maximum(_mm512_set1_ps(max)) {}
  EQINFO_AVX512 __m512i quantise(__mmask16 mask, const float* logits) const {
    const __m512 x = _mm512_maskz_loadu_ps(mask, logits);
    const __m512 scaled =
        _mm512_min_ps(_mm512_mul_ps(_mm512_sub_ps(maximum, x), _mm512_set1_ps(kLogitScale)),
                      _mm512_set1_ps(kMaxQuantisedLogit));
    return _mm512_cvt_roundps_epi32(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
};
struct IntegerQuantiser {
  __m512i maximum;
  EQINFO_AVX512 explicit IntegerQuantiser(int32_t max) : maximum(_mm512_set1_epi32(max)) {}
  EQINFO_AVX512 __m512i quantise(__mmask16 mask, const int32_t* logits) const {
    const __m512i below = _mm512_sub_epi32(maximum, _mm512_maskz_loadu_epi32(mask, logits));
    return _mm512_min_epu32(below, _mm512_set1_epi32(kMaxQuantised));
  }
};
EQINFO_AVX512 inline FloatQuantiser make_quantiser(float max) { return FloatQuantiser(max); }
EQINFO_AVX512 inline IntegerQuantiser make_quantiser(int32_t max) { return IntegerQuantiser(max); }

// Computes the weights, their sum, and the first symbol with a quantised logit of 0.
template <typename Logit>
EQINFO_AVX512 inline uint64_t weigh(const Logit* logits, uint32_t alphabet, Logit max,
                                    uint32_t* weights, uint32_t* most_probable) {
  const auto quantiser = make_quantiser(max);
  const __m512i fraction = _mm512_set1_epi32(1023);
  const __m512i low_half = _mm512_set1_epi64(0xffffffff);
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  *most_probable = alphabet;
  for (uint32_t i = 0; i < alphabet; i += kLanes) {
    prefetch_page_ahead(logits + i);
    const __mmask16 mask = lane_mask(alphabet - i);
    const __m512i quantised = quantiser.quantise(mask, logits + i);
    const __mmask16 zero = _mm512_mask_cmpeq_epi32_mask(mask, quantised, _mm512_setzero_si512());
    if (zero != 0 && *most_probable == alphabet) {
      *most_probable = i + static_cast<uint32_t>(__builtin_ctz(zero));
    }
    const __m512i mantissa = _mm512_mask_i32gather_epi32(
        _mm512_setzero_si512(), mask, _mm512_and_si512(quantised, fraction), kExp2, 4);
    const __m512i weight = _mm512_srlv_epi32(mantissa, _mm512_srli_epi32(quantised, 10));
    _mm512_mask_storeu_epi32(weights + i, mask, weight);
    even = _mm512_add_epi64(even, _mm512_and_si512(weight, low_half));
    odd = _mm512_add_epi64(odd, odd_lanes(weight));
  }
  return static_cast<uint64_t>(_mm512_reduce_add_epi64(_mm512_add_epi64(even, odd)));
}

// scale_weight in 64-bit lanes, for the even lanes of `weight`; odd_lanes provides the others.
struct Scaler {
  __m512i high;
  __m512i low;
  __m128i shift;
  __m128i shift_to_high;

  EQINFO_AVX512 explicit Scaler(const Reciprocal& reciprocal)
      : high(_mm512_set1_epi64(reciprocal.high)),
        low(_mm512_set1_epi64(reciprocal.low)),
        shift(_mm_cvtsi32_si128(static_cast<int>(reciprocal.shift))),
        shift_to_high(_mm_cvtsi32_si128(static_cast<int>(reciprocal.shift - 32))) {}

  EQINFO_AVX512 __m512i product(__m512i weight) const {
    const __m512i carry = odd_lanes(_mm512_mul_epu32(weight, low));
    return _mm512_add_epi64(_mm512_mul_epu32(weight, high), carry);
  }
  // The sums of the scaled even and odd lanes, in 64-bit lanes.
  EQINFO_AVX512 __m512i pair_sums(__m512i weight) const {
    return _mm512_add_epi64(_mm512_srl_epi64(product(weight), shift),
                            _mm512_srl_epi64(product(odd_lanes(weight)), shift));
  }
  // All 16 scaled weights. The odd ones stay in the high halves instead of moving down and up
  // again.
  EQINFO_AVX512 __m512i all(__m512i weight) const {
    const __m512i even = _mm512_srl_epi64(product(weight), shift);
    const __m512i odd = _mm512_srl_epi64(product(odd_lanes(weight)), shift_to_high);
    return _mm512_mask_blend_epi32(0xaaaa, even, odd);
  }
};

// What one pass over a row hands to the next.
template <typename Logit>
struct Row {
  Logit max;
  uint32_t most_probable;
  Reciprocal reciprocal;
};

// Computes the weights of up to kRowBlock rows and their reciprocals. All rows go through each pass
// together: a pass ends in a reduction and a division, whose latencies the next row hides.
template <typename Logit>
EQINFO_AVX512 inline Result weigh_block(const Logit* logits, int64_t count, uint32_t alphabet,
                                        uint32_t precision, uint32_t* weights, Row<Logit>* rows) {
  for (int64_t r = 0; r < count; ++r) {
    const Status status = scan(logits + r * alphabet, alphabet, &rows[r].max);
    if (status != Status::ok) return {status, r};
  }
  uint64_t sums[kRowBlock];
  for (int64_t r = 0; r < count; ++r) {
    sums[r] = weigh(logits + r * alphabet, alphabet, rows[r].max, weights + r * alphabet,
                    &rows[r].most_probable);
  }
  for (int64_t r = 0; r < count; ++r) {
    rows[r].reciprocal = make_reciprocal(sums[r], alphabet, precision);
  }
  return {};
}

template <typename Logit>
EQINFO_AVX512 inline void scale_row(const Row<Logit>& row, uint32_t alphabet, uint32_t precision,
                                    uint32_t* frequencies) {
  const Scaler scaler(row.reciprocal);
  const __m512i one = _mm512_set1_epi32(1);
  __m512i total = _mm512_setzero_si512();
  uint32_t i = 0;
  for (; i + kLanes <= alphabet; i += kLanes) {
    const __m512i weight = _mm512_loadu_si512(frequencies + i);
    const __m512i frequency = _mm512_add_epi32(scaler.all(weight), one);
    _mm512_storeu_si512(frequencies + i, frequency);
    total = _mm512_add_epi32(total, frequency);
  }
  if (i < alphabet) {
    const __mmask16 mask = lane_mask(alphabet - i);
    const __m512i weight = _mm512_maskz_loadu_epi32(mask, frequencies + i);
    const __m512i frequency = _mm512_maskz_add_epi32(mask, scaler.all(weight), one);
    _mm512_mask_storeu_epi32(frequencies + i, mask, frequency);
    total = _mm512_add_epi32(total, frequency);
  }
  frequencies[row.most_probable] +=
      (uint32_t{1} << precision) - static_cast<uint32_t>(_mm512_reduce_add_epi32(total));
}

EQINFO_AVX512 inline Interval scale_interval(const Row<float>& row, uint32_t alphabet,
                                             uint32_t precision, uint32_t symbol,
                                             const uint32_t* weights) {
  const Scaler scaler(row.reciprocal);
  // Sums over [0, symbol) and [symbol, alphabet), without the 1 that every frequency gets on top.
  __m512i below = _mm512_setzero_si512();
  __m512i above = _mm512_setzero_si512();
  const uint32_t split = symbol / kLanes * kLanes;
  const auto scaled = [&](uint32_t i, __mmask16 mask) EQINFO_AVX512 {
    return scaler.pair_sums(_mm512_maskz_loadu_epi32(mask, weights + i));
  };
  for (uint32_t i = 0; i < split; i += kLanes) below = _mm512_add_epi64(below, scaled(i, 0xffff));
  const __mmask16 here = lane_mask(alphabet - split);
  const __mmask16 before = lane_mask(symbol - split);
  below = _mm512_add_epi64(below, scaled(split, before));
  above = _mm512_add_epi64(above, scaled(split, static_cast<__mmask16>(here & ~before)));
  for (uint32_t i = split + kLanes; i < alphabet; i += kLanes) {
    above = _mm512_add_epi64(above, scaled(i, lane_mask(alphabet - i)));
  }
  const uint32_t sum_below = static_cast<uint32_t>(_mm512_reduce_add_epi64(below));
  const uint32_t total =
      alphabet + sum_below + static_cast<uint32_t>(_mm512_reduce_add_epi64(above));
  const uint32_t left = (uint32_t{1} << precision) - total;
  return {
      sum_below + symbol + (row.most_probable < symbol ? left : 0),
      1 + scale_weight(weights[symbol], row.reciprocal) + (row.most_probable == symbol ? left : 0)};
}

template <typename Logit>
EQINFO_AVX512 Result avx512_rows(const Logit* logits, int64_t count, uint32_t alphabet,
                                 uint32_t precision, uint32_t* frequencies) {
  Row<Logit> rows[kRowBlock];
  const Result result = weigh_block(logits, count, alphabet, precision, frequencies, rows);
  if (result.status != Status::ok) return result;
  for (int64_t r = 0; r < count; ++r) {
    scale_row(rows[r], alphabet, precision, frequencies + r * alphabet);
  }
  return {};
}

EQINFO_AVX512 Result avx512_intervals(const float* logits, int64_t count, uint32_t alphabet,
                                      uint32_t precision, const int32_t* symbols, uint32_t* scratch,
                                      Interval* intervals) {
  Row<float> rows[kRowBlock];
  const Result result = weigh_block(logits, count, alphabet, precision, scratch, rows);
  if (result.status != Status::ok) return result;
  for (int64_t r = 0; r < count; ++r) {
    intervals[r] = scale_interval(rows[r], alphabet, precision, static_cast<uint32_t>(symbols[r]),
                                  scratch + r * alphabet);
  }
  return {};
}

// The symbol among 16 whose interval contains `target`, by prefix sums over 1, 2, 4, 8 and 16
// neighbours.
EQINFO_AVX512 inline uint32_t locate_in_block(__m512i block, uint32_t target, Interval* interval) {
  const __m512i zero = _mm512_setzero_si512();
  __m512i sums = _mm512_add_epi32(block, _mm512_alignr_epi32(block, zero, 15));
  sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 14));
  sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 12));
  sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 8));
  uint32_t bounds[kLanes + 1];
  bounds[0] = 0;
  _mm512_storeu_si512(bounds + 1, sums);
  const uint32_t symbol = static_cast<uint32_t>(__builtin_popcount(
      _mm512_cmple_epu32_mask(sums, _mm512_set1_epi32(static_cast<int>(target)))));
  *interval = {bounds[symbol], bounds[symbol + 1] - bounds[symbol]};
  return symbol;
}

EQINFO_AVX512 inline uint32_t sum_block(const uint32_t* frequencies) {
  return static_cast<uint32_t>(_mm512_reduce_add_epi32(_mm512_loadu_si512(frequencies)));
}

// Searches groups of four blocks, then the blocks of a group without branches, then the block.
EQINFO_AVX512 uint32_t avx512_locate(const uint32_t* frequencies, uint32_t alphabet,
                                     uint32_t target, Interval* interval) {
  uint32_t start = 0;
  uint32_t symbol = 0;
  for (; symbol + 4 * kLanes <= alphabet; symbol += 4 * kLanes) {
    const uint32_t* here = frequencies + symbol;
    const __m512i first =
        _mm512_add_epi32(_mm512_loadu_si512(here), _mm512_loadu_si512(here + kLanes));
    const __m512i second = _mm512_add_epi32(_mm512_loadu_si512(here + 2 * kLanes),
                                            _mm512_loadu_si512(here + 3 * kLanes));
    const uint32_t group =
        static_cast<uint32_t>(_mm512_reduce_add_epi32(_mm512_add_epi32(first, second)));
    if (start + group > target) {
      const uint32_t one = start + sum_block(here);
      const uint32_t two = one + sum_block(here + kLanes);
      const uint32_t three = two + sum_block(here + 2 * kLanes);
      const uint32_t bounds[4] = {start, one, two, three};
      const uint32_t block = (one <= target) + (two <= target) + (three <= target);
      symbol += block * kLanes;
      start = bounds[block];
      symbol += locate_in_block(_mm512_loadu_si512(frequencies + symbol), target - start, interval);
      interval->start += start;
      return symbol;
    }
    start += group;
  }
  symbol +=
      locate_symbol(SerialRow{frequencies + symbol, alphabet - symbol}, target - start, interval);
  interval->start += start;
  return symbol;
}

}  // namespace

const FrequencyKernels kAvx512Frequency = {avx512_rows<float>, avx512_rows<int32_t>,
                                           avx512_intervals, avx512_locate};

}  // namespace eqinfo
#endif
