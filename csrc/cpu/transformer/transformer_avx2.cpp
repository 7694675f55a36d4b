#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>

#include "cpu/transformer/transformer_kernels.h"

#define EQINFO_AVX2 __attribute__((target("avx2")))
#define EQINFO_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

namespace eqinfo {
namespace {

// 1024 products of at most kWideLevels * 127 sum to less than 2^31, so sums of this many inputs
// stay in 32 bits.
constexpr uint32_t kSumInputs = 1024;
static_assert(int64_t{kSumInputs} * kWideLevels * kWeightLevels < int64_t{1} << 31);

constexpr int kOutputs = 4;  // whose sums are computed together
constexpr int kRows = 2;
// Weights come from memory, once for all rows. So many groups of outputs ahead they are asked for:
// two are 4 KiB or more, which covers the latency.
constexpr uint32_t kGroupsAhead = 2;

// 8 parts of a sum. GCC 12 copies parts of the type __m256i in every step of a loop.
using SumParts = int32_t __attribute__((vector_size(32)));

EQINFO_AVX2_INLINE __m256i load_rows(const int16_t* row) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row));
}

// 16 numbers of 8 bits as numbers of 16 bits.
EQINFO_AVX2_INLINE __m256i load_bytes(const int8_t* bytes) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// All four sums, in order.
EQINFO_AVX2_INLINE __m128i sum_parts(const SumParts* parts) {
  const __m256i first = _mm256_hadd_epi32((__m256i)parts[0], (__m256i)parts[1]);
  const __m256i second = _mm256_hadd_epi32((__m256i)parts[2], (__m256i)parts[3]);
  const __m256i both = _mm256_hadd_epi32(first, second);
  return _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
}

// Adds the products of kOutputs rows of weights and `Rows` rows, over at most kSumInputs inputs, to
// `sums`. Asks for as many weights from `next` on, if that is not null.
template <int Rows>
EQINFO_AVX2_INLINE void add_products(const int8_t* weight, size_t weight_stride,
                                     const int16_t* rows, size_t row_stride, uint32_t inputs,
                                     const int8_t* next, __m256i* sums) {
  SumParts parts[Rows][kOutputs];
  for (auto& row : parts) std::fill_n(row, kOutputs, SumParts{});
  for (uint32_t i = 0; i < inputs; i += kWidthStep) {
    // A cache line, and harmless beyond the last weight.
    if (next != nullptr) {
      _mm_prefetch(reinterpret_cast<const char*>(next + kOutputs * i), _MM_HINT_T0);
    }
    __m256i input[Rows];
    for (int r = 0; r < Rows; ++r) {
      input[r] = load_rows(rows + static_cast<size_t>(r) * row_stride + i);
    }
    for (int o = 0; o < kOutputs; ++o) {
      const __m256i weights = load_bytes(weight + static_cast<size_t>(o) * weight_stride + i);
      for (int r = 0; r < Rows; ++r) {
        parts[r][o] += (SumParts)_mm256_madd_epi16(weights, input[r]);
      }
    }
  }
  for (int r = 0; r < Rows; ++r) {
    sums[r] = _mm256_add_epi64(sums[r], _mm256_cvtepi32_epi64(sum_parts(parts[r])));
  }
}

// matrix_output for kOutputs outputs.
EQINFO_AVX2_INLINE __m128i matrix_outputs(const Matrix& matrix, uint32_t output, __m256i sums,
                                          const RowScale& row) {
  const auto four = [output](const auto* numbers) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(numbers + output));
  };
  const __m256i scale = _mm256_cvtepu32_epi64(four(matrix.scale));
  const __m256i factor =
      _mm256_srli_epi64(_mm256_mul_epu32(scale, _mm256_set1_epi64x(row.mantissa)), 38);
  const __m256i high = _mm256_mul_epu32(_mm256_srli_epi64(sums, 32), factor);
  const __m256i values =
      _mm256_add_epi64(_mm256_mul_epu32(sums, factor), _mm256_slli_epi64(high, 32));
  // shift_rounded. Shifts of 64 bits are of unsigned numbers: 2^63 is added before.
  const int32_t shift = std::clamp(row.exponent + matrix.exponent - 38, 0, 62);
  const __m128i count = _mm_cvtsi32_si128(shift);
  const uint64_t offset = uint64_t{1} << 63;
  const uint64_t rounded = offset + (uint64_t{1} << shift >> 1);
  __m256i shifted = _mm256_srl_epi64(
      _mm256_add_epi64(values, _mm256_set1_epi64x(static_cast<int64_t>(rounded))), count);
  shifted = _mm256_sub_epi64(shifted, _mm256_set1_epi64x(static_cast<int64_t>(offset >> shift)));
  if (matrix.bias != nullptr) {
    shifted = _mm256_add_epi64(shifted, _mm256_cvtepi32_epi64(four(matrix.bias)));
  }
  const __m256i limit = _mm256_set1_epi64x(kValueLimit);
  const __m256i least = _mm256_set1_epi64x(-kValueLimit);
  shifted = _mm256_blendv_epi8(shifted, limit, _mm256_cmpgt_epi64(shifted, limit));
  shifted = _mm256_blendv_epi8(shifted, least, _mm256_cmpgt_epi64(least, shifted));
  const __m256i low = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(shifted, low));
}

