// Layers of the native model with 64 products of 8-bit numbers at a time (VNNI).
#include "cpu/model/native_model_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#define EQINFO_VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

namespace eqinfo {
namespace {

constexpr uint32_t kLanes = 16;

// `groups` groups of `width` blocks of 16 outputs, for `contexts` contexts. The loops are unrolled
// early so that the sums stay in registers; without that, GCC 12 copies them in every step.
template <int contexts, int groups, int width>
EQINFO_VNNI void tile(const PackedLayer& layer, uint32_t output, const uint8_t* inputs,
                      size_t input_stride, int32_t* results) {
  constexpr int kBlocks = groups * width;
  const int8_t* weights = layer.fours.data() + static_cast<size_t>(output) * layer.inputs;
  const size_t group = static_cast<size_t>(layer.inputs) * kLanes * width;
  const uint8_t* rows[contexts];
  __m512i sums[contexts][kBlocks];
#pragma GCC unroll 8
  for (int k = 0; k < contexts; ++k) {
    rows[k] = inputs + static_cast<size_t>(k) * input_stride;
#pragma GCC unroll 8
    for (int b = 0; b < kBlocks; ++b) {
      sums[k][b] =
          _mm512_loadu_si512(layer.bias.data() + output + static_cast<uint32_t>(b) * kLanes);
    }
  }
  const size_t end = layer.inputs;
#pragma GCC unroll 2
  for (size_t i = 0; i < end; i += 4) {
    __m512i weight[kBlocks];
#pragma GCC unroll 8
    for (int b = 0; b < kBlocks; ++b) {
      weight[b] = _mm512_loadu_si512(weights + static_cast<size_t>(b / width) * group +
                                     b % width * static_cast<int>(sizeof(__m512i)));
    }
    weights += width * sizeof(__m512i);
#pragma GCC unroll 8
    for (int k = 0; k < contexts; ++k) {
      int32_t four;
      std::memcpy(&four, rows[k] + i, sizeof four);
      const __m512i all = _mm512_set1_epi32(four);
#pragma GCC unroll 8
      for (int b = 0; b < kBlocks; ++b) {
        sums[k][b] = _mm512_dpbusd_epi32(sums[k][b], all, weight[b]);
      }
    }
  }
  const __m128i scale = _mm_cvtsi32_si128(static_cast<int>(layer.scale));
#pragma GCC unroll 8
  for (int b = 0; b < kBlocks; ++b) {
    const uint32_t at = output + static_cast<uint32_t>(b) * kLanes;
    const __m512i shift = _mm512_loadu_si512(layer.shift.data() + at);
    const __m512i round = _mm512_srli_epi32(_mm512_sllv_epi32(_mm512_set1_epi32(1), shift), 1);
#pragma GCC unroll 8
    for (int k = 0; k < contexts; ++k) {
      const __m512i rounded = _mm512_srav_epi32(_mm512_add_epi32(sums[k][b], round), shift);
      _mm512_storeu_si512(results + static_cast<size_t>(k) * layer.outputs + at,
                          _mm512_sll_epi32(rounded, scale));
    }
  }
}

// By the number of contexts minus one. The registers hold 24 sums, 4 weights and an input.
using Tile = void (*)(const PackedLayer&, uint32_t, const uint8_t*, size_t, int32_t*);
constexpr int64_t kTileContexts = 6;
template <int groups, int width>
constexpr Tile kTiles[kTileContexts] = {tile<1, groups, width>, tile<2, groups, width>,
                                        tile<3, groups, width>, tile<4, groups, width>,
                                        tile<5, groups, width>, tile<6, groups, width>};

EQINFO_VNNI void layer_vnni(const PackedLayer& layer, const uint8_t* inputs, size_t input_stride,
                            int64_t count, int32_t* results) {
  constexpr uint32_t kGroup = kLanes * kFoursBlocks;
  uint32_t output = 0;
  // Each addition to a sum waits for the one before it, so at least eight sums are in flight.
  for (; count == 1 && output + 2 * kGroup <= layer.outputs; output += 2 * kGroup) {
    tile<1, 2, kFoursBlocks>(layer, output, inputs, input_stride, results);
  }
  while (output < layer.outputs) {
    const bool whole = output + kGroup <= layer.outputs;
    const Tile* tiles = whole ? kTiles<1, kFoursBlocks> : kTiles<1, 1>;
    int64_t tiles_left = (count + kTileContexts - 1) / kTileContexts;
    for (int64_t k = 0; k < count; --tiles_left) {
      const int64_t contexts = (count - k) / tiles_left;
      tiles[contexts - 1](layer, output, inputs + static_cast<size_t>(k) * input_stride,
                          input_stride, results + static_cast<size_t>(k) * layer.outputs);
      k += contexts;
    }
    output += whole ? kGroup : kLanes;
  }
}

EQINFO_VNNI void recur_vnni(const int32_t* results, uint32_t count, int16_t* state,
                            uint8_t* inputs) {
  const __m512i most = _mm512_set1_epi32(2047);
  const __m512i steps = _mm512_set1_epi32(kGateSteps);
  for (uint32_t i = 0; i < count; i += kLanes) {
    __m512i candidate = _mm512_loadu_si512(results + i);
    candidate = _mm512_max_epi32(_mm512_min_epi32(candidate, most), _mm512_set1_epi32(-2047));
    __m512i gate = _mm512_add_epi32(_mm512_loadu_si512(results + count + i), steps);
    gate = _mm512_max_epi32(_mm512_min_epi32(gate, _mm512_set1_epi32(2 * kGateSteps - 1)),
                            _mm512_setzero_si512());
    gate = _mm512_i32gather_epi32(gate, kGate, 4);
    const __m512i before =
        _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(state + i)));
    const __m512i change =
        _mm512_mullo_epi32(_mm512_sub_epi32(_mm512_slli_epi32(candidate, 4), before), gate);
    const __m512i rounded = _mm512_srai_epi32(
        _mm512_add_epi32(change, _mm512_set1_epi32(1 << (kGateBits - 1))), kGateBits);
    const __m512i after = _mm512_add_epi32(before, rounded);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(state + i), _mm512_cvtepi32_epi16(after));
    const __m512i input = _mm512_add_epi32(_mm512_srai_epi32(after, 8), _mm512_set1_epi32(128));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(inputs + i), _mm512_cvtepi32_epi8(input));
  }
}

EQINFO_VNNI void units_vnni(const int32_t* results, uint32_t count, uint8_t* units) {
  unit_values(results, count, units);
}

}  // namespace

const NativeKernels kAvx512Native = {layer_vnni, recur_vnni, units_vnni};

}  // namespace eqinfo
#endif
