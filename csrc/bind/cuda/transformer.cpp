#include <pybind11/typing.h>

#include <functional>

#include "bind/arrays.h"
#include "bind/cuda/device_array.h"
#include "bind/cuda/register.h"

namespace eqinfo::bind {
namespace {

using Values = py::typing::Dict<py::str, py::object>;

// The fields of a struct of csrc/cuda/kernels.h, by name; a struct within it is a dict, too.
class Fields {
 public:
  Fields(Launch* launch, const Values& values) : launch_(launch), values_(values) {}

  template <typename T>
  T number(const char* name) const {
    return py::cast<T>(values_[name]);
  }
  template <typename T>
  const T* in(const char* name, const std::vector<int64_t>& shape) const {
    return launch_->in<T>(values_[name], name, shape);
  }
  template <typename T>
  T* out(const char* name, const std::vector<int64_t>& shape) const {
    return launch_->out<T>(values_[name], name, shape);
  }
  int64_t length(const char* name) const { return launch_->length(values_[name], name); }
  bool has(const char* name) const { return !values_[name].is_none(); }
  Fields of(const char* name) const { return {launch_, py::cast<Values>(values_[name])}; }

  TransformerRows rows() const {
    const Fields rows = of("rows");
    const int64_t count = rows.length("positions");
    return {rows.in<int32_t>("positions", {count}), rows.in<int32_t>("lanes", {count}), count};
  }
  QuantisedRows quantised(int64_t count) const {
    const Fields rows = of("quantised");
    const int64_t stride = rows.number<int64_t>("stride");
    require(stride % kWidthStep == 0, "expected a stride that is a multiple of 16, found ", stride);
    return {rows.out<int8_t>("low", {count, stride}), rows.out<int8_t>("high", {count, stride}),
            launch_->structs<RowScale, uint32_t>(rows.values_["scales"], "scales", count), stride};
  }
  Matrix matrix(const char* name) const {
    const Fields matrix = of(name);
    const uint32_t inputs = matrix.number<uint32_t>("inputs");
    const uint32_t outputs = matrix.number<uint32_t>("outputs");
    return {matrix.in<int8_t>("weight", {outputs, inputs}),
            matrix.in<uint32_t>("scale", {outputs}),
            matrix.has("bias") ? matrix.in<int32_t>("bias", {outputs}) : nullptr,
            matrix.number<int32_t>("exponent"),
            inputs,
            outputs};
  }
  LaneMemory memory() const {
    const Fields memory = of("memory");
    const uint32_t heads = memory.number<uint32_t>("key_heads");
    const uint32_t width = memory.number<uint32_t>("head_width");
    const uint32_t positions = memory.number<uint32_t>("positions");
    const int64_t lanes = memory.length("keys");
    const std::vector<int64_t> heads_shape = {lanes, heads, positions, width};
    const std::vector<int64_t> largest_shape = {lanes, heads, positions};
    require(memory.length("cosine") >= positions, "expected rows of cosine for ",
            int64_t{positions}, " positions, found ", memory.length("cosine"));
    return {memory.out<int8_t>("keys", heads_shape),
            memory.out<int8_t>("values", heads_shape),
            memory.out<uint16_t>("key_largest", largest_shape),
            memory.out<uint16_t>("value_largest", largest_shape),
            memory.in<int16_t>("cosine", {-1, width / 2}),
            memory.in<int16_t>("sine", {memory.length("cosine"), width / 2}),
            heads,
            width,
            positions};
  }

