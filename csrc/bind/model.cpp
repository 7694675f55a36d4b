#include "bind/model.h"

#include <algorithm>

#include "bind/register.h"
#include "cpu/model/static_model.h"

namespace eqinfo::bind {
namespace {

constexpr int64_t kMaxLanes = 1 << 20;

std::unique_ptr<StaticPredictor> static_predictor(const Array<float>& logits) {
  require_shape(logits, "logits", {-1});
  require(logits.size() >= kMinAlphabet && logits.size() <= kMaxAlphabet,
          "logits must be 2 to 2^18");
  return std::make_unique<StaticPredictor>(
      std::vector<float>(logits.data(), logits.data() + logits.size()));
}

Array<uint32_t> predict(PredictorLanes& contexts, const Array<int64_t>& lanes,
                        const Array<int32_t>& symbols, uint32_t precision) {
  require_shape(lanes, "lanes", {-1});
  require_shape(symbols, "symbols", {lanes.size()});
  require_precision(contexts.alphabet(), precision);
  check_lanes(lanes.data(), lanes.size(), contexts.lanes());
  for (int64_t i = 0; i < lanes.size(); ++i) contexts.take(lanes.data()[i], symbols.data()[i]);
  Array<uint32_t> rows({lanes.size(), static_cast<int64_t>(contexts.alphabet())});
  uint32_t* out = rows.mutable_data();
  const int64_t* in = lanes.data();
  const int64_t size = rows.size();
  Result result;
  {
    const py::gil_scoped_release release;
    const uint32_t* frequencies = nullptr;
    result = contexts.predict(in, size / contexts.alphabet(), precision, &frequencies);
    if (result.status == Status::ok) std::copy_n(frequencies, size, out);
  }
  check(result);
  return rows;
}

}  // namespace

PredictorLanes::PredictorLanes(const Predictor* predictor, int64_t lanes) : predictor_(predictor) {
  require(lanes >= 1 && lanes <= kMaxLanes, "lanes must be 1 to 2^20");
  stride_ = aligned_size(predictor_->context_bytes());
  contexts_ = aligned_bytes(static_cast<size_t>(lanes) * stride_);
  previous_.assign(static_cast<size_t>(lanes), kFresh);
  for (int64_t i = 0; i < lanes; ++i) {
    predictor_->start(contexts_.get() + static_cast<size_t>(i) * stride_);
  }
}

void PredictorLanes::reset(const Array<int64_t>& lanes) {
  check_lanes(lanes.data(), lanes.size(), this->lanes());
  for (int64_t i = 0; i < lanes.size(); ++i) {
    const size_t lane = static_cast<size_t>(lanes.data()[i]);
    predictor_->start(contexts_.get() + lane * stride_);
    previous_[lane] = kFresh;
  }
}

Result PredictorLanes::predict(const int64_t* lanes, int64_t count, uint32_t precision,
                               const uint32_t** rows) {
  step_contexts_.clear();
  step_symbols_.clear();
  for (int64_t i = 0; i < count; ++i) {
    const size_t lane = static_cast<size_t>(lanes[i]);
    step_contexts_.push_back(contexts_.get() + lane * stride_);
    step_symbols_.push_back(previous_[lane]);
  }
  const size_t size = static_cast<size_t>(count) * predictor_->alphabet();
  if (frequencies_.size() < size) frequencies_.resize(size);
  scratch_.resize(std::max(scratch_.size(), predictor_->scratch_bytes(count)));
  *rows = frequencies_.data();
  return predictor_->step(step_contexts_.data(), step_symbols_.data(), count, precision,
                          frequencies_.data(), scratch_.data());
}

void register_predictor(py::module_& module) {
  py::class_<Predictor>(module, "Predictor");
  py::class_<StaticPredictor, Predictor>(module, "StaticPredictor")
      .def(py::init(&static_predictor), py::arg("logits").noconvert());
  py::class_<PredictorLanes>(module, "PredictorLanes")
      .def(py::init<const Predictor*, int64_t>(), py::arg("predictor").none(false),
           py::arg("lanes"), py::keep_alive<1, 2>())
      .def("reset", &PredictorLanes::reset, py::arg("lanes").noconvert())
      .def("predict", &predict, py::arg("lanes").noconvert(), py::arg("symbols").noconvert(),
           py::arg("precision"));
}

}  // namespace eqinfo::bind
