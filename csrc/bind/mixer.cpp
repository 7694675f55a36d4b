#include "bind/arrays.h"
#include "bind/model.h"
#include "bind/register.h"
#include "cpu/mixer/coder.h"
#include "range_coder.h"

namespace eqinfo::bind {
namespace {

constexpr int64_t kMaxMixerBytes = int64_t{1} << 31;

void require_mixable(int64_t size, const Model* model, uint32_t precision) {
  require(size <= kMaxMixerBytes, "expected at most 2^31 bytes, found ", size);
  if (model == nullptr) return;
  require(model->alphabet() == 256, "expected a model over bytes, found an alphabet of ",
          static_cast<int64_t>(model->alphabet()));
  require_precision(model->alphabet(), precision);
}

py::bytes mixed_stream(const Array<uint8_t>& data, const OptionalModel& given, uint32_t precision) {
  const Model* const model = pointer_to(given);
  require_shape(data, "data", {-1});
  require_mixable(data.size(), model, precision);
  std::vector<std::vector<uint8_t>> streams;
  const std::vector<MixerInput> inputs = {{data.data(), data.size()}};
  run_without_gil(
      [&](Stop* stop) { return mixer_encode(inputs, model, precision, &streams, stop); });
  return py::bytes(reinterpret_cast<const char*>(streams[0].data()), streams[0].size());
}

void unmix_stream(const Array<uint8_t>& stream, Array<uint8_t>& room, const OptionalModel& given,
                  uint32_t precision) {
  const Model* const model = pointer_to(given);
  require_shape(stream, "stream", {-1});
  require_shape(room, "room", {-1});
  require_mixable(room.size(), model, precision);
  const std::vector<MixerOutput> outputs = {
      {stream.data(), stream.size(), room.mutable_data(), room.size()}};
  run_without_gil([&](Stop* stop) { return mixer_decode(outputs, model, precision, stop); });
}

Array<uint16_t> bit_probabilities(const Array<uint8_t>& data, const OptionalModel& given,
                                  uint32_t precision) {
  const Model* const model = pointer_to(given);
  require_shape(data, "data", {-1});
  require_mixable(data.size(), model, precision);
  Array<uint16_t> out({data.size(), int64_t{8}});
  uint16_t* values = out.mutable_data();
  run_without_gil([&](Stop* stop) {
    return mixer_probabilities({data.data(), data.size()}, model, precision, values, stop);
  });
  return out;
}

}  // namespace

void register_mixer(py::module_& module) {
  module.def("mixer_encode", &mixed_stream, py::arg("data").noconvert(), py::arg("model"),
             py::arg("precision"));
  module.def("mixer_decode", &unmix_stream, py::arg("stream").noconvert(),
             py::arg("room").noconvert(), py::arg("model"), py::arg("precision"));
  module.def("mixer_probabilities", &bit_probabilities, py::arg("data").noconvert(),
             py::arg("model"), py::arg("precision"));
}

}  // namespace eqinfo::bind