 private:
  Launch* launch_;
  Values values_;
};

TransformerEmbedArguments embed(const Fields& fields) {
  const TransformerRows rows = fields.rows();
  const Matrix embedding = fields.matrix("embedding");
  return {rows, fields.in<int32_t>("symbols", {rows.count}), embedding,
          fields.out<int32_t>("x", {rows.count, embedding.inputs})};
}

TransformerNormArguments norm(const Fields& fields) {
  const TransformerRows rows = fields.rows();
  const uint32_t width = fields.number<uint32_t>("width");
  return {rows,
          fields.in<int32_t>("x", {rows.count, width}),
          fields.in<int16_t>("weight", {width}),
          width,
          fields.number<int32_t>("levels"),
          fields.number<int64_t>("epsilon"),
          fields.quantised(rows.count)};
}

TransformerMatrixArguments matrix(const Fields& fields) {
  const TransformerRows rows = fields.rows();
  const QuantisedRows quantised = fields.quantised(rows.count);
  const Matrix weights = fields.matrix("matrix");
  const int64_t stride = fields.number<int64_t>("stride");
  require(stride >= weights.outputs && quantised.stride >= weights.inputs,
          "expected strides of at least ", int64_t{weights.outputs}, " and ",
          int64_t{weights.inputs}, ", found ", stride, " and ", quantised.stride);
  return {rows,
          quantised,
          fields.number<int32_t>("levels"),
          fields.number<int32_t>("adds"),
          weights,
          fields.out<int32_t>("outputs", {rows.count, stride}),
          stride};
}

TransformerStoreArguments store(const Fields& fields) {
  const TransformerRows rows = fields.rows();
  const int64_t stride = fields.number<int64_t>("stride");
  return {rows, fields.out<int32_t>("keys", {rows.count, stride}),
          fields.in<int32_t>("values", {rows.count, stride}), stride, fields.memory()};
}

TransformerAttendArguments attend(const Fields& fields) {
  const TransformerRows rows = fields.rows();
  const LaneMemory memory = fields.memory();
  const uint32_t heads = fields.number<uint32_t>("heads");
  const int64_t stride = fields.number<int64_t>("stride");
  return {rows,
          memory,
          heads,
          fields.number<uint32_t>("score_scale"),
          fields.number<int32_t>("score_exponent"),
          fields.out<int32_t>("queries", {rows.count, stride}),
          stride,
          fields.out<int32_t>("scores", {rows.count, heads, memory.positions})};
}

TransformerPlainArguments plain(const Fields& fields) {
  const TransformerRows rows = fields.rows();
  const int64_t stride = fields.number<int64_t>("stride");
  return {rows,
          fields.in<int32_t>("values", {rows.count, stride}),
          stride,
          fields.number<uint32_t>("width"),
          fields.number<int32_t>("levels"),
          fields.quantised(rows.count)};
}

TransformerGateArguments gate(const Fields& fields) {
  const TransformerRows rows = fields.rows();
  const int64_t stride = fields.number<int64_t>("stride");
  return {rows,
          fields.in<int32_t>("gates", {rows.count, stride}),
          fields.in<int32_t>("ups", {rows.count, stride}),
          stride,
          fields.number<uint32_t>("units"),
          fields.number<int32_t>("levels"),
          fields.quantised(rows.count)};
}

// A launch whose arrays were looked up once; they stay alive with it.
struct PreparedLaunch {
  std::function<void()> run;
};

template <typename Arguments>
void define(py::module_& module, const char* stage, Arguments (*read)(const Fields&)) {
  module.def(
      stage,
      [stage, read](const Values& arguments, uint64_t stream) {
        Launch launch(stage, stream);
        const Arguments read_arguments = read(Fields(&launch, arguments));
        return PreparedLaunch{[launch, read_arguments] { launch.run(read_arguments); }};
      },
      py::arg("arguments"), py::arg("stream"));
}

}  // namespace

void register_cuda_transformer(py::module_& module) {
  py::class_<PreparedLaunch>(module, "PreparedLaunch").def("run", [](const PreparedLaunch& launch) {
    launch.run();
  });
  define(module, "transformer_embed", &embed);
  define(module, "transformer_norm", &norm);
  define(module, "transformer_matrix", &matrix);
  define(module, "transformer_store", &store);
  define(module, "transformer_attend", &attend);
  define(module, "transformer_plain", &plain);
  define(module, "transformer_gate", &gate);
}

}  // namespace eqinfo::bind
