#include "word.h"

#include "bind/arrays.h"
#include "bind/register.h"
#include "cpu/word_loops.h"

namespace eqinfo::bind {
namespace {

Array<int64_t> word_ends_of(const Array<uint8_t>& text) {
  require_shape(text, "text", {-1});
  std::vector<int64_t> ends;
  run_without_gil([&](Stop* stop) { find_word_ends(text.data(), text.size(), &ends, stop); });
  return Array<int64_t>(static_cast<int64_t>(ends.size()), ends.data());
}

Array<uint8_t> word_classes(const Array<uint32_t>& code_points) {
  require_shape(code_points, "code_points", {-1});
  Array<uint8_t> classes(code_points.size());
  uint8_t* out = classes.mutable_data();
  for (int64_t i = 0; i < code_points.size(); ++i) {
    out[i] = static_cast<uint8_t>(word_class(code_points.at(i)));
  }
  return classes;
}

}  // namespace

void register_word(py::module_& module) {
  module.def("word_ends", &word_ends_of, py::arg("text").noconvert());
  module.def("word_classes", &word_classes, py::arg("code_points").noconvert());
}

}  // namespace eqinfo::bind
