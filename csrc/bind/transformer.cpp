#include <pybind11/typing.h>

#include <memory>
#include <string>

#include "bind/arrays.h"
#include "bind/construct.h"
#include "bind/model.h"
#include "bind/register.h"
#include "cpu/transformer/transformer_loops.h"

namespace eqinfo::bind {
namespace {

using Tensors = py::typing::Dict<py::str, py::array>;

// A model over the memory of its tensors, which it keeps alive and nobody may change.
class Transformer : public TransformerModel {
 public:
  Transformer(const eqinfo::Transformer& model, std::vector<TransformerLayer> layers,
              uint32_t begin, uint32_t context_length, std::vector<py::array> tensors)
      : TransformerModel(model, std::move(layers), begin, context_length),
        tensors_(std::move(tensors)) {}

 private:
  std::vector<py::array> tensors_;
};

// The place of each number in the tensor "parameters".
enum Parameter : size_t {
  kHeads,
  kKeyHeads,
  kLevels,
  kDownLevels,
  kHeadLevels,
  kBegin,
  kEpsilon,
  kScoreScale,
  kScoreExponent,
  kParameters,
};

// Takes tensors by name, checks them, and keeps them.
class Reader {
 public:
  explicit Reader(const Tensors& tensors) : tensors_(tensors) {}

  template <typename T>
  const T* take(const std::string& name, const std::vector<int64_t>& shape) {
    const py::array tensor = find(name);
    if (!py::isinstance<Array<T>>(tensor)) {
      raise("ValueError",
            "expected " + name + " of dtype " + py::cast<std::string>(py::str(py::dtype::of<T>())) +
                " in C order, found " + py::cast<std::string>(py::str(tensor.dtype())));
    }
    require_shape(tensor, name.c_str(), shape);
    kept_.push_back(aligned(tensor));
    return static_cast<const T*>(kept_.back().data());
  }
  bool has(const std::string& name) const { return tensors_.contains(name.c_str()); }
  int64_t size(const std::string& name, ssize_t dimension) const {
    const py::array tensor = find(name);
    require(tensor.ndim() == 2, "expected ", name, " of 2 dimensions, found ", tensor.ndim());
    return tensor.shape(dimension);
  }
  std::vector<py::array> kept() { return std::move(kept_); }

 private:
  py::array find(const std::string& name) const {
    require(has(name), "expected a tensor ", name, ", found none");
    return py::cast<py::array>(tensors_[name.c_str()]);
  }

