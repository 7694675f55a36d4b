#include "bind/arrays.h"
#include "bind/register.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace eqinfo::bind {
namespace {

// Large memory that is written once, from its beginning to its end, costs most for the system's
// first touch of every page; huge pages are fewer.
void prefer_huge_pages([[maybe_unused]] uint8_t* memory, [[maybe_unused]] int64_t size) {
#if defined(__linux__)
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const uintptr_t first = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t begin = (first + kHugePage - 1) & ~(kHugePage - 1);
  const uintptr_t end = (first + static_cast<uintptr_t>(size)) & ~(kHugePage - 1);
  // Where that fails, nothing is different but the time.
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

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
