// The tensors of a transformer's file, with any content within the shapes and ranges that the
// loader checks: no sum overflows, and every instruction set and way of asking predicts what the
// definition says.
#include "transformer.h"

#include <memory>

#include "cpu/memory.h"
#include "cpu/transformer/transformer_loops.h"
#include "expect.h"

namespace eqinfo::fuzz {
namespace {

constexpr uint32_t kPrecision = 16;

// Arrays that a model points to. A few bytes of input fill an array: it repeats a pattern.
class Tensors {
 public:
  explicit Tensors(FuzzedDataProvider* input) : input_(input) {}

  template <typename Value>
  const Value* fill(size_t size, Value low, Value high) {
    Value pattern[5];
    const size_t period = number(1, 5);
    for (size_t i = 0; i < period; ++i) {
      // Sums are largest at the limits.
      const uint8_t kind = input_->ConsumeIntegralInRange<uint8_t>(0, 3);
      pattern[i] = kind == 0   ? low
                   : kind == 1 ? high
                               : input_->ConsumeIntegralInRange<Value>(low, high);
    }
    arrays_.push_back(aligned_bytes(size * sizeof(Value)));
    Value* values = reinterpret_cast<Value*>(arrays_.back().get());
    for (size_t i = 0; i < size; ++i) values[i] = pattern[i % period];
    return values;
  }

  uint32_t number(uint32_t low, uint32_t high) {
    return input_->ConsumeIntegralInRange<uint32_t>(low, high);
  }
  int32_t exponent() {
    // Most exponents leave nothing of the values.
    return input_->ConsumeBool() ? input_->ConsumeIntegralInRange<int32_t>(20, 60)
                                 : input_->ConsumeIntegralInRange(-kMaxExponent, kMaxExponent);
  }
  int32_t levels() { return input_->ConsumeBool() ? kByteLevels : kWideLevels; }

  Matrix matrix(uint32_t outputs, uint32_t inputs) {
    Matrix matrix;
    matrix.weight = fill<int8_t>(size_t{outputs} * inputs, -kWeightLevels, kWeightLevels);
    matrix.scale = fill<uint32_t>(outputs, 0, kMaxScale);
    matrix.bias =
        input_->ConsumeBool() ? fill<int32_t>(outputs, -kValueLimit, kValueLimit) : nullptr;
    matrix.exponent = exponent();
    matrix.inputs = inputs;
    matrix.outputs = outputs;
    return matrix;
  }
  const int16_t* norm(uint32_t width) { return fill<int16_t>(width, INT16_MIN, INT16_MAX); }

