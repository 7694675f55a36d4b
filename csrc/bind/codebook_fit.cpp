// What makes codebooks: counting in text, and growing under a model.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <optional>

#include "bind/codebook.h"
#include "bind/register.h"

namespace eqinfo::bind {
namespace {

template <typename T>
Array<T> to_array(const std::vector<T>& values) {
  return Array<T>(static_cast<int64_t>(values.size()), values.data());
}

using Nodes = py::typing::Tuple<Array<uint32_t>, Array<uint8_t>>;
using Children = py::typing::Tuple<Array<int64_t>, Array<int32_t>, Array<uint64_t>>;

// One round: counts at every stride-th byte where `codebook` is None, else where its windows begin.
Nodes fit(const py::buffer& buffer, const Array<int64_t>& offsets,
          std::optional<Codebook*> codebook, int64_t stride, uint32_t window_bits,
          uint32_t max_length) {
  const Text text(buffer);
  require_offsets(offsets, text.size);
  const int64_t documents = offsets.size() - 1;
  require(offsets.at(0) == 0 && offsets.at(documents) == text.size,
          "offsets must begin with 0 and end with the length of the text");
  require(stride >= 1, "stride must be at least 1");
  require(window_bits >= kMinCodebookBits && window_bits <= kMaxCodebookBits,
          "window_bits must be 9 to 20");
  require(max_length >= (window_bits > 16 ? 3 : 2), "max_length leaves too few strings");
  NodeArrays nodes;
  {
    const py::gil_scoped_release release;
    fit_codebook({text.bytes, offsets.data(), documents},
                 {codebook ? (*codebook)->tables().trie() : Trie{}, stride}, window_bits,
                 max_length, &nodes);
  }
  return py::make_tuple(to_array(nodes.depth), to_array(nodes.symbol));
}

Children children(const Array<uint64_t>& weights, const py::array& predictions, uint32_t precision,
                  const Array<uint64_t>& least) {
  const Rows rows = rows_of(predictions, precision);
  require_shape(weights, "weights", {rows.count, 2});
  require_shape(least, "least", {2});
  for (int64_t i = 0; i < rows.count; ++i) {
    require(load_codeword(weights.data() + 2 * i) >> kRootWeightBits <= 1, "a weight is too large");
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
  Result result;
  {
    const py::gil_scoped_release release;
    result = weighted_children(weights.data(), rows, least.data(), scratch.data(), parents_out,
                               symbols_out, words_out, &count);
  }
  check(result);
  const py::slice found(0, count, 1);
  return py::make_tuple(parents[found], symbols[found], words[found]);
}

}  // namespace

void register_codebook_fit(py::module_& module) {
  module.def("codebook_fit", &fit, py::arg("text"), py::arg("offsets").noconvert(),
             py::arg("codebook"), py::arg("stride"), py::arg("window_bits"), py::arg("max_length"));
  module.def("weighted_children", &children, py::arg("weights").noconvert(), py::arg("rows"),
             py::arg("precision"), py::arg("least").noconvert());
}

}  // namespace eqinfo::bind
