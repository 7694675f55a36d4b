#include "bind/model.h"

#include <algorithm>
#include <stdexcept>

#include "bind/construct.h"
#include "bind/register.h"
#include "cpu/model/static_model.h"

namespace eqinfo::bind {
namespace {

std::unique_ptr<StaticModel> static_model(const Array<float>& logits) {
  require_shape(logits, "logits", {-1});
  require_alphabet(logits.size());
  return std::make_unique<StaticModel>(
      std::vector<float>(logits.data(), logits.data() + logits.size()));
}

Array<uint32_t> predict(ModelLanes& contexts, const Array<int64_t>& lanes,
                        const Array<int32_t>& symbols, uint32_t precision) {
  require_shape(lanes, "lanes", {-1});
  require_shape(symbols, "symbols", {lanes.size()});
  require_precision(contexts.alphabet(), precision);
  check_lanes(lanes.data(), lanes.size(), contexts.lanes());
  Array<uint32_t> rows({lanes.size(), static_cast<int64_t>(contexts.alphabet())});
  uint32_t* out = rows.mutable_data();
  run_without_gil([&](Stop* stop) {
    const CallTurn turn(contexts.lock(), stop);
    for (int64_t i = 0; i < lanes.size(); ++i) contexts.take(lanes.data()[i], symbols.data()[i]);
    const uint32_t* frequencies = nullptr;
    const Result result =
        contexts.predict(lanes.data(), lanes.size(), precision, &frequencies, stop);
    if (result.status == Status::ok) std::copy_n(frequencies, rows.size(), out);
    return result;
  });
  return rows;
}

}  // namespace

ModelLanes::ModelLanes(const Model* model, int64_t lanes)
    : model_(model), owner_(py::cast(model, py::return_value_policy::reference)) {
  require_lane_count(lanes);
  stride_ = aligned_size(model_->context_bytes());
  contexts_ = aligned_bytes(static_cast<size_t>(lanes) * stride_);
  previous_.assign(static_cast<size_t>(lanes), kFresh);
  for (int64_t i = 0; i < lanes; ++i) {
    model_->start(contexts_.get() + static_cast<size_t>(i) * stride_);
  }
  if (lanes == 1) guessed_ = guessed_stream(model_, contexts_.get());
}

void ModelLanes::reset(const Array<int64_t>& lanes) {
  check_lanes(lanes.data(), lanes.size(), this->lanes());
  const CallTurn turn(&lock_);
  if (guessed_ != nullptr && lanes.size() > 0) guessed_->restart();
  for (int64_t i = 0; i < lanes.size(); ++i) {
    const size_t lane = static_cast<size_t>(lanes.data()[i]);
    model_->start(contexts_.get() + lane * stride_);
    previous_[lane] = kFresh;
  }
}

Result ModelLanes::predict(const int64_t* lanes, int64_t count, const int32_t* symbols,
                           int64_t rounds, uint32_t precision, const uint32_t** rows, Stop* stop) {
  if (!whole_) {
    throw std::runtime_error(
        "expected contexts of which no prediction was interrupted, found others; make new ones");
  }
  if (guessed_ != nullptr && rounds == 1 && count == 1) {
    whole_ = false;
    const Result result = guessed_->predict(previous_[0], precision, rows, stop);
    whole_ = true;
    return result;
  }
  if (guessed_ != nullptr) guessed_->settle();
  step_contexts_.clear();
  step_symbols_.clear();
  for (int64_t round = 0; round < rounds; ++round) {
    for (int64_t i = 0; i < count; ++i) {
      const size_t lane = static_cast<size_t>(lanes[i]);
      if (round > 0) previous_[lane] = symbols[(round - 1) * count + i];
      step_contexts_.push_back(contexts_.get() + lane * stride_);
      step_symbols_.push_back(previous_[lane]);
    }
  }
  const int64_t predictions = rounds * count;
  const size_t size = static_cast<size_t>(predictions) * model_->alphabet();
  if (frequencies_.size() < size) frequencies_.resize(size);
  scratch_.resize(std::max(scratch_.size(), model_->scratch_bytes(predictions)));
  *rows = frequencies_.data();
  whole_ = false;
  const Result result = model_->step(step_contexts_.data(), step_symbols_.data(), predictions,
                                     precision, frequencies_.data(), scratch_.data(), stop);
  whole_ = true;
  return result;
}

void register_model(py::module_& module) {
  py::class_<Model>(module, "Model");
  py::class_<StaticModel, Model> of_logits(module, "StaticModel");
  define_init(
      of_logits, [](const Array<float>& logits) { return static_model(logits); },
      py::arg("logits").noconvert());
  py::class_<ModelLanes> lanes(module, "ModelLanes");
  define_constructor<ModelLanes, const Model*, int64_t>(lanes, py::arg("model").none(false),
                                                        py::arg("lanes"))
      .def("reset", &ModelLanes::reset, py::arg("lanes").noconvert())
      .def("predict", &predict, py::arg("lanes").noconvert(), py::arg("symbols").noconvert(),
           py::arg("precision"));
}

}  // namespace eqinfo::bind
