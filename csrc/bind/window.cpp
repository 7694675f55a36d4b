#include "window.h"

#include <pybind11/typing.h>

#include "bind/arrays.h"
#include "bind/register.h"
#include "cpu/window/lanes.h"

namespace eqinfo::bind {
namespace {

using Words = Array<uint64_t>;
using Windows = InPlace<uint64_t>;
using Lanes = Array<int64_t>;
using Symbols = Array<int32_t>;

// The memory of one step over some lanes, and the checks of its arguments.
struct Step {
  Rows rows;
  std::vector<uint32_t> scratch;
  std::vector<uint64_t> pending;
  WindowLanes lanes;

  Step(Windows& windows, int64_t words, const Lanes& indices, const py::array& predictions,
       uint32_t precision)
      : rows(rows_of(predictions, precision)),
        scratch(kRowBlock * rows.alphabet),
        pending(static_cast<size_t>(rows.count * words)),
        lanes{windows.mutable_data(), indices.data(), scratch.data(), pending.data()} {
    require_shape(windows, "windows", {-1, words});
    require_aligned(windows, "windows");
    require_shape(indices, "lanes", {rows.count});
    check_lanes(indices.data(), rows.count, windows.shape(0));
  }
};

void require_codewords(const Words& codewords, const Windows& windows) {
  require_shape(codewords, "codewords", {windows.shape(0), 2});
}

Array<bool> encode(Windows windows, const Lanes& lanes, const py::array& rows, uint32_t precision,
                   const Symbols& symbols) {
  Step step(windows, kWindowWords, lanes, rows, precision);
  require_shape(symbols, "symbols", {step.rows.count});
  Array<bool> fits(step.rows.count);
  uint8_t* out = reinterpret_cast<uint8_t*>(fits.mutable_data());
  run_without_gil([&](Stop* stop) {
    step.lanes.stop = stop;
    return window_encode_lanes(step.lanes, step.rows, symbols.data(), out);
  });
  return fits;
}

py::typing::Tuple<Array<bool>, Array<bool>> encode_padded(Windows windows, const Lanes& lanes,
                                                          const py::array& rows, uint32_t precision,
                                                          const Symbols& symbols) {
  Step step(windows, kPaddedWords, lanes, rows, precision);
  require_shape(symbols, "symbols", {step.rows.count});
  Array<bool> fits(step.rows.count);
  Array<bool> settled(step.rows.count);
  uint8_t* fits_out = reinterpret_cast<uint8_t*>(fits.mutable_data());
  uint8_t* settled_out = reinterpret_cast<uint8_t*>(settled.mutable_data());
  run_without_gil([&](Stop* stop) {
    step.lanes.stop = stop;
    return padded_encode_lanes(step.lanes, step.rows, symbols.data(), fits_out, settled_out);
  });
  return py::make_tuple(fits, settled);
}

template <int64_t words,
          Result (*decode_lanes)(const WindowLanes&, const Rows&, const uint64_t*, int32_t*)>
Symbols decode(Windows windows, const Lanes& lanes, const py::array& rows, uint32_t precision,
               const Words& codewords) {
  Step step(windows, words, lanes, rows, precision);
  require_codewords(codewords, windows);
  Symbols symbols(step.rows.count);
  int32_t* out = symbols.mutable_data();
  run_without_gil([&](Stop* stop) {
    step.lanes.stop = stop;
    return decode_lanes(step.lanes, step.rows, codewords.data(), out);
  });
  return symbols;
}

py::typing::Tuple<Lanes, Symbols, Words> children(const Words& windows,
                                                  const py::array& predictions,
                                                  uint32_t precision) {
  const Rows rows = rows_of(predictions, precision);
  require_shape(windows, "windows", {rows.count, kWindowWords});
  int64_t room = 0;
  for (int64_t row = 0; row < rows.count; ++row) {
    const uint128 shared = load_codeword(windows.data() + row * kWindowWords + 2);
    room += shared < rows.alphabet ? static_cast<int64_t>(shared) : rows.alphabet;
  }
  std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
  Lanes parents(room);
  Symbols symbols(room);
  Words words({room, kWindowWords});
  int64_t count = 0;
  int64_t* parents_out = parents.mutable_data();
  int32_t* symbols_out = symbols.mutable_data();
  uint64_t* words_out = words.mutable_data();
  run_without_gil([&](Stop* stop) {
    return window_children(windows.data(), rows, scratch.data(), parents_out, symbols_out,
                           words_out, &count, stop);
  });
  const py::slice found(0, count, 1);
  return py::make_tuple(parents[found], symbols[found], words[found]);
}

// The codeword of each padded window, and how many codewords the window contains (as a double, for
// log2).
py::typing::Tuple<Words, Array<double>> padded_codewords(const Words& windows) {
  require_shape(windows, "windows", {-1, kPaddedWords});
  Words codewords({windows.shape(0), int64_t{2}});
  Array<double> counts(windows.shape(0));
  for (int64_t i = 0; i < windows.shape(0); ++i) {
    const WholeCodewords own =
        whole_codewords(load_padded_window(windows.data() + i * kPaddedWords));
    store_codeword(padded_codeword(own), codewords.mutable_data() + 2 * i);
    counts.mutable_data()[i] = own.none ? 0.0 : static_cast<double>(own.more) + 1.0;
  }
  return py::make_tuple(codewords, counts);
}

// A codeword at which a decoder ends for certain (padded_gap), as two words, or None.
py::typing::Optional<Words> gap(const Words& window, const py::array& row, uint32_t precision) {
  const Rows rows = rows_of(row, precision);
  require_shape(window, "window", {kPaddedWords});
  require(rows.count == 1, "expected 1 row, found ", rows.count);
  std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
  const uint32_t* frequencies = nullptr;
  check(frequency_block(rows, 0, scratch.data(), &frequencies));
  uint128 codeword = 0;
  if (!padded_gap(load_padded_window(window.data()), frequencies, rows.alphabet, precision,
                  &codeword)) {
    return py::none();
  }
  Words result(2);
  store_codeword(codeword, result.mutable_data());
  return result;
}

}  // namespace

void register_window(py::module_& module) {
  const auto windows = py::arg("windows").noconvert();
  const auto lanes = py::arg("lanes").noconvert();
  const auto symbols = py::arg("symbols").noconvert();
  const auto codewords = py::arg("codewords").noconvert();
  module.def("window_encode", &encode, windows, lanes, py::arg("rows"), py::arg("precision"),
             symbols);
  module.def("window_decode", &decode<kWindowWords, window_decode_lanes>, windows, lanes,
             py::arg("rows"), py::arg("precision"), codewords);
  module.def("window_children", &children, windows, py::arg("rows"), py::arg("precision"));
  module.def("padded_encode", &encode_padded, windows, lanes, py::arg("rows"), py::arg("precision"),
             symbols);
  module.def("padded_decode", &decode<kPaddedWords, padded_decode_lanes>, windows, lanes,
             py::arg("rows"), py::arg("precision"), codewords);
  module.def("padded_codewords", &padded_codewords, windows);
  module.def("padded_gap", &gap, py::arg("window").noconvert(), py::arg("row"),
             py::arg("precision"));
}

}  // namespace eqinfo::bind
