#include "cpu/json_lines.h"

#include <pybind11/typing.h>

#include "bind/register.h"
#include "bind/text.h"

namespace eqinfo::bind {
namespace {

// The texts of the lines in plain form, as bytes and offsets, and the other lines: rows of begin,
// end, and the number of texts before.
py::typing::Tuple<Array<uint8_t>, Array<int64_t>, Array<int64_t>> json_texts(
    const py::buffer& lines, const py::bytes& field) {
  const Text text(lines);
  const std::string_view name = field;
  Array<uint8_t> out(text.size);
  uint8_t* memory = out.mutable_data();
  JsonTexts texts;
  run_without_gil([&](Stop* stop) {
    read_json_lines(text.bytes, text.size, reinterpret_cast<const uint8_t*>(name.data()),
                    static_cast<int64_t>(name.size()), memory, &texts, stop);
  });
  Array<int64_t> unusual({static_cast<int64_t>(texts.unusual.size()), int64_t{3}});
  int64_t* row = unusual.mutable_data();
  for (const UnusualLine& line : texts.unusual) {
    *row++ = line.begin;
    *row++ = line.end;
    *row++ = line.texts_before;
  }
  return py::make_tuple(
      out, Array<int64_t>(static_cast<int64_t>(texts.offsets.size()), texts.offsets.data()),
      unusual);
}

}  // namespace

void register_json_lines(py::module_& module) {
  module.def("json_texts", &json_texts, py::arg("lines"), py::arg("field"));
}

}  // namespace eqinfo::bind
