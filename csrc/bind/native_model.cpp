#include "native_model.h"

#include <pybind11/typing.h>

#include <memory>

#include "bind/arrays.h"
#include "bind/call_lock.h"
#include "bind/construct.h"
#include "bind/register.h"
#include "cpu/memory.h"
#include "cpu/model/native_model_loops.h"

namespace eqinfo::bind {
namespace {

using Bytes = Array<uint8_t>;
using Weights = std::shared_ptr<const NativeWeights>;

void require_part(const Array<int8_t>& weight, const Array<int32_t>& bias, const Bytes& shift,
                  const std::string& name, int64_t outputs, int64_t inputs) {
  require_shape(weight, (name + ".weight").c_str(), {outputs, inputs});
  require_shape(bias, (name + ".bias").c_str(), {outputs});
  require_shape(shift, (name + ".shift").c_str(), {outputs});
  for (int64_t i = 0; i < outputs; ++i) {
    require(bias.data()[i] >= -kMaxBias && bias.data()[i] <= kMaxBias, "expected ", name,
            ".bias of -2^24 to 2^24, found ", bias.data()[i], " at index ", i);
    require(shift.data()[i] <= kMaxShift, "expected ", name, ".shift of at most 24, found ",
            shift.data()[i], " at index ", i);
  }
}

NativeWeights::Part part_of(const Array<int8_t>& weight, const Array<int32_t>& bias,
                            const Bytes& shift) {
  return {{weight.data(), weight.data() + weight.size()},
          {bias.data(), bias.data() + bias.size()},
          {shift.data(), shift.data() + shift.size()}};
}

void require_size(int64_t size, int64_t most, const char* name) {
  require(size >= kUnitStep && size <= most && size % kUnitStep == 0, "expected ", name,
          " to be a multiple of 16, from 16 to ", most, ", found ", size);
}

Weights make_weights(const py::typing::List<Bytes>& tables, const Array<int8_t>& recurrent_weight,
                     const Array<int32_t>& recurrent_bias, const Bytes& recurrent_shift,
                     const Array<int8_t>& hidden_weight, const Array<int32_t>& hidden_bias,
                     const Bytes& hidden_shift, const Array<int8_t>& output_weight,
                     const Array<int32_t>& output_bias, const Bytes& output_shift) {
  require(tables.size() == kFeatures, "expected ", kFeatures, " tables, one per feature, found ",
          static_cast<int64_t>(tables.size()));
  auto weights = std::make_shared<NativeWeights>();
  for (uint32_t k = 0; k < kFeatures; ++k) {
    const Bytes rows = tables[k].cast<Bytes>();
    require_shape(rows, ("rows." + std::to_string(k)).c_str(),
                  {static_cast<int64_t>(feature_rows(k)), kRowBytes});
    weights->rows[k].assign(rows.data(), rows.data() + rows.size());
  }
  const int64_t state = recurrent_bias.size() / 2;
  const int64_t units = hidden_bias.size();
  require_size(state, kMaxState, "the size of the state");
  require_size(units, kMaxUnits, "the number of units");
  require_part(recurrent_weight, recurrent_bias, recurrent_shift, "recurrent", 2 * state,
               kModelInputs);
  require_part(hidden_weight, hidden_bias, hidden_shift, "hidden", units, kModelInputs + state);
  require_part(output_weight, output_bias, output_shift, "output", kModelOutputs, units);
  weights->state = static_cast<uint32_t>(state);
  weights->units = static_cast<uint32_t>(units);
  weights->recurrent = part_of(recurrent_weight, recurrent_bias, recurrent_shift);
  weights->hidden = part_of(hidden_weight, hidden_bias, hidden_shift);
  weights->output = part_of(output_weight, output_bias, output_shift);
  return weights;
}

// The contexts of texts that are read side by side, for training.
class TextContexts {
 public:
  TextContexts(int64_t lanes, bool history) {
    require(lanes >= 1 && lanes <= 1 << 16, "expected 1 to 2^16 lanes, found ", lanes);
    texts_.resize(static_cast<size_t>(lanes));
    if (history) histories_.resize(static_cast<size_t>(lanes));
    for (auto& each : histories_) each = std::make_unique<History>();
  }

  void reset(int64_t lane) {
    const int64_t lanes = static_cast<int64_t>(texts_.size());
    require(lane >= 0 && lane < lanes, "expected a lane of 0 to ", lanes - 1, ", found ", lane);
    // On the heap: a temporary History is larger than the stack of some threads.
    auto history = histories_.empty() ? nullptr : std::make_unique<History>();
    const CallTurn turn(&lock_);
    texts_[static_cast<size_t>(lane)] = {};
    if (history) histories_[static_cast<size_t>(lane)] = std::move(history);
  }

