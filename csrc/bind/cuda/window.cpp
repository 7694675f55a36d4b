#include "bind/arrays.h"
#include "bind/cuda/device_array.h"
#include "bind/cuda/register.h"

namespace eqinfo::bind {
namespace {

// The arrays are attributes of one object, under the names that csrc/cuda/kernels.h gives them.
// They are looked up once, so that a step is a launch and nothing else.
class Steps {
 protected:
  Steps(const char* stage, const py::object& lanes, uint64_t stream)
      : launch_(stage, stream), lanes_(lanes) {}

  template <typename T>
  const T* in(const char* name, const std::vector<int64_t>& shape) {
    return launch_.in<T>(lanes_.attr(name), name, shape);
  }
  template <typename T>
  T* out(const char* name, const std::vector<int64_t>& shape) {
    return launch_.out<T>(lanes_.attr(name), name, shape);
  }
  int64_t length(const char* name) { return launch_.length(lanes_.attr(name), name); }
  template <typename T>
  T number(const char* name) {
    return py::cast<T>(lanes_.attr(name));
  }

  WindowStep step() {
    const int64_t lanes = length("work");
    const int64_t works = length("next");
    const int64_t alphabet = launch_.rows_of(lanes_.attr("frequencies"), "frequencies", lanes);
    const uint32_t precision = number<uint32_t>("precision");
    const uint32_t window_bits = number<uint32_t>("window_bits");
    require_precision(alphabet, precision);
    require_window_bits(window_bits);
    return {in<uint32_t>("frequencies", {lanes, alphabet}),
            in<int32_t>("row_status", {lanes}),
            lanes,
            static_cast<uint32_t>(alphabet),
            precision,
            window_bits,
            out<int64_t>("work", {lanes}),
            in<int64_t>("next", {works}),
            out<int64_t>("positions", {lanes}),
            out<uint64_t>("windows", {lanes, kWindowWords}),
            out<int32_t>("previous", {lanes}),
            out<int32_t>("status", {works}),
            out<int64_t>("fault_offsets", {works})};
  }

  Launch launch_;
  py::object lanes_;
};

class Encode : Steps {
 public:
  Encode(const py::object& lanes, uint64_t stream) : Steps("window_encode", lanes, stream) {
    const int64_t works = length("next");
    const int64_t symbols = length("symbols");
    arguments_ = {step(),
                  in<int32_t>("symbols", {symbols}),
                  in<int64_t>("offsets", {works + 1}),
                  number<int64_t>("reset_every"),
                  out<int64_t>("since_reset", {length("work")}),
                  out<uint64_t>("codewords", {symbols, 2}),
                  out<int64_t>("counts", {works})};
  }
  void run() const { launch_.run(arguments_); }

 private:
  WindowEncodeArguments arguments_{};
};

class Decode : Steps {
 public:
  Decode(const py::object& lanes, uint64_t stream) : Steps("window_decode", lanes, stream) {
    const int64_t count = length("work");
    steps_ = length("decoded");
    arguments_ = {
        step(), in<uint64_t>("codewords", {-1, 2}), in<int64_t>("offsets", {length("next") + 1}),
        out<int32_t>("decoded", {steps_, count}), out<int64_t>("decoded_work", {steps_, count})};
  }
  // Writes the symbols to row `step` of `decoded` and `decoded_work`.
  void run(int64_t step) const {
    require(step >= 0 && step < steps_, "expected a step of 0 to ", steps_ - 1, ", found ", step);
    WindowDecodeArguments arguments = arguments_;
    arguments.symbols += step * arguments.step.lanes;
    arguments.symbol_work += step * arguments.step.lanes;
    launch_.run(arguments);
  }

 private:
  WindowDecodeArguments arguments_{};
  int64_t steps_ = 0;
};

}  // namespace

void register_cuda_window(py::module_& module) {
  const auto lanes = py::arg("lanes");
  const auto stream = py::arg("stream");
  py::class_<Encode>(module, "WindowEncode")
      .def(py::init<const py::object&, uint64_t>(), lanes, stream)
      .def("run", &Encode::run);
  py::class_<Decode>(module, "WindowDecode")
      .def(py::init<const py::object&, uint64_t>(), lanes, stream)
      .def("run", &Decode::run, py::arg("step"));
}

}  // namespace eqinfo::bind
