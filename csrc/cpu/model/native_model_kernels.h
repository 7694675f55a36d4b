// The layers of the native model for many contexts at once, at one instruction set.
#pragma once

#include <memory>
#include <vector>

#include "native_model.h"

namespace eqinfo {

// Blocks of 16 outputs whose weights are read side by side: as many as a tile has.
constexpr uint32_t kFoursBlocks = 4;

// A layer with its weights in the orders that the kernels read. Inputs are bytes: values as they
// are, or signed ones plus 128, which `bias` makes good.
struct PackedLayer {
  Layer layer;
  uint32_t inputs;   // of `layer`, made a multiple of 4 with weights of 0
  uint32_t outputs;  // of `layer`, made a multiple of kUnitStep
  uint32_t scale;    // results are times 2^scale
  std::vector<int32_t> bias;
  std::vector<int32_t> shift;
  std::vector<int16_t> pairs;  // (outputs / 8, inputs / 2, 8, 2)
  // By groups of kFoursBlocks blocks of 16 outputs, (inputs / 4, kFoursBlocks, 16, 4); then the
  // blocks left, (inputs / 4, 16, 4) each.
  std::vector<int8_t> fours;
};

// Contexts that go through the layers together: their inputs stay in the first-level cache.
constexpr int64_t kNativeBlock = 32;

struct NativeKernels {
  // results[k][o] = 2^scale round_shift(bias[o] + sum of weight[o][i] inputs[k][i], shift[o]) for
  // `count` <= kNativeBlock contexts k; rows of inputs and results are `input_stride` and
  // `layer.outputs` apart.
  void (*layer)(const PackedLayer& layer, const uint8_t* inputs, size_t input_stride, int64_t count,
                int32_t* results);
  // next_state of one context from its `results` of the recurrent layer; state_input plus 128 of
  // each into `inputs`.
  void (*recur)(const int32_t* results, uint32_t count, int16_t* state, uint8_t* inputs);
  // unit_value of each.
  void (*units)(const int32_t* results, uint32_t count, uint8_t* units);
};

extern const NativeKernels kScalarNative;
extern const NativeKernels kAvx2Native;
extern const NativeKernels kAvx512Native;
const NativeKernels& native_kernels();

// What the elementwise kernels are, for compilers to make vectors of.
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