  const Tensors& tensors_;
  std::vector<py::array> kept_;
};

void require_within(const std::string& name, int64_t value, int64_t least, int64_t most) {
  require(value >= least && value <= most, "expected ", name, " of ", least, " to ", most,
          ", found ", value);
}

void require_width(const std::string& name, int64_t value, int64_t most) {
  require(value >= kWidthStep && value <= most && value % kWidthStep == 0, "expected ", name,
          " to be a multiple of 16, from 16 to ", most, ", found ", value);
}

const uint32_t* take_scale(Reader* reader, const std::string& name, uint32_t outputs) {
  const uint32_t* scale = reader->take<uint32_t>(name + ".scale", {outputs});
  for (uint32_t i = 0; i < outputs; ++i) {
    require(scale[i] <= kMaxScale, "expected ", name, ".scale below 2^31, found ",
            int64_t{scale[i]}, " at index ", int64_t{i});
  }
  return scale;
}

const int8_t* take_weight(Reader* reader, const std::string& name, uint32_t outputs,
                          uint32_t inputs) {
  const int8_t* weight = reader->take<int8_t>(name + ".weight", {outputs, inputs});
  const size_t size = static_cast<size_t>(outputs) * inputs;
  const int8_t* low = std::find(weight, weight + size, -kWeightLevels - 1);
  require(low == weight + size, "expected ", name, ".weight of -127 to 127, found -128 at index ",
          low - weight);
  return weight;
}

const int32_t* take_bias(Reader* reader, const std::string& name, uint32_t outputs) {
  if (!reader->has(name + ".bias")) return nullptr;
  const int32_t* bias = reader->take<int32_t>(name + ".bias", {outputs});
  for (uint32_t i = 0; i < outputs; ++i) {
    require(bias[i] >= -kValueLimit && bias[i] <= kValueLimit, "expected ", name,
            ".bias within 2^30, found ", bias[i], " at index ", int64_t{i});
  }
  return bias;
}

Matrix take_matrix(Reader* reader, const std::string& name, uint32_t outputs, uint32_t inputs,
                   int32_t exponent) {
  require_within("the exponent of " + name, exponent, -kMaxExponent, kMaxExponent);
  const int8_t* weight = take_weight(reader, name, outputs, inputs);
  const uint32_t* scale = take_scale(reader, name, outputs);
  return {weight, scale, take_bias(reader, name, outputs), exponent, inputs, outputs};
}

TransformerSizes take_sizes(Reader* reader, const int64_t* parameters) {
  const int64_t alphabet = reader->size("embedding.weight", 0);
  const int64_t width = reader->size("embedding.weight", 1);
  const int64_t positions = reader->size("rotation.cosine", 0);
  const int64_t head_width = 2 * reader->size("rotation.cosine", 1);
  int64_t layers = 0;
  while (reader->has("layers." + std::to_string(layers) + ".gate.weight")) ++layers;
  require_within("the number of layers", layers, 1, kMaxLayers);
  const int64_t units = reader->size("layers.0.gate.weight", 0);
  require_alphabet(alphabet);
  require_width("the width", width, kMaxWidth);
  require_width("the number of units", units, kMaxInputs);
  require_width("the width of a head", head_width, kMaxHeadWidth);
  require_within("the number of positions", positions, 2, kMaxPositions);
  require_within("the number of heads", parameters[kHeads], 1, kMaxInputs / head_width);
  require_within("the number of key heads", parameters[kKeyHeads], 1, parameters[kHeads]);
  require(parameters[kHeads] % parameters[kKeyHeads] == 0,
          "expected a number of key heads that divides that of heads, found ",
          parameters[kKeyHeads], " and ", parameters[kHeads]);
  for (const size_t place : {kLevels, kDownLevels, kHeadLevels}) {
    require(parameters[place] == kByteLevels || parameters[place] == kWideLevels,
            "expected inputs of 127 or 16256 levels, found ", parameters[place]);
  }
  const auto number = [](int64_t value) { return static_cast<uint32_t>(value); };
  return {number(alphabet),
          number(width),
          number(units),
          number(parameters[kHeads]),
          number(parameters[kKeyHeads]),
          number(head_width),
          number(layers),
          number(positions),
          static_cast<int32_t>(parameters[kLevels]),
          static_cast<int32_t>(parameters[kDownLevels]),
          static_cast<int32_t>(parameters[kHeadLevels])};
}

std::vector<TransformerLayer> take_layers(Reader* reader, const TransformerSizes& sizes,
                                          const int32_t* exponents) {
  const uint32_t attended = sizes.heads * sizes.head_width;
  const uint32_t stored = sizes.key_heads * sizes.head_width;
  std::vector<TransformerLayer> layers;
  for (uint32_t l = 0; l < sizes.layers; ++l) {
    const std::string name = "layers." + std::to_string(l) + ".";
    const auto matrix = [&](const char* part, uint32_t outputs, uint32_t inputs) {
      return take_matrix(reader, name + part, outputs, inputs, *exponents++);
    };
    TransformerLayer layer;
    layer.attention_norm = reader->take<int16_t>(name + "attention_norm", {sizes.width});
    layer.units_norm = reader->take<int16_t>(name + "units_norm", {sizes.width});
    layer.query = matrix("query", attended, sizes.width);
    layer.key = matrix("key", stored, sizes.width);
    layer.value = matrix("value", stored, sizes.width);
    layer.attention = matrix("attention", sizes.width, attended);
    layer.gate = matrix("gate", sizes.units, sizes.width);
    layer.up = matrix("up", sizes.units, sizes.width);
    layer.down = matrix("down", sizes.width, sizes.units);
    layers.push_back(layer);
  }
  return layers;
}

std::unique_ptr<Transformer> make_transformer(const Tensors& tensors, int64_t context_length) {
  Reader reader(tensors);
  const int64_t* parameters = reader.take<int64_t>("parameters", {kParameters});
  eqinfo::Transformer model{};
  model.sizes = take_sizes(&reader, parameters);
  const TransformerSizes& sizes = model.sizes;
  require_within("begin", parameters[kBegin], 0, sizes.alphabet - 1);
  require_within("epsilon", parameters[kEpsilon], 0, kMaxEpsilon);
  require_within("the scale of scores", parameters[kScoreScale], 0, kMaxScale);
  require_within("the exponent of scores", parameters[kScoreExponent], -kMaxExponent, kMaxExponent);
  require_within("context_length", context_length, 2, sizes.positions);
  model.epsilon = parameters[kEpsilon];
  model.score_scale = static_cast<uint32_t>(parameters[kScoreScale]);
  model.score_exponent = static_cast<int32_t>(parameters[kScoreExponent]);
  model.cosine = reader.take<int16_t>("rotation.cosine", {sizes.positions, sizes.head_width / 2});
  model.sine = reader.take<int16_t>("rotation.sine", {sizes.positions, sizes.head_width / 2});
  constexpr uint32_t kMatrices = 7;  // of a layer
  const int32_t* exponents = reader.take<int32_t>("exponents", {2 + kMatrices * sizes.layers});
  model.embedding = take_matrix(&reader, "embedding", sizes.alphabet, sizes.width, exponents[0]);
  model.norm = reader.take<int16_t>("norm", {sizes.width});
  if (reader.has("head.weight")) {
    model.head = take_matrix(&reader, "head", sizes.alphabet, sizes.width, exponents[1]);
  } else {
    model.head = model.embedding;
    model.head.scale = take_scale(&reader, "head", sizes.alphabet);
    model.head.exponent = exponents[1];
    require_within("the exponent of head", exponents[1], -kMaxExponent, kMaxExponent);
  }
  std::vector<TransformerLayer> layers = take_layers(&reader, sizes, exponents + 2);
  return std::make_unique<Transformer>(model, std::move(layers),
                                       static_cast<uint32_t>(parameters[kBegin]),
                                       static_cast<uint32_t>(context_length), reader.kept());
}

// The logits after each of `symbols` in a context of their own, which begins with the first: shape
// (n, alphabet).
template <typename Append>
Array<int32_t> logits_after(const Transformer& model, const Array<int32_t>& symbols,
                            const Append& append) {
  require_shape(symbols, "symbols", {-1});
  Array<int32_t> logits({symbols.size(), static_cast<int64_t>(model.alphabet())});
  const AlignedBytes context = aligned_bytes(model.context_bytes());
  const AlignedBytes scratch = aligned_bytes(model.scratch_bytes(1));
  model.start(context.get());
  int32_t* out = logits.mutable_data();
  run_without_gil([&](Stop* stop) {
    return append(context.get(), symbols.data(), symbols.size(), out, scratch.get(), stop);
  });
  return logits;
}

Array<int32_t> logits_by_definition(const Transformer& model, const Array<int32_t>& symbols) {
  return logits_after(model, symbols,
                      [&](uint8_t* context, const int32_t* symbol, int64_t count, int32_t* out,
                          uint8_t* scratch, Stop* stop) {
                        for (int64_t i = 0; i < count; ++i) {
                          stop->check();
                          const Result result =
                              model.define(context, symbol[i], out + i * model.alphabet(), scratch);
                          if (result.status != Status::ok) return Result{result.status, i};
                        }
                        return Result{};
                      });
}

Array<int32_t> logits_over_time(const Transformer& model, const Array<int32_t>& symbols) {
  return logits_after(
      model, symbols,
      [&](uint8_t* context, const int32_t* symbol, int64_t count, int32_t* out, uint8_t* scratch,
          Stop* stop) { return model.extend(context, symbol, count, out, scratch, stop); });
}

}  // namespace

void register_transformer(py::module_& module) {
  py::class_<Transformer, Model> model(module, "Transformer");
  define_init(
      model,
      [](const Tensors& tensors, int64_t context_length) {
        return make_transformer(tensors, context_length);
      },
      py::arg("tensors"), py::arg("context_length"));
  model.def("define", &logits_by_definition, py::arg("symbols").noconvert())
      .def("extend", &logits_over_time, py::arg("symbols").noconvert())
      .def_property_readonly("alphabet", &Transformer::alphabet)
      .def_property_readonly("context_bytes", &Transformer::context_bytes);
}

}  // namespace eqinfo::bind
