// The transformer as a Model: many contexts at a time, or many positions of one.
#pragma once

#include <vector>

#include "cpu/model/model.h"
#include "cpu/transformer/transformer_kernels.h"
#include "transformer.h"

namespace eqinfo {

class TransformerModel : public Model {
 public:
  // All sizes, scales and values must be within the limits of transformer.h, and 2 <=
  // context_length <= model.sizes.positions. The arrays of the model stay the caller's; its pointer
  // to layers is not used.
  TransformerModel(const Transformer& model, std::vector<TransformerLayer> layers, uint32_t begin,
                   uint32_t context_length);
  TransformerModel(const TransformerModel&) = delete;
  TransformerModel& operator=(const TransformerModel&) = delete;

  uint32_t alphabet() const override { return model_.sizes.alphabet; }
  size_t context_bytes() const override;
  size_t scratch_bytes(int64_t count) const override;
  int64_t block() const override { return kTransformerRows; }
  void start(uint8_t* context) const override;
  Result step(uint8_t* const* contexts, const int32_t* symbols, int64_t count, uint32_t precision,
              uint32_t* frequencies, uint8_t* scratch, Stop* stop) const override;

  // Appends `count` symbols to a context, kFresh only to an empty one, and writes the logits after
  // each, shape (count, alphabet). As matrix products over time; `scratch` as for a step.
  Result extend(uint8_t* context, const int32_t* symbols, int64_t count, int32_t* logits,
                uint8_t* scratch, Stop* stop) const;
  // The same for one symbol by transformer_step itself.
  Result define(uint8_t* context, int32_t symbol, int32_t* logits, uint8_t* scratch) const;

  uint32_t context_length() const { return context_length_; }

 private:
  struct Context;
  struct Row;
  struct Block;

  Result check(const int32_t* symbols, int64_t count) const;
  Context context_at(uint8_t* context) const;
  HeadMemory head_memory(const Context& context, uint32_t layer, uint32_t head) const;
  bool begins(const Context& context, int32_t symbol) const;
  std::vector<int32_t> pending(const Context& context, int32_t symbol) const;
  Row append(const Context& context, int32_t symbol) const;
  void prepare(const Context& context, const std::vector<int32_t>& before, const Block& block,
               Stop* stop) const;
  void run(const Row* rows, int64_t count, const Block& block) const;
  void attention(const TransformerLayer& layer, uint32_t index, const Row* rows, int64_t count,
                 const Block& block) const;
  void feed_forward(const TransformerLayer& layer, int64_t count, const Block& block) const;
  void predict(int64_t count, const Block& block, int32_t* logits) const;
  Block block_at(uint8_t* scratch) const;

  Transformer model_;
  std::vector<TransformerLayer> layers_;
  uint32_t begin_;
  uint32_t context_length_;
  uint32_t most_inputs_;   // of a matrix
  uint32_t most_outputs_;  // of a matrix but the head
};

}  // namespace eqinfo
