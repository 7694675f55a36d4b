#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <optional>

#include "bind/arrays.h"
#include "bind/construct.h"
#include "bind/register.h"
#include "cpu/codebook/fit.h"
#include "cpu/codebook/phrases.h"
#include "cpu/codebook/tables.h"
#include "cpu/word_loops.h"

namespace eqinfo::bind {
namespace {

using Weights = std::optional<Array<int64_t>>;
using NodeArrays = py::typing::Tuple<Array<uint32_t>, Array<uint8_t>>;
using Words = py::typing::Tuple<Array<uint8_t>, Array<int64_t>, Array<int64_t>>;
using Worths = py::typing::Tuple<int64_t, Array<int64_t>, Array<int64_t>>;

constexpr int64_t kMaxFitNodes = (int64_t{1} << 24) - 1;
constexpr uint32_t kMaxLength = 255;

template <typename T>
Array<T> to_array(const std::vector<T>& values) {
  return Array<T>(static_cast<int64_t>(values.size()), values.data());
}

Documents documents_of(const Array<uint8_t>& text, const Array<int64_t>& offsets,
                       const Weights& weights) {
  require_shape(text, "text", {-1});
  require_all_offsets(offsets, text.size(), "bytes of text");
  const int64_t count = offsets.size() - 1;
  if (!weights) return {text.data(), offsets.data(), count, nullptr};
  require_shape(*weights, "weights", {count});
  for (int64_t i = 0; i < count; ++i) {
    require(weights->at(i) >= 1, "expected weights of at least 1, found ", weights->at(i),
            " for document ", i);
  }
  return {text.data(), offsets.data(), count, weights->data()};
}

// The nodes must come in depth-first order, and every byte must be a child of the root.
Nodes nodes_of(const Array<uint32_t>& depth, const Array<uint8_t>& symbol) {
  const int64_t count = depth.size();
  require(count <= kMaxFitNodes, "expected fewer than 2^24 nodes, found ", count);
  require_shape(depth, "depth", {count});
  require_shape(symbol, "symbol", {count});
  require(count > 0 && depth.at(0) == 0,
          "node 0: expected the empty string, of depth 0, found another one or none");
  uint32_t bytes = 0;
  for (int64_t i = 1; i < count; ++i) {
    require(depth.at(i) >= 1 && depth.at(i) <= depth.at(i - 1) + 1, "node ", i,
            ": expected a depth of 1 to ", depth.at(i - 1) + 1, " so that it has a parent, found ",
            depth.at(i));
    require(depth.at(i) <= kMaxLength, "node ", i,
            ": expected a string of at most 255 bytes, found ", depth.at(i));
    if (depth.at(i) == 1) {
      require(symbol.at(i) == bytes++, "node ", i, ": expected a node for every byte, in order");
    }
  }
  require(bytes == kBytes, "expected a node for each of the 256 bytes, found ", bytes);
  return {depth.data(), symbol.data(), static_cast<uint32_t>(count)};
}

// One round of Codebook.fit. Without nodes, strings are counted from every stride-th byte on; with
// nodes, from where windows begin if every node has an id.
NodeArrays fit(const Array<uint8_t>& text, const Array<int64_t>& offsets, const Weights& weights,
               const std::optional<std::pair<Array<uint32_t>, Array<uint8_t>>>& starts,
               int64_t stride, uint32_t window_bits, uint32_t max_length) {
  const Documents documents = documents_of(text, offsets, weights);
  std::optional<Nodes> nodes;
  if (starts) nodes = nodes_of(starts->first, starts->second);
  require(stride >= 1, "expected stride of at least 1, found ", stride);
  // A longer one leads out of every document, too, and sums with positions could overflow.
  stride = std::min(stride, text.size() + 1);
  require(window_bits >= kMinCodebookBits && window_bits <= kMaxCodebookBits,
          "expected window_bits of 9 to 20, found ", window_bits);
  const uint32_t least_length = window_bits > 16 ? 3 : 2;
  require(max_length >= least_length, "expected max_length of at least ", least_length,
          ", so that there are 2^window_bits strings, found ", max_length);
  NewNodes result;
  run_without_gil([&](Stop* stop) {
    fit_codebook(documents, {nodes ? &*nodes : nullptr, stride}, window_bits, max_length, &result,
                 stop);
  });
  return py::make_tuple(to_array(result.depth), to_array(result.symbol));
}

// Keeps the arrays alive that the documents point into.
class CodebookPruner {
 public:
  CodebookPruner(const Array<uint8_t>& text, const Array<int64_t>& offsets, const Weights& weights,
                 const Array<uint32_t>& depth, const Array<uint8_t>& symbol,
                 const std::optional<Array<bool>>& phrases, int threads)
      : text_(text), offsets_(offsets), weights_(weights), depth_(depth) {
    checked_threads(threads);
    const Documents documents = documents_of(text_, offsets_, weights_);
    const Nodes nodes = nodes_of(depth, symbol);
    if (phrases) require_shape(*phrases, "phrases", {nodes.count});
    const uint8_t* const spans = phrases ? flags_of(*phrases) : nullptr;
    run_without_gil([&](Stop* stop) { pruner_.emplace(documents, nodes, spans, threads, stop); });
  }

