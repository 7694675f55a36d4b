#include "bind/cuda/device_array.h"
#include "bind/cuda/register.h"

namespace eqinfo::bind {
namespace {

void rows(const py::object& logits, uint32_t precision, const py::object& frequencies,
          const py::object& status, uint64_t stream) {
  Launch launch("frequency_rows", stream);
  const LogitRows rows = launch.logits(logits, precision);
  launch.run(FrequencyRowsArguments{
      rows, launch.out<uint32_t>(frequencies, "frequencies", {rows.count, rows.alphabet}),
      launch.out<int32_t>(status, "status", {rows.count})});
}

void intervals(const py::object& logits, uint32_t precision, const py::object& symbols,
               const py::object& intervals, const py::object& status, uint64_t stream) {
  Launch launch("frequency_intervals", stream);
  const LogitRows rows = launch.logits(logits, precision);
  launch.run(FrequencyIntervalsArguments{
      rows, launch.in<int32_t>(symbols, "symbols", {rows.count}),
      launch.structs<Interval, uint32_t>(intervals, "intervals", rows.count),
      launch.out<int32_t>(status, "status", {rows.count})});
}

}  // namespace

void register_cuda_frequency(py::module_& module) {
  module.def("frequency_rows", &rows, py::arg("logits"), py::arg("precision"),
             py::arg("frequencies"), py::arg("status"), py::arg("stream"));
  module.def("frequency_intervals", &intervals, py::arg("logits"), py::arg("precision"),
             py::arg("symbols"), py::arg("intervals"), py::arg("status"), py::arg("stream"));
}

}  // namespace eqinfo::bind
