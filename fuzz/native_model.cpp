// The tensors of a native model file, with any content within the shapes and ranges that the loader
// checks: every instruction set predicts what the definition says, and codewords decode, within
// bounds, to symbols that encode to windows that decode to the same.
#include "native_model.h"

#include <memory>

#include "cpu/memory.h"
#include "cpu/model/native_model_loops.h"
#include "cpu/window/engine.h"
#include "expect.h"

namespace eqinfo::fuzz {
namespace {

constexpr uint32_t kPrecision = 12;
constexpr uint32_t kWindowBits = 24;

// Repeats a pattern, so that a few bytes of input fill a tensor.
template <typename Value>
void fill(FuzzedDataProvider* input, size_t size, Value low, Value high,
          std::vector<Value>* values) {
  std::vector<Value> pattern(input->ConsumeIntegralInRange<size_t>(1, 5));
  for (Value& value : pattern) value = input->ConsumeIntegralInRange<Value>(low, high);
  values->resize(size);
  for (size_t i = 0; i < size; ++i) (*values)[i] = pattern[i % pattern.size()];
}

void fill_part(FuzzedDataProvider* input, uint32_t outputs, uint32_t inputs,
               NativeWeights::Part* part) {
  fill<int8_t>(input, size_t{outputs} * inputs, -128, 127, &part->weight);
  fill<int32_t>(input, outputs, -kMaxBias, kMaxBias, &part->bias);
  fill<uint8_t>(input, outputs, 0, kMaxShift, &part->shift);
}

// Rarely the largest size, which takes long.
uint32_t size_up_to(FuzzedDataProvider* input, uint32_t most) {
  const uint8_t choice = input->ConsumeIntegral<uint8_t>();
  return choice == 255 ? most : kUnitStep * (1 + choice % 4);
}

std::shared_ptr<NativeWeights> make_weights(FuzzedDataProvider* input) {
  // Static, because the embedding tables take megabytes.
  static const auto weights = std::make_shared<NativeWeights>();
  weights->state = size_up_to(input, kMaxState);
  weights->units = size_up_to(input, kMaxUnits);
  fill_part(input, 2 * weights->state, kModelInputs, &weights->recurrent);
  fill_part(input, weights->units, kModelInputs + weights->state, &weights->hidden);
  fill_part(input, kModelOutputs, weights->units, &weights->output);
  const uint8_t nibbles = input->ConsumeIntegral<uint8_t>();
  for (uint32_t k = 0; k < kFeatures; ++k) {
    auto& rows = weights->rows[k];
    if (rows.empty() || rows[0] != nibbles)
      rows.assign(size_t{feature_rows(k)} * kRowBytes, nibbles);
  }
  return weights;
}

void check_levels(const NativeModel& model, const std::vector<int32_t>& symbols) {
  AlignedBytes defined = aligned_bytes(model.context_bytes());
  model.start(defined.get());
  std::vector<uint8_t> scratch(model.scratch_bytes(1));
  std::vector<AlignedBytes> contexts;
  for (int level = 0; level <= static_cast<int>(best_instruction_set()); ++level) {
    contexts.push_back(aligned_bytes(model.context_bytes()));
    model.start(contexts.back().get());
  }
  int32_t symbol = kFresh;
  for (size_t i = 0; i <= symbols.size(); ++i) {
    int32_t logits[kModelAlphabet];
    uint32_t expected[kModelAlphabet];
    model.define(defined.get(), symbol, logits);
    frequency_row(logits, kModelAlphabet, kPrecision, expected);
    for (size_t level = 0; level < contexts.size(); ++level) {
      set_instruction_set(static_cast<InstructionSet>(level));
      uint32_t frequencies[kModelAlphabet];
      uint8_t* context = contexts[level].get();
      const Result result =
          model.step(&context, &symbol, 1, kPrecision, frequencies, scratch.data(), nullptr);
      expect(result.status == Status::ok, "a model predicts");
      expect(std::equal(expected, expected + kModelAlphabet, frequencies),
             "every level predicts what the definition says");
    }
    if (i < symbols.size()) symbol = symbols[i];
  }
}

std::vector<int32_t> decode(const NativeModel& model, const std::vector<uint64_t>& codewords) {
  WindowMemo memo(kWindowBits, kPrecision, kModelAlphabet, model.context_bytes(), 1 << 20);
  const int64_t count = static_cast<int64_t>(codewords.size() / 2);
  DecodingRun run(&memo, &model, 2, codewords.data(), count);
  bool done = false;
  expect(run.proceed(1 << 20, &done).status == Status::ok && done, "a run ends");
  std::vector<int64_t> ends(static_cast<size_t>(count));
  run.ends(ends.data());
  std::vector<int32_t> symbols(count == 0 ? 0 : static_cast<size_t>(ends.back()));
  run.gather(symbols.data());
  return symbols;
}

void run(FuzzedDataProvider* input) {
  const bool history = input->ConsumeBool();
  const std::vector<int32_t> symbols = [&] {
    std::vector<int32_t> some(input->ConsumeIntegralInRange<size_t>(0, 16));
    for (int32_t& symbol : some) symbol = input->ConsumeIntegral<uint8_t>() & 3;
    return some;
  }();
  const NativeModel model(make_weights(input), history);
  check_levels(model, symbols);
  std::vector<uint64_t> codewords;
  while (input->remaining_bytes() >= 3 && codewords.size() < 4) {
    codewords.push_back(0);
    codewords.push_back(input->ConsumeIntegralInRange<uint64_t>(0, (1 << kWindowBits) - 1));
  }
  const std::vector<int32_t> decoded = decode(model, codewords);
  WindowMemo memo(kWindowBits, kPrecision, kModelAlphabet, model.context_bytes(), 1 << 20);
  const int64_t offsets[2] = {0, static_cast<int64_t>(decoded.size())};
  EncodingRun encoding(&memo, &model, 1, {decoded.data(), offsets, 1});
  bool done = false;
  expect(encoding.proceed(1 << 20, &done).status == Status::ok && done, "a run ends");
  std::vector<uint64_t> again;
  for (const ClosedWindow& closed : encoding.windows(0)) {
    again.push_back(0);
    again.push_back(static_cast<uint64_t>(closed.window.base));
  }
  expect(decode(model, again) == decoded, "what is encoded decodes");
}

}  // namespace
}  // namespace eqinfo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  eqinfo::fuzz::run(&input);
  return 0;
}
