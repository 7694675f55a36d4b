// The layers of the native model for many contexts at once, per instruction set.
#pragma once

#include <vector>

#include "cpu/model/model.h"
#include "native_model.h"

namespace eqinfo {

// The number of blocks of 16 outputs whose weights are interleaved: as many as a tile has.
constexpr uint32_t kFoursBlocks = 4;

// Weights of two inputs, from `input` on, where the pair of at least one output is large; zeros for
// the other outputs.
constexpr int32_t kMaxPair = 128;
constexpr uint32_t kLargeOutputs = 8;
struct LargePairs {
  uint32_t input;
  int8_t weights[kLargeOutputs][2];
};

// A layer with its weights in the orders in which the kernels read them. Inputs are unsigned bytes;
// signed inputs come plus 128, which `bias` compensates.
struct PackedLayer {
  Layer layer;
  uint32_t inputs;   // those of `layer`, padded to a multiple of 4 with weights of 0
  uint32_t outputs;  // those of `layer`, padded to a multiple of kUnitStep
  uint32_t scale;    // results are multiplied by 2^scale
  std::vector<int32_t> bias;
  std::vector<int32_t> shift;
  // Groups of kFoursBlocks blocks of 16 outputs, each (inputs / 4, kFoursBlocks, 16, 4); then the
  // remaining blocks, each (inputs / 4, 16, 4). As bytes, because one context reads every weight
  // for each symbol, and they should stay in the second-level cache.
  std::vector<int8_t> fours;
  // The same with zeros for large pairs of weights: those of an output for inputs 2 i and 2 i + 1
  // of which the positive or the negative part sums to more than kMaxPair. As an input is at most
  // 255, the two products of all other pairs sum to a number of 16 bits: kMaxPair * 255 < 2^15.
  std::vector<int8_t> small_fours;
  // The large pairs of block b of kLargeOutputs outputs: large_ends[b] to large_ends[b + 1] - 1.
  std::vector<LargePairs> large_pairs;
  std::vector<uint32_t> large_ends;
};

struct NativeKernels {
  // results[k][o] = 2^scale round_shift(bias[o] + sum of weight[o][i] inputs[k][i], shift[o]) for
  // `count` <= kModelBlock contexts k; rows of inputs and results are `input_stride` and
  // `layer.outputs` apart.
  void (*layer)(const PackedLayer& layer, const uint8_t* inputs, size_t input_stride, int64_t count,
                int32_t* results);
  // Updates the state of one context by next_state, from its `results` of the recurrent layer, and
  // writes state_input of each value, plus 128, to `inputs`.
  void (*recur)(const int32_t* results, uint32_t count, int16_t* state, uint8_t* inputs);
  // unit_value of each.
  void (*units)(const int32_t* results, uint32_t count, uint8_t* units);
};

extern const NativeKernels kScalarNative;
extern const NativeKernels kAvx2Native;
extern const NativeKernels kAvx512Native;
const NativeKernels& native_kernels();

// The elementwise kernels, in a form that compilers vectorize.
__attribute__((always_inline)) inline void recur_values(const int32_t* results, uint32_t count,
                                                        int16_t* state, uint8_t* inputs) {
  for (uint32_t i = 0; i < count; ++i) {
    const int32_t gate = gate_value(results[count + i]);
    state[i] = next_state(state[i], candidate_value(results[i]), gate);
    inputs[i] = static_cast<uint8_t>(state_input(state[i]) + 128);
  }
}

__attribute__((always_inline)) inline void unit_values(const int32_t* results, uint32_t count,
                                                       uint8_t* units) {
  for (uint32_t i = 0; i < count; ++i) units[i] = unit_value(results[i]);
}

}  // namespace eqinfo
