// Products of matrices with VNNI, and the table of its loops.
#if defined(__x86_64__)

#include "cpu/transformer/transformer_avx512.h"

#include <algorithm>
#include <numeric>

#include "cpu/transformer/panels_avx512.h"
#include "cpu/transformer/rows_avx512.h"

namespace eqinfo {
namespace {

// Weights come from memory, once for all rows: as in transformer_avx2.cpp.
constexpr uint32_t kGroupsAhead = 4;

// Four times `low`, four times `high`.
EQINFO_VNNI_INLINE __m512i halves(int64_t low, int64_t high) {
  return _mm512_mask_set1_epi64(_mm512_set1_epi64(low), 0xf0, high);
}

EQINFO_VNNI_INLINE __m128i load_four(const void* numbers) {
  return _mm_loadu_si128(static_cast<const __m128i*>(numbers));
}

// matrix_output for kTileOutputs outputs of the rows of `low` and `high`.
EQINFO_VNNI_INLINE __m256i matrix_outputs(const Matrix& matrix, uint32_t output, __m512i sums,
                                          const RowScale& low, const RowScale& high) {
  const __m512i scale =
      _mm512_broadcast_i64x4(_mm256_cvtepu32_epi64(load_four(matrix.scale + output)));
  const __m512i factor =
      _mm512_srli_epi64(_mm512_mul_epu32(halves(low.mantissa, high.mantissa), scale), 38);
  const __m512i shift =
      halves(low.exponent + matrix.exponent - 38, high.exponent + matrix.exponent - 38);
  __m512i values = shift_rounded(_mm512_mullo_epi64(sums, factor), shift);
  if (matrix.bias != nullptr) {
    const __m256i bias = _mm256_cvtepi32_epi64(load_four(matrix.bias + output));
    values = _mm512_add_epi64(values, _mm512_broadcast_i64x4(bias));
  }
  return _mm512_cvtepi64_epi32(limit_values(values));
}

template <typename Form, int rows, bool asks_ahead>
EQINFO_VNNI void output_tile(const Matrix& matrix, uint32_t output,
                             const typename Form::Number* row, size_t row_stride,
                             const int32_t* starts, const RowScale* scales, int32_t* outputs,
                             size_t output_stride) {
  constexpr int kPairs = (rows + 1) / 2;
  const size_t group = size_t{kTileOutputs} * matrix.inputs;
  const int8_t* weight = matrix.weight + static_cast<size_t>(output) * matrix.inputs;
  const auto partner = [](int pair) { return std::min(2 * pair + 1, rows - 1); };
  __m512i sums[kPairs];
  for (int p = 0; p < kPairs; ++p) sums[p] = halves(starts[2 * p], starts[partner(p)]);
  for (uint32_t first = 0; first < matrix.inputs; first += Form::kSumInputs) {
    SumParts parts[kTileRows][kTileOutputs];
#pragma GCC unroll 4
    for (auto& row_parts : parts) {
#pragma GCC unroll 4
      for (SumParts& each : row_parts) each = SumParts{};
    }
    add_products<Form, rows>(
        weight + first, matrix.inputs, row + first, row_stride,
        std::min(Form::kSumInputs, matrix.inputs - first),
        asks_ahead ? weight + kGroupsAhead * group + kTileOutputs * first : nullptr, parts);
    const __m512i added = sum_parts(parts);
    sums[0] = _mm512_add_epi64(sums[0], _mm512_cvtepi32_epi64(_mm512_castsi512_si256(added)));
    if constexpr (kPairs == 2) {
      const __m256i high = _mm512_extracti64x4_epi64(added, 1);
      sums[1] = _mm512_add_epi64(sums[1], _mm512_cvtepi32_epi64(high));
    }
  }
  for (int p = 0; p < kPairs; ++p) {
    const __m256i values =
        matrix_outputs(matrix, output, sums[p], scales[2 * p], scales[partner(p)]);
    int32_t* out = outputs + static_cast<size_t>(2 * p) * output_stride + output;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(values));
    if (2 * p + 1 < rows) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + output_stride),
                       _mm256_extracti128_si256(values, 1));
    }
  }
}

