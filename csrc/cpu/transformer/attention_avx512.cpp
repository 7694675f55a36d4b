// Attention with VNNI.
#if defined(__x86_64__)

#include "cpu/transformer/transformer_avx512.h"

namespace eqinfo {
namespace {

// key_score of 8 positions.
EQINFO_VNNI_INLINE __m256i key_scores(const Query& query, __m256i products,
                                      const uint16_t* largest) {
  const __m512i packed =
      _mm512_cvtepu16_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(largest)));
  const __m512i digits = _mm512_and_si512(packed, _mm512_set1_epi64(0x7ff));
  const __m512i shift =
      _mm512_sub_epi64(_mm512_set1_epi64(query.shift), _mm512_srli_epi64(packed, 11));
  const __m512i scaled = _mm512_mul_epi32(_mm512_cvtepi32_epi64(products), digits);
  const __m512i values = _mm512_mullo_epi64(scaled, _mm512_set1_epi64(query.factor));
  return _mm512_cvtepi64_epi32(limit_values(shift_rounded(values, shift)));
}

EQINFO_VNNI_INLINE void score_keys(const Query& query, const HeadMemory& memory,
                                   uint32_t head_width, uint32_t count, int32_t* scores) {
  constexpr uint32_t kKeys = kTileRows * kTileOutputs;
  uint32_t t = 0;
  for (; t + kKeys <= count; t += kKeys) {
    SumParts parts[kTileRows][kTileOutputs];
#pragma GCC unroll 4
    for (int k = 0; k < kTileRows; ++k) {
      std::fill_n(parts[k], kTileOutputs, SumParts{});
      const size_t key = t + static_cast<size_t>(k) * kTileOutputs;
      add_products<WideRows, 1>(memory.keys + key * head_width, head_width, query.values, 0,
                                head_width, nullptr, parts + k);
    }
    const __m512i products = sum_parts(parts);
    const uint16_t* largest = memory.key_largest + t;
    const __m512i low =
        _mm512_castsi256_si512(key_scores(query, _mm512_castsi512_si256(products), largest));
    const __m256i high =
        key_scores(query, _mm512_extracti64x4_epi64(products, 1), largest + kKeys / 2);
    _mm512_storeu_si512(scores + t, _mm512_inserti64x4(low, high, 1));
  }
  for (; t < count; ++t) {
    scores[t] = key_score(query, key_product(query, memory, head_width, t), memory.key_largest[t]);
  }
}

// The sums of row[t] values[t][i] for the values from i on that `mask` has.
EQINFO_VNNI_INLINE void sum_values(const int8_t* values, __mmask32 mask, uint32_t head_width,
                                   uint32_t count, const int16_t* row, int64_t* sums) {
  constexpr uint32_t kSumPositions = WideRows::kSumInputs;
  // Where unpacking has put the numbers of each half.
  const __m512i order = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const __m512i next = _mm512_add_epi32(order, _mm512_set1_epi32(8));
  alignas(64) int32_t part[32];
  std::fill_n(sums, 32, int64_t{0});
  for (uint32_t first = 0; first < count; first += kSumPositions) {
    const uint32_t end = std::min(count, first + kSumPositions);
    __m512i low = _mm512_setzero_si512();
    __m512i high = _mm512_setzero_si512();
    for (uint32_t t = first; t < end; t += 2) {
      const bool pair = t + 1 < end;
      const int8_t* at = values + static_cast<size_t>(t) * head_width;
      const __m512i one = WideRows::weights(at, mask);
      const __m512i two = pair ? WideRows::weights(at + head_width, mask) : _mm512_setzero_si512();
      const uint32_t second = pair ? static_cast<uint16_t>(row[t + 1]) : 0;
      const __m512i weights =
          _mm512_set1_epi32(static_cast<int>(second << 16 | static_cast<uint16_t>(row[t])));
      low = _mm512_dpwssd_epi32(low, _mm512_unpacklo_epi16(one, two), weights);
      high = _mm512_dpwssd_epi32(high, _mm512_unpackhi_epi16(one, two), weights);
    }
    _mm512_store_si512(part, _mm512_permutex2var_epi32(low, order, high));
    _mm512_store_si512(part + 16, _mm512_permutex2var_epi32(low, next, high));
    for (int i = 0; i < 32; ++i) sums[i] += part[i];
  }
}

}  // namespace

EQINFO_VNNI void attend_vnni(const Query& query, const HeadMemory& memory, uint32_t head_width,
                             uint32_t count, int32_t* scores, int16_t* row, int32_t* out) {
  score_keys(query, memory, head_width, count, scores);
  uint64_t total = 0;
  const Quantiser weights = weigh_values(scores, memory.value_largest, count, &total, row);
  for (uint32_t i = 0; i < head_width; i += 32) {
    const uint32_t width = std::min(head_width - i, uint32_t{32});
    const __mmask32 mask = static_cast<__mmask32>((uint64_t{1} << width) - 1);
    int64_t sums[32];
    sum_values(memory.values + i, mask, head_width, count, row, sums);
    for (uint32_t k = 0; k < width; ++k) out[i + k] = attention_output(sums[k], weights, total);
  }
}

}  // namespace eqinfo

#endif
