#include "bind/arrays.h"
#include "bind/huge_pages.h"
#include "bind/register.h"

namespace eqinfo::bind {
namespace {

// Bytes whose content is not set, and an array over their memory: the caller sets all of it before
// anybody else sees the bytes. Pages are taken when they are first written to.
py::typing::Tuple<py::bytes, Array<uint8_t>> unset_bytes(int64_t size) {
  require(size >= 0, "size must not be negative");
  const py::bytes bytes(nullptr, static_cast<size_t>(size));
  auto* memory = reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(bytes.ptr()));
  prefer_huge_pages(memory, size);
  return py::make_tuple(bytes, Array<uint8_t>({size}, {1}, memory, bytes));
}

}  // namespace

void register_unset_bytes(py::module_& module) {
  module.def("unset_bytes", &unset_bytes, py::arg("size"));
}

}  // namespace eqinfo::bind
