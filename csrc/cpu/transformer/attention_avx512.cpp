// Attention with VNNI.
#if defined(__x86_64__)

#include <algorithm>
#include <cstring>

#include "cpu/transformer/rows_avx512.h"

namespace eqinfo {
namespace {

constexpr uint32_t kKeys = kTileRows * kTileOutputs;  // whose scores are computed together
constexpr uint32_t kPositions = 4;                    // whose values an instruction adds to a sum
constexpr uint32_t kValues = 64;                      // of a position in a register

EQINFO_VNNI_INLINE __mmask16 first_lanes(uint32_t left) {
  return static_cast<__mmask16>((1u << std::min(left, 16u)) - 1);
}

EQINFO_VNNI_INLINE __m512i even_half(__m512i values) {
  return _mm512_and_si512(values, _mm512_set1_epi64(0xffffffff));
}

EQINFO_VNNI_INLINE __m512i odd_half(__m512i values) { return _mm512_srli_epi64(values, 32); }

// key_score of 8 positions.
EQINFO_VNNI_INLINE __m256i key_scores(const Query& query, __m256i products, __m128i largest) {
  const __m512i packed = _mm512_cvtepu16_epi64(largest);
  const __m512i digits = _mm512_and_si512(packed, _mm512_set1_epi64(0x7ff));
  const __m512i shift =
      _mm512_sub_epi64(_mm512_set1_epi64(query.shift), _mm512_srli_epi64(packed, 11));
  const __m512i scaled = _mm512_mul_epi32(_mm512_cvtepi32_epi64(products), digits);
  const __m512i values = _mm512_mullo_epi64(scaled, _mm512_set1_epi64(query.factor));
  return _mm512_cvtepi64_epi32(limit_values(shift_rounded(values, shift)));
}

// The scores of kKeys keys with the numbers of `largest`.
EQINFO_VNNI_INLINE __m512i score_block(const Query& query, const int8_t* keys, uint32_t head_width,
                                       __m256i largest) {
  SumParts parts[kTileRows][kTileOutputs];
#pragma GCC unroll 4
  for (int k = 0; k < kTileRows; ++k) {
    std::fill_n(parts[k], kTileOutputs, SumParts{});
    add_products<WideRows, 1>(keys + static_cast<size_t>(k) * kTileOutputs * head_width, head_width,
                              query.values, 0, head_width, nullptr, parts + k);
  }
  const __m512i products = sum_parts(parts);
  const __m256i low =
      key_scores(query, _mm512_castsi512_si256(products), _mm256_castsi256_si128(largest));
  const __m256i high = key_scores(query, _mm512_extracti64x4_epi64(products, 1),
                                  _mm256_extracti128_si256(largest, 1));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// Writes all scores and returns the largest.
EQINFO_VNNI_INLINE int32_t score_keys(const Query& query, const HeadMemory& memory,
                                      uint32_t head_width, uint32_t count, int32_t* scores) {
  __m512i top = _mm512_set1_epi32(-kValueLimit);
  uint32_t t = 0;
  for (; t + kKeys <= count; t += kKeys) {
    const __m256i largest =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(memory.key_largest + t));
    const __m512i block =
        score_block(query, memory.keys + static_cast<size_t>(t) * head_width, head_width, largest);
    _mm512_storeu_si512(scores + t, block);
    top = _mm512_max_epi32(top, block);
  }
  if (t < count) {
    // The memory behind the last key need not be there.
    alignas(64) int8_t keys[kKeys * kMaxHeadWidth];
    const size_t size = static_cast<size_t>(count - t) * head_width;
    std::memcpy(keys, memory.keys + static_cast<size_t>(t) * head_width, size);
    std::memset(keys + size, 0, kKeys * head_width - size);
    const __mmask16 mask = first_lanes(count - t);
    const __m256i largest = _mm256_maskz_loadu_epi16(mask, memory.key_largest + t);
    const __m512i block = score_block(query, keys, head_width, largest);
    _mm512_mask_storeu_epi32(scores + t, mask, block);
    top = _mm512_mask_max_epi32(top, mask, top, block);
  }
  return _mm512_reduce_max_epi32(top);
}

// weighted_largest of even or odd positions, from their weights and largest values.
struct WeightedLargest {
  __m512i even;
  __m512i odd;
};

EQINFO_VNNI_INLINE WeightedLargest weigh_largest(__m512i weights, __m256i packed_largest) {
  const __m512i packed = _mm512_cvtepu16_epi32(packed_largest);
  const __m512i largest = _mm512_sllv_epi32(_mm512_and_si512(packed, _mm512_set1_epi32(0x7ff)),
                                            _mm512_srli_epi32(packed, 11));
  return {_mm512_mul_epu32(weights, largest),
          _mm512_mul_epu32(odd_half(weights), odd_half(largest))};
}

// weigh_values, but the quantised weights, which are not negative, are two rows of `count` bytes:
// 128 times the first plus the second.
EQINFO_VNNI_INLINE Quantiser weigh_in_bytes(int32_t* scores, int32_t top,
                                            const uint16_t* value_largest, uint32_t count,
                                            uint64_t* total, uint8_t* row) {
  __m512i sum = _mm512_setzero_si512();
  __m512i largest = _mm512_setzero_si512();
  for (uint32_t t = 0; t < count; t += 16) {
    const __mmask16 mask = first_lanes(count - t);
    const __m512i below =
        _mm512_sub_epi32(_mm512_set1_epi32(top), _mm512_maskz_loadu_epi32(mask, scores + t));
    const __m512i quantised = _mm512_min_epu32(below, _mm512_set1_epi32(kMaxQuantised));
    const __m512i mantissa =
        _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask,
                                    _mm512_and_si512(quantised, _mm512_set1_epi32(1023)), kExp2, 4);
    const __m512i weights = _mm512_srlv_epi32(mantissa, _mm512_srli_epi32(quantised, 10));
    _mm512_mask_storeu_epi32(scores + t, mask, weights);
    sum = _mm512_add_epi64(sum, _mm512_add_epi64(even_half(weights), odd_half(weights)));
    const WeightedLargest both =
        weigh_largest(weights, _mm256_maskz_loadu_epi16(mask, value_largest + t));
    largest = _mm512_max_epu64(largest, _mm512_max_epu64(both.even, both.odd));
  }
  *total = static_cast<uint64_t>(_mm512_reduce_add_epi64(sum));
  const Quantiser quantiser = make_quantiser(_mm512_reduce_max_epu64(largest), kWideLevels);
  const LongQuantiser quantise(quantiser);
  for (uint32_t t = 0; t < count; t += 16) {
    const __mmask16 mask = first_lanes(count - t);
    const WeightedLargest both = weigh_largest(_mm512_maskz_loadu_epi32(mask, scores + t),
                                               _mm256_maskz_loadu_epi16(mask, value_largest + t));
    const __m512i steps =
        _mm512_or_si512(quantise(both.even), _mm512_slli_epi64(quantise(both.odd), 32));
    _mm512_mask_cvtepi32_storeu_epi8(row + t, mask, _mm512_srli_epi32(steps, 7));
    _mm512_mask_cvtepi32_storeu_epi8(row + count + t, mask,
                                     _mm512_and_si512(steps, _mm512_set1_epi32(127)));
  }
  return quantiser;
}

// Sums of kValues values: number 4 k + e of a quarter q of part p is the sum of values
// 16 q + 4 p + e.
struct ValueSums {
  SumParts parts[2][4];
};

// Adds the values of four positions, weighted by a byte of each of `high` and `low`. No sum can
// overflow:
static_assert(int64_t{kMaxPositions} * kByteLevels * 128 < int64_t{1} << 31);
EQINFO_VNNI_INLINE void add_values(const __m512i* values, uint32_t high, uint32_t low,
                                   ValueSums* sums) {
  const __m512i first_low = _mm512_unpacklo_epi8(values[0], values[1]);
  const __m512i first_high = _mm512_unpackhi_epi8(values[0], values[1]);
  const __m512i second_low = _mm512_unpacklo_epi8(values[2], values[3]);
  const __m512i second_high = _mm512_unpackhi_epi8(values[2], values[3]);
  const __m512i groups[4] = {_mm512_unpacklo_epi16(first_low, second_low),
                             _mm512_unpackhi_epi16(first_low, second_low),
                             _mm512_unpacklo_epi16(first_high, second_high),
                             _mm512_unpackhi_epi16(first_high, second_high)};
  const __m512i weights[2] = {_mm512_set1_epi32(static_cast<int>(high)),
                              _mm512_set1_epi32(static_cast<int>(low))};
#pragma GCC unroll 2
  for (int w = 0; w < 2; ++w) {
#pragma GCC unroll 4
    for (int p = 0; p < 4; ++p) {
      sums->parts[w][p] = ByteRows::add(sums->parts[w][p], weights[w], groups[p]);
    }
  }
}

EQINFO_VNNI_INLINE uint32_t read_bytes(const uint8_t* bytes, uint32_t count) {
  uint32_t result = 0;
  std::memcpy(&result, bytes, count);
  return result;
}

// The outputs for the values from `values` on that `mask` has.
EQINFO_VNNI_INLINE void sum_values(const int8_t* values, uint64_t mask, uint32_t head_width,
                                   uint32_t count, const uint8_t* row, const AttentionScale& scale,
                                   int32_t* out) {
  ValueSums sums{};
  uint32_t t = 0;
  __m512i four[kPositions];
  for (; t + kPositions <= count; t += kPositions) {
#pragma GCC unroll 4
    for (uint32_t k = 0; k < kPositions; ++k) {
      four[k] = _mm512_maskz_loadu_epi8(mask, values + static_cast<size_t>(t + k) * head_width);
    }
    add_values(four, read_bytes(row + t, kPositions), read_bytes(row + count + t, kPositions),
               &sums);
  }
  if (t < count) {
    for (uint32_t k = 0; k < kPositions; ++k) {
      four[k] = t + k < count ? _mm512_maskz_loadu_epi8(
                                    mask, values + static_cast<size_t>(t + k) * head_width)
                              : _mm512_setzero_si512();
    }
    add_values(four, read_bytes(row + t, count - t), read_bytes(row + count + t, count - t), &sums);
  }
  const __m512i factor = _mm512_set1_epi64(scale.factor);
  const __m512i shift = _mm512_set1_epi64(scale.shift);
#pragma GCC unroll 4
  for (int p = 0; p < 4; ++p) {
    alignas(64) int32_t outputs[16];
    const __m512i high = (__m512i)sums.parts[0][p];
    const __m512i low = (__m512i)sums.parts[1][p];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const __m256i part =
          half == 0 ? _mm512_castsi512_si256(high) : _mm512_extracti64x4_epi64(high, 1);
      const __m256i rest =
          half == 0 ? _mm512_castsi512_si256(low) : _mm512_extracti64x4_epi64(low, 1);
      const __m512i sum = _mm512_add_epi64(_mm512_slli_epi64(_mm512_cvtepi32_epi64(part), 7),
                                           _mm512_cvtepi32_epi64(rest));
      store_ints(limit_values(shift_rounded(_mm512_mullo_epi64(sum, factor), shift)),
                 outputs + 8 * half);
    }
    for (int q = 0; q < 4; ++q) {
      if ((mask >> (16 * q) & 1) != 0) std::memcpy(out + 16 * q + 4 * p, outputs + 4 * q, 16);
    }
  }
}

}  // namespace

EQINFO_VNNI void attend_vnni(const Query& query, const HeadMemory& memory, uint32_t head_width,
                             uint32_t count, int32_t* scores, int16_t* row, int32_t* out) {
  const int32_t top = score_keys(query, memory, head_width, count, scores);
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(row);
  uint64_t total = 0;
  const Quantiser weights = weigh_in_bytes(scores, top, memory.value_largest, count, &total, bytes);
  const AttentionScale scale = attention_scale(weights, total);
  for (uint32_t i = 0; i < head_width; i += kValues) {
    const uint64_t mask = ~uint64_t{0} >> (64 - std::min(head_width - i, kValues));
    sum_values(memory.values + i, mask, head_width, count, bytes, scale, out + i);
  }
}

}  // namespace eqinfo

#endif
