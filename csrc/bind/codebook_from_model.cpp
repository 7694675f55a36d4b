#include <pybind11/typing.h>

#include "bind/arrays.h"
#include "bind/register.h"
#include "cpu/codebook/from_model.h"

namespace eqinfo::bind {
namespace {

using Children = py::typing::Tuple<Array<int64_t>, Array<int32_t>, Array<uint64_t>>;

// Every string one symbol longer that weighs at least `least`: the row of its prefix, its last
// symbol and its weight as two words. Row i of `predictions` follows the string that weighs
// weights[i].
Children children(const Array<uint64_t>& weights, const py::array& predictions, uint32_t precision,
                  const Array<uint64_t>& least) {
  const Rows rows = rows_of(predictions, precision);
  require_shape(weights, "weights", {rows.count, 2});
  require_shape(least, "least", {2});
  for (int64_t i = 0; i < rows.count; ++i) {
    require(load_codeword(weights.data() + 2 * i) >> kRootWeightBits <= 1,
            "expected weights below 2^101, found a larger one at index ", i);
  }
  const int64_t room = rows.count * rows.alphabet;
  std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
  Array<int64_t> parents(room);
  Array<int32_t> symbols(room);
  Array<uint64_t> words({room, int64_t{2}});
  int64_t count = 0;
  int64_t* parents_out = parents.mutable_data();
  int32_t* symbols_out = symbols.mutable_data();
  uint64_t* words_out = words.mutable_data();
  run_without_gil([&](Stop* stop) {
    return weighted_children(weights.data(), rows, least.data(), scratch.data(), parents_out,
                             symbols_out, words_out, &count, stop);
  });
  const py::slice found(0, count, 1);
  return py::make_tuple(parents[found], symbols[found], words[found]);
}

}  // namespace

void register_codebook_from_model(py::module_& module) {
  module.def("weighted_children", &children, py::arg("weights").noconvert(), py::arg("rows"),
             py::arg("precision"), py::arg("least").noconvert());
}

}  // namespace eqinfo::bind