  // The table row of every feature before each byte of `texts`, which has shape (lanes, n): shape
  // (n, lanes, kFeatures). If the call is ended early, reset the lanes.
  Array<int32_t> rows(const Bytes& texts) {
    const int64_t lanes = static_cast<int64_t>(texts_.size());
    require_shape(texts, "texts", {lanes, -1});
    const int64_t length = texts.shape(1);
    Array<int32_t> result({length, lanes, static_cast<int64_t>(kFeatures)});
    int32_t* out = result.mutable_data();
    const uint8_t* in = texts.data();
    run_without_gil([&](Stop* stop) {
      const CallTurn turn(&lock_, stop);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        TextContext* text = &texts_[static_cast<size_t>(lane)];
        History* history =
            histories_.empty() ? nullptr : histories_[static_cast<size_t>(lane)].get();
        StopChecks checks(stop);
        for (int64_t i = 0; i < length; ++i) {
          checks.after(kFeatures);
          uint32_t rows[kFeatures];
          context_rows(*text, history, rows);
          for (uint32_t k = 0; k < kFeatures; ++k) {
            out[(i * lanes + lane) * kFeatures + k] = static_cast<int32_t>(rows[k]);
          }
          context_push(text, history, in[lane * length + i]);
        }
      }
    });
    return result;
  }

 private:
  CallLock lock_;
  std::vector<TextContext> texts_;
  std::vector<std::unique_ptr<History>> histories_;
};

// The logits after every prefix of `text`, the empty one first, by the definition of the model:
// shape (n + 1, 256).
Array<int32_t> define(const NativeModel& model, const Bytes& text) {
  require_shape(text, "text", {-1});
  Array<int32_t> logits({text.size() + 1, static_cast<int64_t>(kModelAlphabet)});
  AlignedBytes context = aligned_bytes(model.context_bytes());
  model.start(context.get());
  int32_t* out = logits.mutable_data();
  const uint8_t* in = text.data();
  const int64_t count = text.size();
  run_without_gil([&](Stop* stop) {
    for (int64_t i = 0; i <= count; ++i) {
      stop->check();
      model.define(context.get(), i == 0 ? kFresh : in[i - 1], out + i * kModelAlphabet);
    }
  });
  return logits;
}

}  // namespace

void register_native_model(py::module_& module) {
  py::class_<NativeWeights, std::shared_ptr<NativeWeights>> weights(module, "NativeWeights");
  define_init(
      weights,
      [](const py::typing::List<Bytes>& tables, const Array<int8_t>& recurrent_weight,
         const Array<int32_t>& recurrent_bias, const Bytes& recurrent_shift,
         const Array<int8_t>& hidden_weight, const Array<int32_t>& hidden_bias,
         const Bytes& hidden_shift, const Array<int8_t>& output_weight,
         const Array<int32_t>& output_bias, const Bytes& output_shift) {
        return std::const_pointer_cast<NativeWeights>(
            make_weights(tables, recurrent_weight, recurrent_bias, recurrent_shift, hidden_weight,
                         hidden_bias, hidden_shift, output_weight, output_bias, output_shift));
      },
      py::arg("rows"), py::arg("recurrent_weight").noconvert(),
      py::arg("recurrent_bias").noconvert(), py::arg("recurrent_shift").noconvert(),
      py::arg("hidden_weight").noconvert(), py::arg("hidden_bias").noconvert(),
      py::arg("hidden_shift").noconvert(), py::arg("output_weight").noconvert(),
      py::arg("output_bias").noconvert(), py::arg("output_shift").noconvert());
  py::class_<NativeModel, Model> model(module, "NativeModel");
  define_constructor<NativeModel, std::shared_ptr<NativeWeights>, bool>(model, py::arg("weights"),
                                                                        py::arg("history"))
      .def("define", &define, py::arg("text").noconvert())
      .def_property_readonly("context_bytes", &NativeModel::context_bytes);
  py::class_<TextContexts> contexts(module, "TextContexts");
  define_constructor<TextContexts, int64_t, bool>(contexts, py::arg("lanes"), py::arg("history"))
      .def("reset", &TextContexts::reset, py::arg("lane"))
      .def("rows", &TextContexts::rows, py::arg("texts").noconvert());
  module.def("feature_rows", [] {
    py::typing::Tuple<py::int_, py::ellipsis> sizes(kFeatures);
    for (uint32_t k = 0; k < kFeatures; ++k) sizes[k] = feature_rows(k);
    return sizes;
  });
}

}  // namespace eqinfo::bind