template <int Rows, bool asks_ahead>
EQINFO_AVX2_INLINE void output_tile(const Matrix& matrix, uint32_t output, const int16_t* rows,
                                    size_t row_stride, const RowScale* scales, int32_t* outputs,
                                    size_t output_stride) {
  const size_t group = size_t{kOutputs} * matrix.inputs;
  const int8_t* weight = matrix.weight + static_cast<size_t>(output) * matrix.inputs;
  __m256i sums[Rows];
  std::fill_n(sums, Rows, _mm256_setzero_si256());
  for (uint32_t first = 0; first < matrix.inputs; first += kSumInputs) {
    add_products<Rows>(weight + first, matrix.inputs, rows + first, row_stride,
                       std::min(kSumInputs, matrix.inputs - first),
                       asks_ahead ? weight + kGroupsAhead * group + kOutputs * first : nullptr,
                       sums);
  }
  for (int r = 0; r < Rows; ++r) {
    int32_t* out = outputs + static_cast<size_t>(r) * output_stride + output;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     matrix_outputs(matrix, output, sums[r], scales[r]));
  }
}

EQINFO_AVX2 void matrix_avx2(const Matrix& matrix, const int16_t* rows, size_t row_stride,
                             const RowScale* scales, int64_t count, int32_t* outputs,
                             size_t output_stride, uint8_t* scratch) {
  const uint32_t tiled = matrix.outputs / kOutputs * kOutputs;
  const auto at = [=](int64_t row) { return rows + static_cast<size_t>(row) * row_stride; };
  const auto out = [=](int64_t row) { return outputs + static_cast<size_t>(row) * output_stride; };
  for (uint32_t o = 0; o < tiled; o += kOutputs) {
    int64_t r = std::min<int64_t>(count, kRows);
    if (r == kRows) {
      output_tile<kRows, true>(matrix, o, rows, row_stride, scales, outputs, output_stride);
    } else if (r == 1) {
      output_tile<1, true>(matrix, o, rows, row_stride, scales, outputs, output_stride);
    }
    for (; r + kRows <= count; r += kRows) {
      output_tile<kRows, false>(matrix, o, at(r), row_stride, scales + r, out(r), output_stride);
    }
    if (r < count) {
      output_tile<1, false>(matrix, o, at(r), row_stride, scales + r, out(r), output_stride);
    }
  }
  if (tiled == matrix.outputs) return;
  // The alphabet need not be a multiple of kOutputs.
  Matrix rest = matrix;
  rest.weight += static_cast<size_t>(tiled) * matrix.inputs;
  rest.scale += tiled;
  rest.bias = matrix.bias == nullptr ? nullptr : matrix.bias + tiled;
  rest.outputs -= tiled;
  kScalarTransformer.matrix(rest, rows, row_stride, scales, count, outputs + tiled, output_stride,
                            scratch);
}

EQINFO_AVX2_INLINE void score_keys(const Query& query, const HeadMemory& memory,
                                   uint32_t head_width, uint32_t count, int32_t* scores) {
  uint32_t t = 0;
  for (; t + kOutputs <= count; t += kOutputs) {
    __m256i sum = _mm256_setzero_si256();
    add_products<1>(memory.keys + static_cast<size_t>(t) * head_width, head_width, query.values, 0,
                    head_width, nullptr, &sum);
    alignas(32) int64_t products[kOutputs];
    _mm256_store_si256(reinterpret_cast<__m256i*>(products), sum);
    for (uint32_t k = 0; k < kOutputs; ++k) {
      scores[t + k] = key_score(query, products[k], memory.key_largest[t + k]);
    }
  }
  for (; t < count; ++t) {
    scores[t] = key_score(query, key_product(query, memory, head_width, t), memory.key_largest[t]);
  }
}

// The sums of row[t] values[t][i] for the 16 values from i on.
EQINFO_AVX2_INLINE void sum_values(const int8_t* values, uint32_t head_width, uint32_t count,
                                   const int16_t* row, int64_t* sums) {
  alignas(32) int32_t part[16];
  std::fill_n(sums, 16, int64_t{0});
  for (uint32_t first = 0; first < count; first += kSumInputs) {
    const uint32_t end = std::min(count, first + kSumInputs);
    __m256i low = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();
    for (uint32_t t = first; t < end; t += 2) {
      const bool pair = t + 1 < end;
      const int8_t* at = values + static_cast<size_t>(t) * head_width;
      const __m128i one = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const __m128i two = pair ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + head_width))
                               : _mm_setzero_si128();
      const uint32_t next = pair ? static_cast<uint16_t>(row[t + 1]) : 0;
      const __m256i weights =
          _mm256_set1_epi32(static_cast<int>(next << 16 | static_cast<uint16_t>(row[t])));
      const __m256i even = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(one, two));
      const __m256i odd = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(one, two));
      low = _mm256_add_epi32(low, _mm256_madd_epi16(even, weights));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(odd, weights));
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(part), low);
    _mm256_store_si256(reinterpret_cast<__m256i*>(part + 8), high);
    for (int i = 0; i < 16; ++i) sums[i] += part[i];
  }
}

EQINFO_AVX2 void attend_avx2(const Query& query, const HeadMemory& memory, uint32_t head_width,
                             uint32_t count, int32_t* scores, int16_t* row, int32_t* out) {
  score_keys(query, memory, head_width, count, scores);
  uint64_t total = 0;
  const Quantiser weights = weigh_values(scores, memory.value_largest, count, &total, row);
  const AttentionScale scale = attention_scale(weights, total);
  for (uint32_t i = 0; i < head_width; i += 16) {
    int64_t sums[16];
    sum_values(memory.values + i, head_width, count, row, sums);
    for (uint32_t k = 0; k < 16; ++k) out[i + k] = attention_output(sums[k], scale);
  }
}

}  // namespace

const TransformerKernels kAvx2Transformer = {matrix_avx2, attend_avx2, norm_row,   quantise_values,
                                             gated_row,   rotate_head, store_head, add_row};

}  // namespace eqinfo

#endif
