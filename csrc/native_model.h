// The native model (M1): predicts the next byte of a text, in integers only. It has one row of
// hashed embeddings per feature (text_context.h), a layer of gated averages of them over time, a
// layer of units, and logits in 1024ths of an octave. This is the definition; the kernels in
// cpu/model/ must equal it.
//
//   x         kFeatures rows of kRowValues 4-bit values, times 16
//   c, g      = recurrent(x): candidates in units of 2^-11, gates through kGate in units of 2^-14
//   state    += (16 c - state) g, 16 bits each
//   u         = units(x, state / 256), clamped to 0..255
//   logit[i]  = 8 output(u)[i], plus 8 output(u)[256 + k] where match k predicts byte i
//
// A layer is acc[o] = bias[o] + sum of weight[o][i] input[i], divided by 2^shift[o] and rounded.
#pragma once

#include "frequency.h"
#include "tables/gate_table.h"
#include "text_context.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kModelVersion = 1;
constexpr uint32_t kRowValues = 16;
constexpr uint32_t kRowBytes = kRowValues / 2;
constexpr uint32_t kModelInputs = kFeatures * kRowValues;
constexpr uint32_t kModelAlphabet = 256;
constexpr uint32_t kModelOutputs = kModelAlphabet + kMatches;
// The limits of a model file; sizes are multiples of kUnitStep.
constexpr uint32_t kUnitStep = 16;
constexpr uint32_t kMaxState = 1024;
constexpr uint32_t kMaxUnits = 2048;
// Chosen so that no sum exceeds 31 bits: the products of at most kMaxUnits inputs of 8 bits with
// weights of 8 bits sum to less than 2^26, with the bias to less than 1.25 * 2^26, and a logit is
// kLogitStep times the sum of kMatches + 1 such sums.
constexpr int32_t kMaxBias = 1 << 24;
constexpr uint32_t kMaxShift = 24;
constexpr uint32_t kLogitShift = 3;
constexpr int32_t kLogitStep = 1 << kLogitShift;  // 1024ths of an octave in the output layer's unit

struct Layer {
  const int8_t* weight;  // (outputs, inputs)
  const int32_t* bias;   // (outputs,)
  const uint8_t* shift;  // (outputs,)
  uint32_t inputs;
  uint32_t outputs;
};

struct Network {
  const uint8_t* rows[kFeatures];  // (feature_rows(k), kRowBytes)
  uint32_t state;
  uint32_t units;
  Layer recurrent;  // kModelInputs to 2 * state: candidates, then gates
  Layer hidden;     // kModelInputs + state to units
  Layer output;     // units to kModelOutputs
};

EQINFO_HD int32_t round_shift(int32_t value, uint32_t shift) {
  return (value + (int32_t{1} << shift >> 1)) >> shift;
}

EQINFO_HD int32_t clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

// Byte i of a row holds value 2 i in its low half and value 2 i + 1 in its high half.
EQINFO_HD int32_t row_value(const uint8_t* row, uint32_t i) {
  const uint8_t byte = row[i / 2];
  return static_cast<int8_t>(i % 2 == 0 ? byte << 4 : byte & 0xf0);
}

template <typename Input>
EQINFO_HD int32_t layer_output(const Layer& layer, const Input* input, uint32_t output) {
  int32_t sum = layer.bias[output];
  const int8_t* weight = layer.weight + static_cast<size_t>(output) * layer.inputs;
  for (uint32_t i = 0; i < layer.inputs; ++i) sum += weight[i] * int32_t{input[i]};
  return round_shift(sum, layer.shift[output]);
}

EQINFO_HD int16_t candidate_value(int32_t value) {
  return static_cast<int16_t>(clamp(value, -2047, 2047) * 16);
}

EQINFO_HD int32_t gate_value(int32_t value) {
  return kGate[clamp(value, -kGateSteps, kGateSteps - 1) + kGateSteps];
}

EQINFO_HD int16_t next_state(int16_t state, int16_t candidate, int32_t gate) {
  return static_cast<int16_t>(state + round_shift((candidate - state) * gate, kGateBits));
}

EQINFO_HD int8_t state_input(int16_t state) { return static_cast<int8_t>(state >> 8); }

EQINFO_HD uint8_t unit_value(int32_t value) { return static_cast<uint8_t>(clamp(value, 0, 255)); }

// One step, given the rows of all features: updates `state` and writes kModelAlphabet logits.
EQINFO_HD void network_step(const Network& network, const uint32_t* rows, int16_t* state,
                            int32_t* logits) {
  int8_t inputs[kModelInputs + kMaxState];
  uint8_t units[kMaxUnits];
  for (uint32_t i = 0; i < kModelInputs; ++i) {
    const uint32_t feature = i / kRowValues;
    const uint8_t* row = network.rows[feature] + static_cast<size_t>(rows[feature]) * kRowBytes;
    inputs[i] = static_cast<int8_t>(row_value(row, i % kRowValues));
  }
  for (uint32_t i = 0; i < network.state; ++i) {
    const int32_t candidate = layer_output(network.recurrent, inputs, i);
    const int32_t gate = layer_output(network.recurrent, inputs, network.state + i);
    state[i] = next_state(state[i], candidate_value(candidate), gate_value(gate));
    inputs[kModelInputs + i] = state_input(state[i]);
  }
  for (uint32_t i = 0; i < network.units; ++i) {
    units[i] = unit_value(layer_output(network.hidden, inputs, i));
  }
  for (uint32_t i = 0; i < kModelAlphabet; ++i) {
    logits[i] = kLogitStep * layer_output(network.output, units, i);
  }
  for (uint32_t k = 0; k < kMatches; ++k) {
    const uint32_t row = rows[kTextFeatures + k];
    if (row == kNoMatch) continue;
    logits[match_byte(row)] += kLogitStep * layer_output(network.output, units, kModelAlphabet + k);
  }
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
