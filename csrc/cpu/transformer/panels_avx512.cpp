// Products of matrices and many rows with VNNI. Weights are put in another order panel by panel, so
// that a register holds the sums of 16 outputs and none is added across.
#if defined(__x86_64__)

#include "cpu/transformer/panels_avx512.h"

#include <algorithm>

namespace eqinfo {
namespace {

constexpr uint32_t kPlaneInputs = 4;  // whose products an instruction adds to a sum
constexpr int kPanelRows = 8;         // that a panel is multiplied with together
constexpr int kPanelWidth = 3;        // registers of outputs: with kPanelRows, 24 registers of sums
static_assert(kPackedOutputs == kPanelWidth * kPanelOutputs, "what the caller has memory for");
static_assert(kTransformerRows % kPanelRows == 0, "rows are filled up to whole panels");

// Rows in bytes. Those within kByteLevels are one plane; others are 128 times the first plane plus
// the second. Filled up with rows of zeros to a multiple of kPanelRows.
struct Planes {
  int8_t* bytes;    // (planes, padded, inputs)
  int32_t* starts;  // (planes, padded): -128 times the sum of a row, because weights come plus 128
  int planes;
  int64_t padded;
  uint32_t inputs;

  size_t index(int plane, int64_t row) const { return static_cast<size_t>(plane * padded + row); }
  int8_t* row(int plane, int64_t row) const { return bytes + index(plane, row) * inputs; }
};

EQINFO_VNNI_INLINE __m128i load_bytes(const int8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// 16 bytes from each of four places `step` bytes apart, plus 128.
EQINFO_VNNI_INLINE __m512i load_quarters(const int8_t* at, size_t step) {
  __m512i quarters = _mm512_castsi128_si512(load_bytes(at));
  quarters = _mm512_mask_broadcast_i32x4(quarters, 0x00f0, load_bytes(at + step));
  quarters = _mm512_mask_broadcast_i32x4(quarters, 0x0f00, load_bytes(at + 2 * step));
  quarters = _mm512_mask_broadcast_i32x4(quarters, 0xf000, load_bytes(at + 3 * step));
  return _mm512_xor_si512(quarters, _mm512_set1_epi8(-128));
}

// Writes the weights of kPanelOutputs outputs, plus 128: kPlaneInputs of each output, then the
// next. Registers lie `stride` bytes apart.
EQINFO_VNNI void pack_outputs(const int8_t* weight, uint32_t inputs, uint32_t stride,
                              uint8_t* panel) {
  for (uint32_t i = 0; i < inputs; i += kWidthStep) {
    __m512i rows[4];  // number r has outputs r, 4 + r, 8 + r and 12 + r
#pragma GCC unroll 4
    for (size_t r = 0; r < 4; ++r) {
      rows[r] = load_quarters(weight + r * inputs + i, size_t{4} * inputs);
    }
    const __m512i low = _mm512_unpacklo_epi32(rows[0], rows[1]);
    const __m512i high = _mm512_unpackhi_epi32(rows[0], rows[1]);
    const __m512i other_low = _mm512_unpacklo_epi32(rows[2], rows[3]);
    const __m512i other_high = _mm512_unpackhi_epi32(rows[2], rows[3]);
    _mm512_store_si512(panel, _mm512_unpacklo_epi64(low, other_low));
    _mm512_store_si512(panel + stride, _mm512_unpackhi_epi64(low, other_low));
    _mm512_store_si512(panel + 2 * stride, _mm512_unpacklo_epi64(high, other_high));
    _mm512_store_si512(panel + 3 * stride, _mm512_unpackhi_epi64(high, other_high));
    panel += 4 * stride;
  }
}

EQINFO_VNNI_INLINE __m512i broadcast_group(const int8_t* bytes) {
  int32_t group;
  __builtin_memcpy(&group, bytes, sizeof group);
  return _mm512_set1_epi32(group);
}

// The sums of kPanelRows rows of a plane and the outputs of a panel, shape (rows, outputs). Asks
// for a cache line from `next` on in each step, if it asks at all.
template <int width, bool asks>
EQINFO_VNNI void multiply_panel(const uint8_t* panel, const int8_t* rows, uint32_t inputs,
                                const int32_t* starts, const int8_t* next, int32_t* sums) {
  SumParts parts[kPanelRows][width];
#pragma GCC unroll 8
  for (int r = 0; r < kPanelRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < width; ++v) parts[r][v] = (SumParts)_mm512_set1_epi32(starts[r]);
  }
  const int8_t* second = rows + 4 * static_cast<size_t>(inputs);
  for (uint32_t i = 0; i < inputs; i += kPlaneInputs) {
    if constexpr (asks) _mm_prefetch(reinterpret_cast<const char*>(next + 16 * i), _MM_HINT_T1);
    __m512i weights[width];
#pragma GCC unroll 4
    for (int v = 0; v < width; ++v) weights[v] = _mm512_load_si512(panel + v * 64);
    panel += width * 64;
#pragma GCC unroll 8
    for (int r = 0; r < kPanelRows; ++r) {
      const int8_t* half = r < 4 ? rows : second;
      const __m512i input = broadcast_group(half + static_cast<size_t>(r % 4) * inputs + i);
#pragma GCC unroll 4
      for (int v = 0; v < width; ++v) parts[r][v] = ByteRows::add(parts[r][v], weights[v], input);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kPanelRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < width; ++v, sums += kPanelOutputs) {
      _mm512_store_si512(sums, (__m512i)parts[r][v]);
    }
  }
}

EQINFO_VNNI_INLINE __m512i odd_half(__m512i values) { return _mm512_srli_epi64(values, 32); }

// What 8 sums become; 2^38 times the factor is `scales`, the scale of the outputs, times
// `mantissa`.
EQINFO_VNNI_INLINE __m512i panel_values(__m512i sums, __m512i scales, __m512i mantissa,
                                        __m128i shift, __m512i half, __m512i bias, bool wide) {
  const __m512i factor = _mm512_srli_epi64(_mm512_mul_epu32(scales, mantissa), 38);
  const __m512i product = wide ? _mm512_mullo_epi64(sums, factor) : _mm512_mul_epi32(sums, factor);
  const __m512i rounded = _mm512_sra_epi64(_mm512_add_epi64(product, half), shift);
  return limit_values(_mm512_add_epi64(rounded, bias));
}

// The sums of even or odd outputs of two planes.
EQINFO_VNNI_INLINE __m512i wide_sums(__m512i high, __m512i low) {
  const __m512i extended_high = _mm512_srai_epi64(_mm512_slli_epi64(high, 32), 32 - 7);
  const __m512i extended_low = _mm512_srai_epi64(_mm512_slli_epi64(low, 32), 32);
  return _mm512_add_epi64(extended_high, extended_low);
}

// matrix_output for kPanelOutputs outputs of `count` rows, whose sums lie `sum_stride` apart; those
// of a second plane follow `plane_stride` behind. Even and odd outputs go apart, in 64 bits.
template <bool wide>
EQINFO_VNNI void write_outputs(const Matrix& matrix, uint32_t output, const int32_t* sums,
                               size_t sum_stride, size_t plane_stride, const RowScale* scales,
                               int64_t count, int32_t* outputs, size_t output_stride) {
  const __m512i scale = _mm512_loadu_si512(matrix.scale + output);
  const __m512i odd_scale = odd_half(scale);
  __m512i bias = _mm512_setzero_si512();
  __m512i odd_bias = bias;
  if (matrix.bias != nullptr) {
    const __m512i both = _mm512_loadu_si512(matrix.bias + output);
    bias = _mm512_srai_epi64(_mm512_slli_epi64(both, 32), 32);
    odd_bias = _mm512_srai_epi64(both, 32);
  }
  for (int64_t r = 0; r < count; ++r) {
    const int32_t bits = std::clamp(scales[r].exponent + matrix.exponent - 38, 0, 62);
    const __m128i shift = _mm_cvtsi32_si128(bits);
    const __m512i half = _mm512_set1_epi64(int64_t{1} << bits >> 1);
    const __m512i mantissa = _mm512_set1_epi64(scales[r].mantissa);
    const __m512i first = _mm512_load_si512(sums);
    __m512i even_sums = first;
    __m512i odd_sums = odd_half(first);
    if constexpr (wide) {
      const __m512i second = _mm512_load_si512(sums + plane_stride);
      even_sums = wide_sums(first, second);
      odd_sums = wide_sums(odd_half(first), odd_half(second));
    }
    const __m512i even = panel_values(even_sums, scale, mantissa, shift, half, bias, wide);
    const __m512i odd = panel_values(odd_sums, odd_scale, mantissa, shift, half, odd_bias, wide);
    _mm512_storeu_si512(outputs + output,
                        _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32)));
    sums += sum_stride;
    outputs += output_stride;
  }
}