  Worths measure(const Array<bool>& has_id) const {
    require_shape(has_id, "has_id", {pruner_->nodes()});
    const uint8_t* const ids = flags_of(has_id);
    for (int64_t i = 0; i < has_id.size(); ++i) {
      require(depth_.at(i) != 1 || ids[i] != 0,
              "expected an id for every byte, found none for node ", i);
    }
    Array<int64_t> losses(has_id.size());
    Array<int64_t> gains(has_id.size());
    int64_t* losses_out = losses.mutable_data();
    int64_t* gains_out = gains.mutable_data();
    int64_t windows = 0;
    run_without_gil(
        [&](Stop* stop) { windows = pruner_->measure(ids, losses_out, gains_out, stop); });
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
  run_without_gil([&](Stop* stop) { count_words(documents, &result, stop); });
  return py::make_tuple(to_array(result.text), to_array(result.offsets), to_array(result.counts));
}

Words phrases(const Array<uint8_t>& text, const Array<int64_t>& offsets, uint32_t most_words,
              uint32_t max_length, uint64_t wanted) {
  const Documents documents = documents_of(text, offsets, std::nullopt);
  require(wanted >= 1, "expected at least 1 wanted phrase, found ", wanted);
  WordCounts result;
  run_without_gil(
      [&](Stop* stop) { count_phrases(documents, most_words, max_length, wanted, &result, stop); });
  return py::make_tuple(to_array(result.text), to_array(result.offsets), to_array(result.counts));
}

Array<bool> strings_within_words(const Array<uint32_t>& depth, const Array<uint8_t>& symbol) {
  const Nodes nodes = nodes_of(depth, symbol);
  Array<bool> allowed(depth.size());
  auto* const out = reinterpret_cast<uint8_t*>(allowed.mutable_data());
  run_without_gil([&](Stop* stop) { find_strings_within_words(nodes, out, stop); });
  return allowed;
}

}  // namespace

void register_codebook_fit(py::module_& module) {
  module.def("codebook_fit", &fit, py::arg("text").noconvert(), py::arg("offsets").noconvert(),
             py::arg("weights").noconvert(), py::arg("nodes"), py::arg("stride"),
             py::arg("window_bits"), py::arg("max_length"));
  py::class_<CodebookPruner> pruner(module, "CodebookPruner");
  define_constructor<CodebookPruner, const Array<uint8_t>&, const Array<int64_t>&, const Weights&,
                     const Array<uint32_t>&, const Array<uint8_t>&,
                     const std::optional<Array<bool>>&, int>(
      pruner, py::arg("text").noconvert(), py::arg("offsets").noconvert(),
      py::arg("weights").noconvert(), py::arg("depth").noconvert(), py::arg("symbol").noconvert(),
      py::arg("phrases"), py::arg("num_threads"))
      .def("measure", &CodebookPruner::measure, py::arg("has_id").noconvert());
  module.def("count_words", &words, py::arg("text").noconvert(), py::arg("offsets").noconvert());
  module.def("count_phrases", &phrases, py::arg("text").noconvert(), py::arg("offsets").noconvert(),
             py::arg("most_words"), py::arg("max_length"), py::arg("wanted"));
  module.def("strings_within_words", &strings_within_words, py::arg("depth").noconvert(),
             py::arg("symbol").noconvert());
}

}  // namespace eqinfo::bind