// The first `tiled` outputs, a multiple of kTileOutputs.
template <typename Form>
EQINFO_VNNI void multiply(const Matrix& matrix, uint32_t tiled, const typename Form::Number* rows,
                          size_t row_stride, const int32_t* starts, const RowScale* scales,
                          int64_t count, int32_t* outputs, size_t output_stride) {
  const auto at = [=](int64_t row) { return rows + static_cast<size_t>(row) * row_stride; };
  const auto out = [=](int64_t row) { return outputs + static_cast<size_t>(row) * output_stride; };
  for (uint32_t o = 0; o < tiled; o += kTileOutputs) {
    int64_t r = count < kTileRows ? 1 : kTileRows;
    const auto first = r == 1 ? output_tile<Form, 1, true> : output_tile<Form, kTileRows, true>;
    first(matrix, o, rows, row_stride, starts, scales, outputs, output_stride);
    for (; r + kTileRows <= count; r += kTileRows) {
      output_tile<Form, kTileRows, false>(matrix, o, at(r), row_stride, starts + r, scales + r,
                                          out(r), output_stride);
    }
    for (; r < count; ++r) {
      output_tile<Form, 1, false>(matrix, o, at(r), row_stride, starts + r, scales + r, out(r),
                                  output_stride);
    }
  }
}

EQINFO_VNNI bool within_bytes(const int16_t* row, uint32_t inputs) {
  bool within = true;
  for (uint32_t i = 0; i < inputs; ++i) within &= row[i] >= -kByteLevels && row[i] <= kByteLevels;
  return within;
}

// Without the first outputs.
Matrix outputs_from(Matrix matrix, uint32_t first) {
  matrix.weight += static_cast<size_t>(first) * matrix.inputs;
  matrix.scale += first;
  matrix.bias = matrix.bias == nullptr ? nullptr : matrix.bias + first;
  matrix.outputs -= first;
  return matrix;
}

EQINFO_VNNI void multiply_few(const Matrix& matrix, const int16_t* rows, size_t row_stride,
                              const RowScale* scales, int64_t count, int32_t* outputs,
                              size_t output_stride, uint8_t* scratch) {
  const uint32_t inputs = matrix.inputs;
  const uint32_t tiled = matrix.outputs / kTileOutputs * kTileOutputs;
  bool narrow = true;
  for (int64_t r = 0; r < count; ++r) {
    narrow = narrow && within_bytes(rows + static_cast<size_t>(r) * row_stride, inputs);
  }
  const MatrixScratch memory = matrix_scratch(scratch, inputs);
  if (narrow) {
    for (int64_t r = 0; r < count; ++r) {
      const int16_t* row = rows + static_cast<size_t>(r) * row_stride;
      std::copy_n(row, inputs, memory.rows + static_cast<size_t>(r) * inputs);
      memory.sums[r] = -128 * std::accumulate(row, row + inputs, 0);
    }
    multiply<ByteRows>(matrix, tiled, memory.rows, inputs, memory.sums, scales, count, outputs,
                       output_stride);
  } else {
    std::fill_n(memory.sums, count, 0);
    multiply<WideRows>(matrix, tiled, rows, row_stride, memory.sums, scales, count, outputs,
                       output_stride);
  }
  if (tiled == matrix.outputs) return;
  // The alphabet need not be a multiple of kTileOutputs.
  kScalarTransformer.matrix(outputs_from(matrix, tiled), rows, row_stride, scales, count,
                            outputs + tiled, output_stride, scratch);
}

EQINFO_VNNI void matrix_vnni(const Matrix& matrix, const int16_t* rows, size_t row_stride,
                             const RowScale* scales, int64_t count, int32_t* outputs,
                             size_t output_stride, uint8_t* scratch) {
  uint32_t tiled = 0;
  if (count >= kPanelMinRows) {
    tiled = matrix.outputs / kPanelOutputs * kPanelOutputs;
    multiply_panels(matrix, tiled, rows, row_stride, scales, count, outputs, output_stride,
                    scratch);
    if (tiled == matrix.outputs) return;
  }
  multiply_few(outputs_from(matrix, tiled), rows, row_stride, scales, count, outputs + tiled,
               output_stride, scratch);
}

}  // namespace

const TransformerKernels kAvx512Transformer = {
    matrix_vnni,    attend_vnni,      norm_row_vnni,   quantise_values_vnni,
    gated_row_vnni, rotate_head_vnni, store_head_vnni, add_row_vnni};

}  // namespace eqinfo

#endif
