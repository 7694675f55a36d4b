#include "native_model.h"

#include <algorithm>
#include <cstring>

#include "cpu/dispatch.h"
#include "cpu/memory.h"
#include "cpu/model/native_model_loops.h"

namespace eqinfo {
namespace {

void layer_scalar(const PackedLayer& packed, const uint8_t* inputs, size_t input_stride,
                  int64_t count, int32_t* results) {
  const Layer& layer = packed.layer;
  for (int64_t k = 0; k < count; ++k) {
    const uint8_t* input = inputs + static_cast<size_t>(k) * input_stride;
    int32_t* result = results + static_cast<size_t>(k) * packed.outputs;
    for (uint32_t o = 0; o < layer.outputs; ++o) {
      int32_t sum = packed.bias[o];
      const int8_t* weight = layer.weight + static_cast<size_t>(o) * layer.inputs;
      for (uint32_t i = 0; i < layer.inputs; ++i) sum += weight[i] * int32_t{input[i]};
      result[o] = round_shift(sum, layer.shift[o]) * (int32_t{1} << packed.scale);
    }
  }
}

void recur_scalar(const int32_t* results, uint32_t count, int16_t* state, uint8_t* inputs) {
  recur_values(results, count, state, inputs);
}

void units_scalar(const int32_t* results, uint32_t count, uint8_t* units) {
  unit_values(results, count, units);
}

Layer layer_of(const NativeWeights::Part& part, uint32_t inputs, uint32_t outputs) {
  return {part.weight.data(), part.bias.data(), part.shift.data(), inputs, outputs};
}

// The weights of `layer` without the inputs [begin, begin + inputs.size()), which always have the
// values `inputs`; their part of each sum becomes part of the bias.
NativeWeights::Part without_inputs(const Layer& layer, uint32_t begin,
                                   const std::vector<int8_t>& inputs) {
  const uint32_t count = static_cast<uint32_t>(inputs.size());
  NativeWeights::Part part;
  for (uint32_t o = 0; o < layer.outputs; ++o) {
    const int8_t* weight = layer.weight + static_cast<size_t>(o) * layer.inputs;
    int32_t bias = layer.bias[o];
    for (uint32_t i = 0; i < count; ++i) bias += weight[begin + i] * int32_t{inputs[i]};
    part.bias.push_back(bias);
    part.weight.insert(part.weight.end(), weight, weight + begin);
    part.weight.insert(part.weight.end(), weight + begin + count, weight + layer.inputs);
  }
  part.shift.assign(layer.shift, layer.shift + layer.outputs);
  return part;
}

size_t fours_index(const PackedLayer& packed, uint32_t output, uint32_t input) {
  constexpr uint32_t kGroup = kFoursBlocks * 16;
  const uint32_t width = output < packed.outputs / kGroup * kGroup ? kGroup : 16;
  const size_t begin = static_cast<size_t>(output / width) * width * packed.inputs;
  return begin + (static_cast<size_t>(input) / 4 * width + output % width) * 4 + input % 4;
}

// Moves large pairs of weights out of `fours`.
void part_large_pairs(PackedLayer* packed) {
  packed->small_fours = packed->fours;
  packed->large_ends = {0};
  for (uint32_t first = 0; first < packed->outputs; first += kLargeOutputs) {
    for (uint32_t input = 0; input < packed->inputs; input += 2) {
      LargePairs large = {input, {}};
      bool any = false;
      for (uint32_t o = 0; o < kLargeOutputs; ++o) {
        int8_t* const pair = &packed->small_fours[fours_index(*packed, first + o, input)];
        const int32_t above = std::max<int32_t>(pair[0], 0) + std::max<int32_t>(pair[1], 0);
        const int32_t below = std::min<int32_t>(pair[0], 0) + std::min<int32_t>(pair[1], 0);
        if (above <= kMaxPair && below >= -kMaxPair) continue;
        any = true;
        std::copy_n(pair, 2, large.weights[o]);
        std::fill_n(pair, 2, int8_t{0});
      }
      if (any) packed->large_pairs.push_back(large);
    }
    packed->large_ends.push_back(static_cast<uint32_t>(packed->large_pairs.size()));
  }
}

// The first `signed_inputs` inputs are signed and come plus 128.
PackedLayer pack(const Layer& layer, uint32_t signed_inputs, uint32_t scale = 0) {
  PackedLayer packed;
  packed.layer = layer;
  packed.scale = scale;
  packed.inputs = (layer.inputs + 3) / 4 * 4;
  packed.outputs = (layer.outputs + kUnitStep - 1) / kUnitStep * kUnitStep;
  packed.bias.assign(packed.outputs, 0);
  packed.shift.assign(packed.outputs, 0);
  const size_t size = static_cast<size_t>(packed.outputs) * packed.inputs;
  packed.fours.assign(size, 0);
  for (uint32_t o = 0; o < layer.outputs; ++o) {
    int32_t signed_sum = 0;
    for (uint32_t i = 0; i < layer.inputs; ++i) {
      const int8_t weight = layer.weight[static_cast<size_t>(o) * layer.inputs + i];
      if (i < signed_inputs) signed_sum += weight;
      packed.fours[fours_index(packed, o, i)] = weight;
    }
    packed.bias[o] = layer.bias[o] - 128 * signed_sum;
    packed.shift[o] = layer.shift[o];
  }
  part_large_pairs(&packed);
  return packed;
}

void unpack_row(const uint8_t* row, uint8_t* inputs) {
  uint8_t bytes[kRowBytes];
  uint8_t values[kRowValues];
  std::memcpy(bytes, row, sizeof bytes);
  for (uint32_t i = 0; i < kRowBytes; ++i) {
    values[2 * i] = static_cast<uint8_t>(bytes[i] << 4) ^ 128;
    values[2 * i + 1] = (bytes[i] & 0xf0) ^ 128;
  }
  std::memcpy(inputs, values, sizeof values);
}

size_t state_bytes(uint32_t state) { return aligned_size(state * sizeof(int16_t)); }

// The inputs from the features of matches where nothing matches.
std::vector<int8_t> unmatched_inputs(const Network& network) {
  std::vector<int8_t> inputs;
  for (uint32_t k = 0; k < kMatches; ++k) {
    const uint8_t* row = network.rows[kTextFeatures + k] + size_t{kNoMatch} * kRowBytes;
    for (uint32_t i = 0; i < kRowValues; ++i) {
      inputs.push_back(static_cast<int8_t>(row_value(row, i)));
    }
  }
  return inputs;
}

// The largest number of results per context, and the scratch memory of a block: rows, logits,
// inputs, units and results. All of it is on the heap, because the stack of a thread may be as
// small as 128 KiB.
size_t most_results(const Network& network) {
  const uint32_t widest = std::max(2 * network.state, network.units);
  return std::max(widest, kModelOutputs + kUnitStep);
}
size_t block_bytes(const Network& network) {
  return static_cast<size_t>(kModelBlock) *
         (aligned_size(kModelInputs + network.state) + aligned_size(network.units) +
          aligned_size(most_results(network) * sizeof(int32_t)) + kModelAlphabet * sizeof(int32_t) +
          kFeatures * sizeof(uint32_t));
}

Result check_steps(const int32_t* symbols, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (symbols[i] < kFresh || symbols[i] >= static_cast<int32_t>(kModelAlphabet)) {
      return {Status::symbol_out_of_range, i};
    }
  }
  return {};
}

}  // namespace