 private:
  FuzzedDataProvider* input_;
  std::vector<AlignedBytes> arrays_;
};

std::vector<TransformerLayer> make_layers(Tensors* tensors, const TransformerSizes& sizes) {
  const uint32_t attended = sizes.heads * sizes.head_width;
  const uint32_t stored = sizes.key_heads * sizes.head_width;
  std::vector<TransformerLayer> layers(sizes.layers);
  for (TransformerLayer& layer : layers) {
    layer.attention_norm = tensors->norm(sizes.width);
    layer.units_norm = tensors->norm(sizes.width);
    layer.query = tensors->matrix(attended, sizes.width);
    layer.key = tensors->matrix(stored, sizes.width);
    layer.value = tensors->matrix(stored, sizes.width);
    layer.attention = tensors->matrix(sizes.width, attended);
    layer.gate = tensors->matrix(sizes.units, sizes.width);
    layer.up = tensors->matrix(sizes.units, sizes.width);
    layer.down = tensors->matrix(sizes.width, sizes.units);
  }
  return layers;
}

Transformer make_model(Tensors* tensors) {
  Transformer model{};
  TransformerSizes& sizes = model.sizes;
  sizes.alphabet = tensors->number(kMinAlphabet, 9);
  sizes.width = kWidthStep * tensors->number(1, 3);
  // Rarely more inputs than the vector kernel sums in 32 bits.
  sizes.units = kWidthStep * (tensors->number(0, 15) == 15 ? 70 : tensors->number(1, 3));
  sizes.key_heads = tensors->number(1, 2);
  sizes.heads = sizes.key_heads * tensors->number(1, 2);
  sizes.head_width = kWidthStep * tensors->number(1, 2);
  sizes.layers = tensors->number(1, 2);
  sizes.positions = tensors->number(2, 8);
  sizes.levels = tensors->levels();
  sizes.down_levels = tensors->levels();
  sizes.head_levels = tensors->levels();
  model.epsilon = *tensors->fill<int64_t>(1, 0, kMaxEpsilon);
  model.score_scale = tensors->number(0, kMaxScale);
  model.score_exponent = tensors->exponent();
  const size_t angles = size_t{sizes.positions} * sizes.head_width / 2;
  model.cosine = tensors->norm(static_cast<uint32_t>(angles));
  model.sine = tensors->norm(static_cast<uint32_t>(angles));
  model.embedding = tensors->matrix(sizes.alphabet, sizes.width);
  model.norm = tensors->norm(sizes.width);
  model.head = tensors->matrix(sizes.alphabet, sizes.width);
  return model;
}

// The logits after each symbol by the definition, shape (symbols, alphabet).
std::vector<int32_t> defined(const TransformerModel& model, const std::vector<int32_t>& symbols) {
  const AlignedBytes context = aligned_bytes(model.context_bytes());
  const AlignedBytes scratch = aligned_bytes(model.scratch_bytes(1));
  model.start(context.get());
  std::vector<int32_t> logits(symbols.size() * model.alphabet());
  for (size_t i = 0; i < symbols.size(); ++i) {
    const Result result = model.define(context.get(), symbols[i],
                                       logits.data() + i * model.alphabet(), scratch.get());
    expect(result.status == Status::ok, "a model predicts");
  }
  return logits;
}

void check_level(const TransformerModel& model, const std::vector<int32_t>& symbols,
                 const std::vector<int32_t>& expected) {
  const size_t alphabet = model.alphabet();
  const int64_t count = static_cast<int64_t>(symbols.size());
  const AlignedBytes context = aligned_bytes(model.context_bytes());
  const AlignedBytes scratch = aligned_bytes(model.scratch_bytes(count));
  std::vector<int32_t> logits(expected.size());
  model.start(context.get());
  expect(model.extend(context.get(), symbols.data(), count, logits.data(), scratch.get(), nullptr)
                 .status == Status::ok,
         "a model predicts over time");
  expect(logits == expected, "every level computes what the definition says");
  model.start(context.get());
  std::vector<uint8_t*> contexts(symbols.size(), context.get());
  std::vector<uint32_t> found(expected.size());
  expect(model.step(contexts.data(), symbols.data(), count, kPrecision, found.data(), scratch.get(),
                    nullptr)
                 .status == Status::ok,
         "a model steps");
  std::vector<uint32_t> row(alphabet);
  for (size_t i = 0; i < symbols.size(); ++i) {
    frequency_row(expected.data() + i * alphabet, model.alphabet(), kPrecision, row.data());
    expect(std::equal(row.begin(), row.end(), found.begin() + static_cast<ptrdiff_t>(i * alphabet)),
           "a step predicts what the definition says");
  }
}

void run(FuzzedDataProvider* input) {
  Tensors tensors(input);
  const Transformer parts = make_model(&tensors);
  std::vector<TransformerLayer> layers = make_layers(&tensors, parts.sizes);
  const TransformerModel model(parts, std::move(layers),
                               tensors.number(0, parts.sizes.alphabet - 1),
                               tensors.number(2, parts.sizes.positions));
  std::vector<int32_t> symbols(tensors.number(1, 12), kFresh);
  for (size_t i = 1; i < symbols.size(); ++i) {
    symbols[i] = static_cast<int32_t>(tensors.number(0, parts.sizes.alphabet - 1));
  }
  const std::vector<int32_t> expected = defined(model, symbols);
  for (int level = 0; level <= static_cast<int>(best_instruction_set()); ++level) {
    set_instruction_set(static_cast<InstructionSet>(level));
    check_level(model, symbols, expected);
  }
}

}  // namespace
}  // namespace eqinfo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  eqinfo::fuzz::run(&input);
  return 0;
}
