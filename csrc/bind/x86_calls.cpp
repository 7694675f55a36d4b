#include "cpu/x86_calls.h"

#include "bind/arrays.h"
#include "bind/register.h"

namespace eqinfo::bind {
namespace {

bool looks_like(const Array<uint8_t>& data) {
  bool found = false;
  run_without_gil([&] { found = looks_like_x86(data.data(), data.size()); });
  return found;
}

Array<uint8_t> absolute(const Array<uint8_t>& data) {
  Array<uint8_t> changed(data.size(), data.data());
  uint8_t* bytes = changed.mutable_data();
  run_without_gil([&] { x86_absolute(bytes, changed.size()); });
  return changed;
}

void relative(Array<uint8_t>& data) {
  uint8_t* bytes = data.mutable_data();
  run_without_gil([&] { x86_relative(bytes, data.size()); });
}

}  // namespace

void register_x86_calls(py::module_& module) {
  module.def("looks_like_x86", &looks_like, py::arg("data").noconvert());
  module.def("x86_absolute", &absolute, py::arg("data").noconvert());
  module.def("x86_relative", &relative, py::arg("data").noconvert());
}

}  // namespace eqinfo::bind