const NativeKernels kScalarNative = {layer_scalar, recur_scalar, units_scalar};

const NativeKernels& native_kernels() {
#if defined(__x86_64__)
  static const bool vnni = __builtin_cpu_supports("avx512vnni") != 0;
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return vnni ? kAvx512Native : kAvx2Native;
    case InstructionSet::avx2:
      return kAvx2Native;
    case InstructionSet::scalar:
      break;
  }
#endif
  return kScalarNative;
}

// The parts of a context in its block of memory.
struct NativeModel::Context {
  int16_t* state;
  TextContext* text;
  History* history;
};

NativeModel::Context NativeModel::context_at(uint8_t* context) const {
  uint8_t* text = context + state_bytes(network_.state);
  uint8_t* history = text + aligned_size(sizeof(TextContext));
  return {reinterpret_cast<int16_t*>(context), reinterpret_cast<TextContext*>(text),
          history_ ? reinterpret_cast<History*>(history) : nullptr};
}

// What a byte changes in a context, as it was before. The state follows it. The byte in the
// history stays: the next one takes its place.
struct alignas(kContextAlignment) NativeModel::Undo {
  TextContext text;
  Match matches[kMatches];
  uint32_t places[kMatches];
  uint32_t positions[kMatches];

  void save(const Context& at, uint8_t symbol) {
    text = *at.text;
    if (at.history == nullptr) return;
    const uint64_t recent = text.recent << 8 | symbol;
    for (uint32_t i = 0; i < kMatches; ++i) {
      matches[i] = at.history->matches[i];
      places[i] = position_place(recent, kMatchBytes[i]);
      positions[i] = at.history->positions[i][places[i]];
    }
  }
  void restore(const Context& at) const {
    *at.text = text;
    if (at.history == nullptr) return;
    for (uint32_t i = 0; i < kMatches; ++i) {
      at.history->matches[i] = matches[i];
      at.history->positions[i][places[i]] = positions[i];
    }
  }
};

