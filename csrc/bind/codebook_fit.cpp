#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <optional>

#include "bind/arrays.h"
#include "bind/register.h"
#include "cpu/codebook/fit.h"
#include "cpu/codebook/tables.h"
#include "cpu/word_loops.h"

namespace eqinfo::bind {
namespace {

using Weights = std::optional<Array<int64_t>>;
using NodeArrays = py::typing::Tuple<Array<uint32_t>, Array<uint8_t>>;
using Words = py::typing::Tuple<Array<uint8_t>, Array<int64_t>, Array<int64_t>>;
using Worths = py::typing::Tuple<int64_t, Array<int64_t>, Array<int64_t>>;
using Children = py::typing::Tuple<Array<int64_t>, Array<int32_t>, Array<uint64_t>>;

constexpr int64_t kMaxFitNodes = (int64_t{1} << 24) - 1;
constexpr uint32_t kMaxLength = 255;

template <typename T>
Array<T> to_array(const std::vector<T>& values) {
  return Array<T>(static_cast<int64_t>(values.size()), values.data());
}

Documents documents_of(const Array<uint8_t>& text, const Array<int64_t>& offsets,
                       const Weights& weights) {
  require_shape(text, "text", {-1});
  require_shape(offsets, "offsets", {-1});
  const int64_t count = offsets.size() - 1;
  require(count >= 0 && offsets.at(0) == 0 && offsets.at(count) == text.size(),
          "offsets must begin with 0 and end with the length of the text");
  for (int64_t i = 0; i < count; ++i) {
    require(offsets.at(i) <= offsets.at(i + 1), "offsets must not fall");
  }
  if (!weights) return {text.data(), offsets.data(), count, nullptr};
  require_shape(*weights, "weights", {count});
  for (int64_t i = 0; i < count; ++i) require(weights->at(i) >= 1, "weights must be at least 1");
  return {text.data(), offsets.data(), count, weights->data()};
}

// Depth-first order, and every byte a child of the root.
Nodes nodes_of(const Array<uint32_t>& depth, const Array<uint8_t>& symbol) {
  const int64_t count = depth.size();
  require(count <= kMaxFitNodes, "too many nodes");
  require_shape(depth, "depth", {count});
  require_shape(symbol, "symbol", {count});
  require(count > 0 && depth.at(0) == 0, "the first node must be the empty string");
  uint32_t bytes = 0;
  for (int64_t i = 1; i < count; ++i) {
    require(depth.at(i) >= 1 && depth.at(i) <= depth.at(i - 1) + 1, "a node must have a parent");
    require(depth.at(i) <= kMaxLength, "strings have at most 255 bytes");
    if (depth.at(i) == 1) require(symbol.at(i) == bytes++, "every byte must be a node, in order");
  }
  require(bytes == kBytes, "every byte must be a node, in order");
  return {depth.data(), symbol.data(), static_cast<uint32_t>(count)};
}

// One round: counts at every stride-th byte where there are no nodes, else where windows begin if
// every node has an id.
NodeArrays fit(const Array<uint8_t>& text, const Array<int64_t>& offsets, const Weights& weights,
               const std::optional<std::pair<Array<uint32_t>, Array<uint8_t>>>& starts,
               int64_t stride, uint32_t window_bits, uint32_t max_length) {
  const Documents documents = documents_of(text, offsets, weights);
  std::optional<Nodes> nodes;
  if (starts) nodes = nodes_of(starts->first, starts->second);
  require(stride >= 1, "stride must be at least 1");
  require(window_bits >= kMinCodebookBits && window_bits <= kMaxCodebookBits,
          "window_bits must be 9 to 20");
  require(max_length >= (window_bits > 16 ? 3 : 2), "max_length leaves too few strings");
  NewNodes result;
  {
    const py::gil_scoped_release release;
    fit_codebook(documents, {nodes ? &*nodes : nullptr, stride}, window_bits, max_length, &result);
  }
  return py::make_tuple(to_array(result.depth), to_array(result.symbol));
}

// Keeps the arrays that the documents point into.
class CodebookPruner {
 public:
  CodebookPruner(const Array<uint8_t>& text, const Array<int64_t>& offsets, const Weights& weights,
                 const Array<uint32_t>& depth, const Array<uint8_t>& symbol, int threads)
      : text_(text), offsets_(offsets), weights_(weights), depth_(depth) {
    require(threads >= 1, "there must be a thread");
    const Documents documents = documents_of(text_, offsets_, weights_);
    const Nodes nodes = nodes_of(depth, symbol);
    const py::gil_scoped_release release;
    pruner_.emplace(documents, nodes, threads);
  }

  Worths measure(const Array<bool>& has_id) const {
    require_shape(has_id, "has_id", {pruner_->nodes()});
    for (int64_t i = 0; i < has_id.size(); ++i) {
      require(depth_.at(i) != 1 || has_id.at(i), "every byte must have an id");
    }
    Array<int64_t> losses(has_id.size());
    Array<int64_t> gains(has_id.size());
    int64_t* losses_out = losses.mutable_data();
    int64_t* gains_out = gains.mutable_data();
    const uint8_t* ids = reinterpret_cast<const uint8_t*>(has_id.data());
    int64_t windows = 0;
    {
      const py::gil_scoped_release release;
      windows = pruner_->measure(ids, losses_out, gains_out);
    }
    return py::make_tuple(windows, losses, gains);
  }

 private:
  Array<uint8_t> text_;
  Array<int64_t> offsets_;
  Weights weights_;
  Array<uint32_t> depth_;
  std::optional<Pruner> pruner_;
};

Words words(const Array<uint8_t>& text, const Array<int64_t>& offsets) {
  const Documents documents = documents_of(text, offsets, std::nullopt);
  WordCounts result;
  {
    const py::gil_scoped_release release;
    count_words(documents, &result);
  }
  return py::make_tuple(to_array(result.text), to_array(result.offsets), to_array(result.counts));
}

Array<bool> strings_within_words(const Array<uint32_t>& depth, const Array<uint8_t>& symbol) {
  const Nodes nodes = nodes_of(depth, symbol);
  Array<bool> allowed(depth.size());
  find_strings_within_words(nodes, reinterpret_cast<uint8_t*>(allowed.mutable_data()));
  return allowed;
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
  module.def("codebook_fit", &fit, py::arg("text").noconvert(), py::arg("offsets").noconvert(),
             py::arg("weights").noconvert(), py::arg("nodes"), py::arg("stride"),
             py::arg("window_bits"), py::arg("max_length"));
  py::class_<CodebookPruner>(module, "CodebookPruner")
      .def(py::init<const Array<uint8_t>&, const Array<int64_t>&, const Weights&,
                    const Array<uint32_t>&, const Array<uint8_t>&, int>(),
           py::arg("text").noconvert(), py::arg("offsets").noconvert(),
           py::arg("weights").noconvert(), py::arg("depth").noconvert(),
           py::arg("symbol").noconvert(), py::arg("num_threads"))
      .def("measure", &CodebookPruner::measure, py::arg("has_id").noconvert());
  module.def("count_words", &words, py::arg("text").noconvert(), py::arg("offsets").noconvert());
  module.def("strings_within_words", &strings_within_words, py::arg("depth").noconvert(),
             py::arg("symbol").noconvert());
  module.def("weighted_children", &children, py::arg("weights").noconvert(), py::arg("rows"),
             py::arg("precision"), py::arg("least").noconvert());
}

}  // namespace eqinfo::bind
