// Layers of the native model with 16 products of 16-bit numbers at a time; no sum overflows.
#include "cpu/model/native_model_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#define EQINFO_AVX2 __attribute__((target("avx2")))

namespace eqinfo {
namespace {

constexpr uint32_t kLanes = 8;

EQINFO_AVX2 inline __m256i widened(const int8_t* weights) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights)));
}

// Two blocks of 8 outputs for `contexts` contexts.
template <int contexts>
EQINFO_AVX2 inline void two_blocks(const PackedLayer& layer, uint32_t output, const int16_t* inputs,
                                   int32_t* results) {
  const size_t block = static_cast<size_t>(layer.inputs) * kLanes;
  const int8_t* first = layer.pairs.data() + output / kLanes * block;
  const int8_t* second = first + block;
  __m256i sums[contexts][2];
  for (int k = 0; k < contexts; ++k) {
    const int32_t* bias = layer.bias.data() + output;
    sums[k][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias));
    sums[k][1] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias + kLanes));
  }
  for (uint32_t i = 0; i < layer.inputs; i += 2) {
    const __m256i one = widened(first + i * kLanes);
    const __m256i two = widened(second + i * kLanes);
    for (int k = 0; k < contexts; ++k) {
      int32_t pair;
      std::memcpy(&pair, inputs + static_cast<size_t>(k) * layer.inputs + i, sizeof pair);
      const __m256i both = _mm256_set1_epi32(pair);
      sums[k][0] = _mm256_add_epi32(sums[k][0], _mm256_madd_epi16(one, both));
      sums[k][1] = _mm256_add_epi32(sums[k][1], _mm256_madd_epi16(two, both));
    }
  }
  const __m128i scale = _mm_cvtsi32_si128(static_cast<int>(layer.scale));
  for (int half = 0; half < 2; ++half) {
    const uint32_t at = output + static_cast<uint32_t>(half) * kLanes;
    const __m256i shift =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(layer.shift.data() + at));
    const __m256i round = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), shift), 1);
    for (int k = 0; k < contexts; ++k) {
      const __m256i rounded = _mm256_srav_epi32(_mm256_add_epi32(sums[k][half], round), shift);
      _mm256_storeu_si256(
          reinterpret_cast<__m256i*>(results + static_cast<size_t>(k) * layer.outputs + at),
          _mm256_sll_epi32(rounded, scale));
    }
  }
}

EQINFO_AVX2 void layer_avx2(const PackedLayer& layer, const uint8_t* inputs, size_t input_stride,
                            int64_t count, int32_t* results, int16_t* wide) {
  for (int64_t k = 0; k < count; ++k) {
    const uint8_t* from = inputs + static_cast<size_t>(k) * input_stride;
    int16_t* to = wide + static_cast<size_t>(k) * layer.inputs;
    for (uint32_t i = 0; i < layer.inputs; ++i) to[i] = from[i];
  }
  for (uint32_t output = 0; output < layer.outputs; output += 2 * kLanes) {
    int64_t k = 0;
    const auto at = [&](int64_t context) { return static_cast<size_t>(context) * layer.inputs; };
    for (; k + 4 <= count; k += 4) {
      two_blocks<4>(layer, output, wide + at(k), results + static_cast<size_t>(k) * layer.outputs);
    }
    for (; k < count; ++k) {
      two_blocks<1>(layer, output, wide + at(k), results + static_cast<size_t>(k) * layer.outputs);
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
