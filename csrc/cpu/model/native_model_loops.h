// The native model as a Model, with its weights.
#pragma once

#include <memory>

#include "cpu/model/model.h"
#include "cpu/model/native_model_kernels.h"

namespace eqinfo {

// The parts of a model file; native_model.h defines them.
struct NativeWeights {
  std::vector<uint8_t> rows[kFeatures];
  uint32_t state;
  uint32_t units;
  struct Part {
    std::vector<int8_t> weight;
    std::vector<int32_t> bias;
    std::vector<uint8_t> shift;
  } recurrent, hidden, output;
};

class NativeModel : public GuessingModel {
 public:
  // Sizes, biases and shifts must be within the limits of native_model.h. Without `history` nothing
  // ever matches, and contexts are small.
  NativeModel(std::shared_ptr<const NativeWeights> weights, bool history);

  uint32_t alphabet() const override { return kModelAlphabet; }
  size_t context_bytes() const override;
  size_t scratch_bytes(int64_t count) const override;
  void start(uint8_t* context) const override;
  Result step(uint8_t* const* contexts, const int32_t* symbols, int64_t count, uint32_t precision,
              uint32_t* frequencies, uint8_t* scratch, Stop* stop) const override;
  bool guesses_pay() const override;
  size_t undo_bytes() const override;
  Result step_with_guess(uint8_t* context, const int32_t* symbols, uint32_t precision,
                         uint32_t* frequencies, uint8_t* scratch, uint8_t* undo,
                         Stop* stop) const override;
  void take_back(uint8_t* context, const uint8_t* undo) const override;

  // The logits of one context, in 1024ths of an octave, computed by network_step itself.
  void define(uint8_t* context, int32_t symbol, int32_t* logits) const;
  const std::shared_ptr<const NativeWeights>& weights() const { return weights_; }

 private:
  struct Context;
  struct Undo;
  Context context_at(uint8_t* context) const;
  void append(uint8_t* context, int32_t symbol) const;
  // At most kModelBlock contexts. What takes the last symbol back is written to `undo`, if it is
  // not null.
  void step_block(uint8_t* const* contexts, const int32_t* symbols, int64_t count,
                  uint32_t precision, uint32_t* frequencies, uint8_t* scratch, uint8_t* undo) const;
  void step_layers(uint8_t* const* contexts, const uint32_t* rows, int64_t count, uint8_t* scratch,
                   int32_t* logits, uint8_t* undo) const;

  std::shared_ptr<const NativeWeights> weights_;
  bool history_;
  Network network_;
  uint32_t features_;                        // how many features are looked up
  NativeWeights::Part unmatched_recurrent_;  // without history
  NativeWeights::Part unmatched_hidden_;
  PackedLayer recurrent_;
  PackedLayer hidden_;
  PackedLayer output_;
};

}  // namespace eqinfo