NativeModel::NativeModel(std::shared_ptr<const NativeWeights> weights, bool history)
    : weights_(std::move(weights)), history_(history) {
  for (uint32_t k = 0; k < kFeatures; ++k) network_.rows[k] = weights_->rows[k].data();
  network_.state = weights_->state;
  network_.units = weights_->units;
  network_.recurrent = layer_of(weights_->recurrent, kModelInputs, 2 * network_.state);
  network_.hidden = layer_of(weights_->hidden, kModelInputs + network_.state, network_.units);
  network_.output = layer_of(weights_->output, network_.units, kModelOutputs);
  if (history) {
    features_ = kFeatures;
    recurrent_ = pack(network_.recurrent, kModelInputs);
    hidden_ = pack(network_.hidden, kModelInputs + network_.state);
    output_ = pack(network_.output, 0, kLogitShift);
    return;
  }
  // Nothing ever matches: the constant inputs become part of the biases, and no logit is raised.
  features_ = kTextFeatures;
  const std::vector<int8_t> inputs = unmatched_inputs(network_);
  const uint32_t rest = kTextFeatures * kRowValues;
  unmatched_recurrent_ = without_inputs(network_.recurrent, rest, inputs);
  unmatched_hidden_ = without_inputs(network_.hidden, rest, inputs);
  recurrent_ = pack(layer_of(unmatched_recurrent_, rest, 2 * network_.state), rest);
  hidden_ = pack(layer_of(unmatched_hidden_, rest + network_.state, network_.units),
                 rest + network_.state);
  output_ = pack(layer_of(weights_->output, network_.units, kModelAlphabet), 0, kLogitShift);
}

size_t NativeModel::context_bytes() const {
  const size_t text = state_bytes(network_.state);
  return history_ ? text + aligned_size(sizeof(TextContext)) + sizeof(History)
                  : text + sizeof(TextContext);
}

size_t NativeModel::scratch_bytes(int64_t /*count*/) const {
  return block_bytes(network_) + kContextAlignment;
}

void NativeModel::start(uint8_t* context) const { std::memset(context, 0, context_bytes()); }

void NativeModel::append(uint8_t* context, int32_t symbol) const {
  if (symbol == kFresh) return;
  const Context at = context_at(context);
  context_push(at.text, at.history, static_cast<uint8_t>(symbol));
}

void NativeModel::define(uint8_t* context, int32_t symbol, int32_t* logits) const {
  append(context, symbol);
  const Context at = context_at(context);
  uint32_t rows[kFeatures];
  context_rows(*at.text, at.history, rows);
  network_step(network_, rows, at.state, logits);
}

void NativeModel::step_layers(uint8_t* const* contexts, const uint32_t* rows, int64_t count,
                              uint8_t* scratch, int32_t* logits, uint8_t* undo) const {
  const NativeKernels& kernels = native_kernels();
  const size_t row_inputs = size_t{features_} * kRowValues;
  const size_t stride = row_inputs + network_.state;
  uint8_t* inputs = scratch;
  uint8_t* units = inputs + static_cast<size_t>(kModelBlock) * aligned_size(stride);
  int32_t* results = reinterpret_cast<int32_t*>(units + static_cast<size_t>(kModelBlock) *
                                                            aligned_size(network_.units));
  for (int64_t k = 0; k < count; ++k) {
    uint8_t* input = inputs + static_cast<size_t>(k) * stride;
    for (uint32_t feature = 0; feature < features_; ++feature) {
      const size_t row = rows[static_cast<size_t>(k) * kFeatures + feature];
      unpack_row(network_.rows[feature] + row * kRowBytes, input + feature * kRowValues);
    }
  }
  kernels.layer(recurrent_, inputs, stride, count, results);
  // In the order of the block, in which a context may come several times.
  for (int64_t k = 0; k < count; ++k) {
    if (undo != nullptr && k == count - 1) {
      std::memcpy(undo + sizeof(Undo), context_at(contexts[k]).state,
                  network_.state * sizeof(int16_t));
    }
    kernels.recur(results + static_cast<size_t>(k) * recurrent_.outputs, network_.state,
                  context_at(contexts[k]).state,
                  inputs + static_cast<size_t>(k) * stride + row_inputs);
  }
  kernels.layer(hidden_, inputs, stride, count, results);
  for (int64_t k = 0; k < count; ++k) {
    kernels.units(results + static_cast<size_t>(k) * hidden_.outputs, network_.units,
                  units + static_cast<size_t>(k) * network_.units);
  }
  if (!history_) {
    kernels.layer(output_, units, network_.units, count, logits);
    return;
  }
  kernels.layer(output_, units, network_.units, count, results);
  for (int64_t k = 0; k < count; ++k) {
    const int32_t* result = results + static_cast<size_t>(k) * output_.outputs;
    int32_t* logit = logits + static_cast<size_t>(k) * kModelAlphabet;
    std::copy_n(result, kModelAlphabet, logit);
    for (uint32_t m = 0; m < kMatches; ++m) {
      const uint32_t row = rows[static_cast<size_t>(k) * kFeatures + kTextFeatures + m];
      if (row != kNoMatch) logit[match_byte(row)] += result[kModelAlphabet + m];
    }
  }
}