// The outputs of a panel, from `output` on.
template <int width>
EQINFO_VNNI void multiply_outputs(const Matrix& matrix, uint32_t output, const Planes& planes,
                                  const RowScale* scales, int64_t count, uint8_t* panel,
                                  int32_t* sums, int32_t* outputs, size_t output_stride) {
  constexpr size_t kSums = size_t{kPanelRows} * width * kPanelOutputs;
  const size_t group = size_t{kPanelOutputs} * matrix.inputs;
  const int8_t* weight = matrix.weight + static_cast<size_t>(output) * matrix.inputs;
  for (int v = 0; v < width; ++v) {
    pack_outputs(weight + v * group, matrix.inputs, 64 * width, panel + 64 * v);
  }
  // The next panel, of which each step asks for as many cache lines as a group has.
  const int8_t* next = weight + width * group;
  int asked = 0;
  for (int64_t r = 0; r < count; r += kPanelRows) {
    for (int p = 0; p < planes.planes; ++p) {
      const auto multiply =
          asked < width ? multiply_panel<width, true> : multiply_panel<width, false>;
      multiply(panel, planes.row(p, r), matrix.inputs, planes.starts + planes.index(p, r),
               next + asked * group, sums + p * kSums);
      asked += asked < width;
    }
    const auto write = planes.planes == 2 ? write_outputs<true> : write_outputs<false>;
    for (int v = 0; v < width; ++v) {
      write(matrix, output + v * kPanelOutputs, sums + v * kPanelOutputs, width * kPanelOutputs,
            kSums, scales + r, std::min<int64_t>(kPanelRows, count - r),
            outputs + static_cast<size_t>(r) * output_stride, output_stride);
    }
  }
}

