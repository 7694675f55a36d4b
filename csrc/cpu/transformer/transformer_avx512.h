// What the loops of the transformer share that take 64 products of 8-bit numbers, or 32 of 16-bit
// ones, at a time (VNNI).
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>

#include "cpu/transformer/transformer_kernels.h"

#define EQINFO_VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define EQINFO_VNNI_INLINE \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"), always_inline)) inline

namespace eqinfo {

// The outputs, and the rows, whose sums are computed together.
constexpr int kTileOutputs = 4;
constexpr int kTileRows = 4;

// 16 parts of a sum. GCC 12 copies parts of the type __m512i in every step of a loop.
using SumParts = int32_t __attribute__((vector_size(64)));

// Rows whose numbers are all within kByteLevels. One operand of the instruction is unsigned, so
// weights come plus 128, and a sum must start at -128 times the sum of the row.
struct ByteRows {
  using Number = int8_t;
  static constexpr uint32_t kStep = 64;
  // All inputs of a matrix: weights plus 128 are at most 255.
  static constexpr uint32_t kSumInputs = kMaxInputs;
  static_assert(int64_t{kSumInputs} * 255 * kByteLevels < int64_t{1} << 31);

  EQINFO_VNNI_INLINE static __m512i weights(const int8_t* at, uint64_t mask) {
    return _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, at), _mm512_set1_epi8(-128));
  }
  EQINFO_VNNI_INLINE static __m512i inputs(const int8_t* at, uint64_t mask) {
    return _mm512_maskz_loadu_epi8(mask, at);
  }
  EQINFO_VNNI_INLINE static SumParts add(SumParts sum, __m512i weights, __m512i inputs) {
    return (SumParts)_mm512_dpbusd_epi32((__m512i)sum, weights, inputs);
  }
};

// Any rows; sums start at 0.
struct WideRows {
  using Number = int16_t;
  static constexpr uint32_t kStep = 32;
  static constexpr uint32_t kSumInputs = 1024;
  static_assert(int64_t{kSumInputs} * kWideLevels * kWeightLevels < int64_t{1} << 31);

  EQINFO_VNNI_INLINE static __m512i weights(const int8_t* at, uint64_t mask) {
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(static_cast<__mmask32>(mask), at));
  }
  EQINFO_VNNI_INLINE static __m512i inputs(const int16_t* at, uint64_t mask) {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>(mask), at);
  }
  EQINFO_VNNI_INLINE static SumParts add(SumParts sum, __m512i weights, __m512i inputs) {
    return (SumParts)_mm512_dpwssd_epi32((__m512i)sum, weights, inputs);
  }
};

// Adds the products of the numbers in `mask`, of kTileOutputs rows of weights and `rows` rows of
// inputs. The loops are unrolled early, as in native_model_avx512.cpp.
template <typename Form, int rows>
EQINFO_VNNI_INLINE void add_step(const int8_t* weight, size_t weight_stride,
                                 const typename Form::Number* row, size_t row_stride, uint64_t mask,
                                 SumParts (*parts)[kTileOutputs]) {
  __m512i weights[kTileOutputs];
#pragma GCC unroll 4
  for (int o = 0; o < kTileOutputs; ++o) {
    weights[o] = Form::weights(weight + static_cast<size_t>(o) * weight_stride, mask);
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
    const __m512i inputs = Form::inputs(row + static_cast<size_t>(r) * row_stride, mask);
#pragma GCC unroll 4
    for (int o = 0; o < kTileOutputs; ++o) parts[r][o] = Form::add(parts[r][o], weights[o], inputs);
  }
}

// The same over at most kSumInputs inputs. Asks for as many weights from `next` on, if that is not
// null.
template <typename Form, int rows>
EQINFO_VNNI_INLINE void add_products(const int8_t* weight, size_t weight_stride,
                                     const typename Form::Number* row, size_t row_stride,
                                     uint32_t inputs, const int8_t* next,
                                     SumParts (*parts)[kTileOutputs]) {
  uint32_t i = 0;
  do {
    if (next != nullptr) {
      // Cache lines, and harmless beyond the last weight.
      const char* asked = reinterpret_cast<const char*>(next + kTileOutputs * i);
#pragma GCC unroll 4
      for (uint32_t line = 0; line < kTileOutputs * Form::kStep; line += 64) {
        _mm_prefetch(asked + line, _MM_HINT_T0);
      }
    }
    const uint64_t mask = ~uint64_t{0} >> (64 - std::min(inputs - i, Form::kStep));
    add_step<Form, rows>(weight + i, weight_stride, row + i, row_stride, mask, parts);
    i += Form::kStep;
  } while (i < inputs);
}

// Pairs of parts of `first` and `second`, in turn.
EQINFO_VNNI_INLINE __m512i join(SumParts first, SumParts second) {
  return _mm512_add_epi32(_mm512_unpacklo_epi32((__m512i)first, (__m512i)second),
                          _mm512_unpackhi_epi32((__m512i)first, (__m512i)second));
}

// All 16 sums, in order.
EQINFO_VNNI_INLINE __m512i sum_parts(const SumParts (*parts)[kTileOutputs]) {
  __m512i fours[kTileRows];  // each quarter has a part of each sum of a row
#pragma GCC unroll 4
  for (int r = 0; r < kTileRows; ++r) {
    const __m512i low = join(parts[r][0], parts[r][1]);
    const __m512i high = join(parts[r][2], parts[r][3]);
    fours[r] = _mm512_add_epi32(_mm512_unpacklo_epi64(low, high), _mm512_unpackhi_epi64(low, high));
  }
  const __m512i low = _mm512_add_epi32(_mm512_shuffle_i32x4(fours[0], fours[1], 0x44),
                                       _mm512_shuffle_i32x4(fours[0], fours[1], 0xee));
  const __m512i high = _mm512_add_epi32(_mm512_shuffle_i32x4(fours[2], fours[3], 0x44),
                                        _mm512_shuffle_i32x4(fours[2], fours[3], 0xee));
  return _mm512_add_epi32(_mm512_shuffle_i32x4(low, high, 0x88),
                          _mm512_shuffle_i32x4(low, high, 0xdd));
}

EQINFO_VNNI_INLINE __m512i limit_values(__m512i values) {
  const __m512i limit = _mm512_set1_epi64(kValueLimit);
  const __m512i least = _mm512_set1_epi64(-kValueLimit);
  return _mm512_max_epi64(_mm512_min_epi64(values, limit), least);
}

EQINFO_VNNI_INLINE __m512i shift_rounded(__m512i values, __m512i shifts) {
  shifts =
      _mm512_min_epi64(_mm512_max_epi64(shifts, _mm512_setzero_si512()), _mm512_set1_epi64(62));
  const __m512i half = _mm512_srli_epi64(_mm512_sllv_epi64(_mm512_set1_epi64(1), shifts), 1);
  return _mm512_srav_epi64(_mm512_add_epi64(values, half), shifts);
}

// attend.
EQINFO_VNNI void attend_vnni(const Query& query, const HeadMemory& memory, uint32_t head_width,
                             uint32_t count, int32_t* scores, int16_t* row, int32_t* out);

}  // namespace eqinfo

#endif
