// What the transformer does to a row besides products, 8 or 16 numbers at a time.
#pragma once

#if defined(__x86_64__)

#include <algorithm>

#include "cpu/transformer/transformer_avx512.h"

namespace eqinfo {

EQINFO_VNNI_INLINE __m512i load_longs(const int32_t* numbers) {
  return _mm512_cvtepi32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(numbers)));
}

EQINFO_VNNI_INLINE __m512i load_longs(const int16_t* numbers) {
  return _mm512_cvtepi16_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(numbers)));
}

// quantise_value of 8 values.
class LongQuantiser {
 public:
  EQINFO_VNNI_INLINE explicit LongQuantiser(const Quantiser& quantiser)
      : reciprocal_(_mm512_set1_epi64(quantiser.reciprocal)),
        left_(_mm_cvtsi32_si128(std::max(31 - static_cast<int>(quantiser.width), 0))),
        right_(_mm_cvtsi32_si128(std::max(static_cast<int>(quantiser.width) - 31, 0))) {}
  EQINFO_VNNI_INLINE __m512i operator()(__m512i values) const {
    // Within 2^31, so the product of the low halves is that of all.
    const __m512i scaled = _mm512_sra_epi64(_mm512_sll_epi64(values, left_), right_);
    const __m512i product = _mm512_mul_epi32(scaled, reciprocal_);
    return _mm512_srai_epi64(_mm512_add_epi64(product, _mm512_set1_epi64(int64_t{1} << 46)), 47);
  }

 private:
  __m512i reciprocal_;
  __m128i left_;
  __m128i right_;
};

EQINFO_VNNI_INLINE void store_shorts(__m512i values, int16_t* row) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(row), _mm512_cvtepi64_epi16(values));
}

EQINFO_VNNI_INLINE void store_ints(__m512i values, int32_t* out) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi64_epi32(values));
}

// The functions of transformer.h of the same names.
EQINFO_VNNI RowScale norm_row_vnni(const int32_t* x, const int16_t* weight, uint32_t width,
                                   int64_t epsilon, int32_t levels, int16_t* row);
EQINFO_VNNI Quantiser quantise_values_vnni(const int32_t* values, uint32_t count, int32_t levels,
                                           int16_t* row);
EQINFO_VNNI Quantiser gated_row_vnni(int32_t* gate, const int32_t* up, uint32_t units,
                                     int32_t levels, int16_t* row);
EQINFO_VNNI void rotate_head_vnni(const Transformer& model, uint32_t position, int32_t* head);
EQINFO_VNNI uint16_t store_head_vnni(const int32_t* head, uint32_t width, int8_t* stored);
EQINFO_VNNI void add_row_vnni(const int32_t* change, uint32_t width, int32_t* x);

}  // namespace eqinfo

#endif