EQINFO_VNNI bool within_bytes(const int16_t* row, uint32_t inputs) {
  const __m256i most = _mm256_set1_epi16(kByteLevels);
  __mmask16 beyond = 0;
  for (uint32_t i = 0; i < inputs; i += kWidthStep) {
    const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i));
    beyond = _kor_mask16(beyond, _mm256_cmpgt_epi16_mask(_mm256_abs_epi16(values), most));
  }
  return beyond == 0;
}

// Writes bytes of a row and its start: those of values >> `shift`, less what `mask` takes.
EQINFO_VNNI void write_plane(const int16_t* row, uint32_t inputs, int shift, int16_t mask,
                             int8_t* bytes, int32_t* start) {
  __m256i sums = _mm256_setzero_si256();
  for (uint32_t i = 0; i < inputs; i += kWidthStep) {
    const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i));
    const __m256i part = _mm256_and_si256(_mm256_sra_epi16(values, _mm_cvtsi32_si128(shift)),
                                          _mm256_set1_epi16(mask));
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(part, _mm256_set1_epi16(1)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + i), _mm256_cvtepi16_epi8(part));
  }
  const __m128i four =
      _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  alignas(16) int32_t parts[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(parts), four);
  *start = -128 * (parts[0] + parts[1] + parts[2] + parts[3]);
}

EQINFO_VNNI void write_planes(const int16_t* rows, size_t row_stride, int64_t count,
                              const Planes& planes) {
  for (int p = 0; p < planes.planes; ++p) {
    const int shift = planes.planes == 2 && p == 0 ? 7 : 0;
    const int16_t mask = p == 1 ? 127 : -1;
    for (int64_t r = 0; r < count; ++r) {
      write_plane(rows + static_cast<size_t>(r) * row_stride, planes.inputs, shift, mask,
                  planes.row(p, r), planes.starts + planes.index(p, r));
    }
    std::fill(planes.row(p, count), planes.row(p, planes.padded), int8_t{0});
    std::fill(planes.starts + planes.index(p, count),
              planes.starts + planes.index(p, planes.padded), 0);
  }
}

}  // namespace

EQINFO_VNNI void multiply_panels(const Matrix& matrix, uint32_t tiled, const int16_t* rows,
                                 size_t row_stride, const RowScale* scales, int64_t count,
                                 int32_t* outputs, size_t output_stride, uint8_t* scratch) {
  bool narrow = true;
  for (int64_t r = 0; r < count; ++r) {
    narrow = narrow && within_bytes(rows + static_cast<size_t>(r) * row_stride, matrix.inputs);
  }
  Planes planes{};
  planes.planes = narrow ? 1 : 2;
  planes.padded = (count + kPanelRows - 1) / kPanelRows * kPanelRows;
  planes.inputs = matrix.inputs;
  const MatrixScratch memory = matrix_scratch(scratch, matrix.inputs);
  planes.bytes = memory.rows;
  planes.starts = memory.sums;
  write_planes(rows, row_stride, count, planes);
  alignas(64) int32_t sums[2 * kPanelRows * kPanelWidth * kPanelOutputs];
  uint32_t output = 0;
  for (; output + kPanelWidth * kPanelOutputs <= tiled; output += kPanelWidth * kPanelOutputs) {
    multiply_outputs<kPanelWidth>(matrix, output, planes, scales, count, memory.weights, sums,
                                  outputs, output_stride);
  }
  for (; output < tiled; output += kPanelOutputs) {
    multiply_outputs<1>(matrix, output, planes, scales, count, memory.weights, sums, outputs,
                        output_stride);
  }
}

}  // namespace eqinfo

#endif
