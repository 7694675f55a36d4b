// Layers of the native model with 32 products of 8-bit numbers at a time. The products of two
// inputs come as one sum of 16 bits; pairs of weights that could make it larger are taken apart.
#include "cpu/model/native_model_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#define EQINFO_AVX2 __attribute__((target("avx2")))

namespace eqinfo {
namespace {

constexpr uint32_t kLanes = 8;
// A group of `fours` in vectors of kLanes outputs.
constexpr int kGroup = 2 * kFoursBlocks;

EQINFO_AVX2 inline __m256i load(const void* at) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

// The sums of the large pairs of kLanes outputs, from `output` on.
EQINFO_AVX2 inline __m256i with_large_pairs(const PackedLayer& layer, uint32_t output,
                                            const uint8_t* inputs, __m256i sum) {
  const uint32_t block = output / kLargeOutputs;
  for (uint32_t k = layer.large_ends[block]; k < layer.large_ends[block + 1]; ++k) {
    const LargePairs& large = layer.large_pairs[k];
    const int32_t pair = inputs[large.input] | inputs[large.input + 1] << 16;
    const __m256i weights =
        _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(large.weights)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(weights, _mm256_set1_epi32(pair)));
  }
  return sum;
}

// `vectors` times kLanes outputs, for `contexts` contexts. Their weights for four inputs lie
// together, and those for the next four `step` bytes further. The loops are unrolled early, as in
// native_model_avx512.cpp.
template <int contexts, int vectors>
EQINFO_AVX2 void tile(const PackedLayer& layer, uint32_t output, const int8_t* weights, size_t step,
                      const uint8_t* inputs, size_t input_stride, int32_t* results) {
  const __m256i ones = _mm256_set1_epi16(1);
  const uint8_t* rows[contexts];
  __m256i sums[contexts][vectors];
#pragma GCC unroll 8
  for (int k = 0; k < contexts; ++k) {
    rows[k] = inputs + static_cast<size_t>(k) * input_stride;
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      sums[k][v] = load(layer.bias.data() + output + static_cast<uint32_t>(v) * kLanes);
    }
  }
  const size_t end = layer.inputs;
#pragma GCC unroll 2
  for (size_t i = 0; i < end; i += 4) {
    __m256i weight[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      weight[v] = load(weights + v * static_cast<int>(sizeof(__m256i)));
    }
    weights += step;
#pragma GCC unroll 8
    for (int k = 0; k < contexts; ++k) {
      int32_t four;
      std::memcpy(&four, rows[k] + i, sizeof four);
      const __m256i all = _mm256_set1_epi32(four);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        const __m256i pairs = _mm256_maddubs_epi16(all, weight[v]);
        sums[k][v] = _mm256_add_epi32(sums[k][v], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
  const __m128i scale = _mm_cvtsi32_si128(static_cast<int>(layer.scale));
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    const uint32_t at = output + static_cast<uint32_t>(v) * kLanes;
    const __m256i shift = load(layer.shift.data() + at);
    const __m256i round = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), shift), 1);
#pragma GCC unroll 8
    for (int k = 0; k < contexts; ++k) {
      const __m256i sum = with_large_pairs(layer, at, rows[k], sums[k][v]);
      const __m256i rounded = _mm256_srav_epi32(_mm256_add_epi32(sum, round), shift);
      _mm256_storeu_si256(
          reinterpret_cast<__m256i*>(results + static_cast<size_t>(k) * layer.outputs + at),
          _mm256_sll_epi32(rounded, scale));
    }
  }
}

EQINFO_AVX2 void layer_avx2(const PackedLayer& layer, const uint8_t* inputs, size_t input_stride,
                            int64_t count, int32_t* results) {
  constexpr uint32_t kGroupOutputs = kGroup * kLanes;
  const uint32_t grouped = layer.outputs / kGroupOutputs * kGroupOutputs;
  const int8_t* const weights = layer.small_fours.data();
  // Contexts in fours, with two vectors of weights that stay in registers.
  int64_t k = 0;
  for (uint32_t output = 0; output < layer.outputs; output += 2 * kLanes) {
    const bool whole = output < grouped;
    const uint32_t width = whole ? kGroupOutputs : 2 * kLanes;
    const int8_t* const at =
        weights + static_cast<size_t>(output / width * width) * layer.inputs + output % width * 4;
    for (k = 0; k + 4 <= count; k += 4) {
      tile<4, 2>(layer, output, at, width * 4, inputs + static_cast<size_t>(k) * input_stride,
                 input_stride, results + static_cast<size_t>(k) * layer.outputs);
    }
  }
  // One by one, through the weights as they lie in memory.
  for (; k < count; ++k) {
    const uint8_t* const input = inputs + static_cast<size_t>(k) * input_stride;
    int32_t* const result = results + static_cast<size_t>(k) * layer.outputs;
    for (uint32_t output = 0; output < grouped; output += kGroupOutputs) {
      tile<1, kGroup>(layer, output, weights + static_cast<size_t>(output) * layer.inputs,
                      kGroupOutputs * 4, input, input_stride, result);
    }
    for (uint32_t output = grouped; output < layer.outputs; output += 2 * kLanes) {
      tile<1, 2>(layer, output, weights + static_cast<size_t>(output) * layer.inputs,
                 2 * kLanes * 4, input, input_stride, result);
    }
  }
}

EQINFO_AVX2 void recur_avx2(const int32_t* results, uint32_t count, int16_t* state,
                            uint8_t* inputs) {
  recur_values(results, count, state, inputs);
}

EQINFO_AVX2 void units_avx2(const int32_t* results, uint32_t count, uint8_t* units) {
  unit_values(results, count, units);
}

}  // namespace

const NativeKernels kAvx2Native = {layer_avx2, recur_avx2, units_avx2};

}  // namespace eqinfo
#endif
