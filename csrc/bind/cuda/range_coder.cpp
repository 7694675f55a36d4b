#include "bind/arrays.h"
#include "bind/cuda/device_array.h"
#include "bind/cuda/register.h"

namespace eqinfo::bind {
namespace {

void encode(const py::object& intervals, uint32_t precision, const py::object& encoders,
            const py::object& words, const py::object& counts, uint64_t stream) {
  Launch launch("range_encode", stream);
  const int64_t lanes = launch.length(encoders, "encoders");
  const int64_t steps = launch.length(intervals, "intervals");
  const int64_t capacity = launch.rows_of(words, "words", lanes);
  launch.run(RangeEncodeArguments{
      reinterpret_cast<const Interval*>(
          launch.in<uint32_t>(intervals, "intervals", {steps, lanes, 2})),
      steps, lanes, precision, launch.structs<RangeEncoder, uint64_t>(encoders, "encoders", lanes),
      launch.out<uint32_t>(words, "words", {lanes, capacity}), capacity,
      launch.out<int64_t>(counts, "counts", {lanes})});
}

void finish(const py::object& encoders, const py::object& words, const py::object& counts,
            const py::object& bits, uint64_t stream) {
  Launch launch("range_finish", stream);
  const int64_t lanes = launch.length(encoders, "encoders");
  const int64_t capacity = launch.rows_of(words, "words", lanes);
  launch.run(RangeFinishArguments{
      lanes, launch.structs<RangeEncoder, uint64_t>(encoders, "encoders", lanes),
      launch.out<uint32_t>(words, "words", {lanes, capacity}), capacity,
      launch.out<int64_t>(counts, "counts", {lanes}), launch.out<int64_t>(bits, "bits", {lanes})});
}

// The streams in `bytes`, which begin and end at `offsets`.
RangeStreams streams_of(Launch* launch, const py::object& bytes, const py::object& offsets,
                        const py::object& decoders, const py::object& positions) {
  const int64_t lanes = launch->length(decoders, "decoders");
  return {launch->in<uint8_t>(bytes, "bytes", {-1}),
          launch->in<int64_t>(offsets, "offsets", {lanes + 1}),
          launch->structs<RangeDecoder, uint64_t>(decoders, "decoders", lanes),
          launch->out<int64_t>(positions, "positions", {lanes}), lanes};
}

void start(const py::object& bytes, const py::object& offsets, const py::object& decoders,
           const py::object& positions, const py::object& status, uint64_t stream) {
  Launch launch("range_start", stream);
  const RangeStreams streams = streams_of(&launch, bytes, offsets, decoders, positions);
  launch.run(RangeStartArguments{streams, launch.out<int32_t>(status, "status", {streams.lanes})});
}

void decode(const py::object& bytes, const py::object& offsets, const py::object& decoders,
            const py::object& positions, const py::object& frequencies, const py::object& status,
            uint32_t precision, const py::object& remaining, const py::object& symbols,
            uint64_t stream) {
  Launch launch("range_decode", stream);
  const RangeStreams streams = streams_of(&launch, bytes, offsets, decoders, positions);
  const int64_t alphabet = launch.rows_of(frequencies, "frequencies", streams.lanes);
  require_precision(alphabet, precision);
  launch.run(RangeDecodeArguments{
      streams, launch.in<uint32_t>(frequencies, "frequencies", {streams.lanes, alphabet}),
      launch.in<int32_t>(status, "status", {streams.lanes}), static_cast<uint32_t>(alphabet),
      precision, launch.out<int64_t>(remaining, "remaining", {streams.lanes}),
      launch.out<int32_t>(symbols, "symbols", {streams.lanes})});
}

void end(const py::object& bytes, const py::object& offsets, const py::object& decoders,
         const py::object& positions, const py::object& bits, uint64_t stream) {
  Launch launch("range_end", stream);
  const RangeStreams streams = streams_of(&launch, bytes, offsets, decoders, positions);
  launch.run(RangeEndArguments{streams, launch.out<int64_t>(bits, "bits", {streams.lanes})});
}

}  // namespace

void register_cuda_range_coder(py::module_& module) {
  const auto stream = py::arg("stream");
  const auto bytes = py::arg("bytes");
  const auto offsets = py::arg("offsets");
  const auto decoders = py::arg("decoders");
  const auto positions = py::arg("positions");
  module.def("range_encode", &encode, py::arg("intervals"), py::arg("precision"),
             py::arg("encoders"), py::arg("words"), py::arg("counts"), stream);
  module.def("range_finish", &finish, py::arg("encoders"), py::arg("words"), py::arg("counts"),
             py::arg("bits"), stream);
  module.def("range_start", &start, bytes, offsets, decoders, positions, py::arg("status"), stream);
  module.def("range_decode", &decode, bytes, offsets, decoders, positions, py::arg("frequencies"),
             py::arg("status"), py::arg("precision"), py::arg("remaining"), py::arg("symbols"),
             stream);
  module.def("range_end", &end, bytes, offsets, decoders, positions, py::arg("bits"), stream);
}

}  // namespace eqinfo::bind