Result NativeModel::step(uint8_t* const* contexts, const int32_t* symbols, int64_t count,
                         uint32_t precision, uint32_t* frequencies, uint8_t* scratch,
                         Stop* stop) const {
  const Result checked = check_steps(symbols, count);
  if (checked.status != Status::ok) return checked;
  int64_t blocks = (count + kModelBlock - 1) / kModelBlock;
  int64_t block = 0;
  for (int64_t first = 0; first < count; first += block) {
    if (stop != nullptr) stop->check();
    block = (count - first) / blocks--;
    step_block(contexts + first, symbols + first, block, precision,
               frequencies + first * kModelAlphabet, scratch, nullptr);
  }
  return {};
}

void NativeModel::step_block(uint8_t* const* contexts, const int32_t* symbols, int64_t count,
                             uint32_t precision, uint32_t* frequencies, uint8_t* scratch,
                             uint8_t* undo) const {
  const size_t misaligned = reinterpret_cast<uintptr_t>(scratch) % kContextAlignment;
  scratch += misaligned == 0 ? 0 : kContextAlignment - misaligned;
  uint32_t* rows = reinterpret_cast<uint32_t*>(scratch);
  int32_t* logits = reinterpret_cast<int32_t*>(rows + kModelBlock * kFeatures);
  uint8_t* rest = reinterpret_cast<uint8_t*>(logits + kModelBlock * kModelAlphabet);
  const FrequencyKernels& kernels = frequency_kernels();
  for (int64_t i = 0; i < count; ++i) {
    const Context at = context_at(contexts[i]);
    if (undo != nullptr && i == count - 1) {
      reinterpret_cast<Undo*>(undo)->save(at, static_cast<uint8_t>(symbols[i]));
    }
    append(contexts[i], symbols[i]);
    uint32_t* own = rows + i * kFeatures;
    context_rows(*at.text, at.history, own);
    for (uint32_t k = 0; k < features_; ++k) {
      __builtin_prefetch(network_.rows[k] + static_cast<size_t>(own[k]) * kRowBytes);
    }
  }
  step_layers(contexts, rows, count, rest, logits, undo);
  for (int64_t i = 0; i < count; i += kRowBlock) {
    kernels.integer_rows(logits + i * kModelAlphabet, std::min(kRowBlock, count - i),
                         kModelAlphabet, precision, frequencies + i * kModelAlphabet);
  }
}

bool NativeModel::guesses_pay() const {
  // Others take longer to compute a step than to read the weights.
  return &native_kernels() == &kAvx512Native;
}

size_t NativeModel::undo_bytes() const { return sizeof(Undo) + state_bytes(network_.state); }

Result NativeModel::step_with_guess(uint8_t* context, const int32_t* symbols, uint32_t precision,
                                    uint32_t* frequencies, uint8_t* scratch, uint8_t* undo,
                                    Stop* stop) const {
  const Result checked = check_steps(symbols, 2);
  if (checked.status != Status::ok) return checked;
  if (stop != nullptr) stop->check();
  uint8_t* const contexts[2] = {context, context};
  step_block(contexts, symbols, 2, precision, frequencies, scratch, undo);
  return {};
}

void NativeModel::take_back(uint8_t* context, const uint8_t* undo) const {
  const Context at = context_at(context);
  reinterpret_cast<const Undo*>(undo)->restore(at);
  std::memcpy(at.state, undo + sizeof(Undo), network_.state * sizeof(int16_t));
}

}  // namespace eqinfo
