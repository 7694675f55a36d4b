#include "bits.h"

#include <pybind11/typing.h>

#include "bind/arrays.h"
#include "bind/register.h"
#include "cpu/bits_loops.h"

namespace eqinfo::bind {
namespace {

Array<uint16_t> pack(const Array<uint64_t>& codewords, uint32_t window_bits, uint32_t token_bits) {
  require_shape(codewords, "codewords", {-1, 2});
  require_window_bits(window_bits);
  require_token_bits(token_bits);
  const int64_t count = codewords.shape(0);
  Array<uint16_t> tokens((count * window_bits + token_bits - 1) / token_bits);
  uint16_t* const out = tokens.mutable_data();
  run_without_gil([&](Stop* stop) {
    pack_codewords(codewords.data(), count, window_bits, token_bits, out, stop);
  });
  return tokens;
}

Array<uint64_t> unpack(const Array<uint16_t>& tokens, uint32_t window_bits, uint32_t token_bits) {
  require_shape(tokens, "tokens", {-1});
  require_window_bits(window_bits);
  require_token_bits(token_bits);
  Array<uint64_t> codewords({tokens.size() * token_bits / window_bits, int64_t{2}});
  uint64_t* const out = codewords.mutable_data();
  run_without_gil([&](Stop* stop) {
    return unpack_codewords(tokens.data(), tokens.size(), window_bits, token_bits, out, stop);
  });
  return codewords;
}

Array<uint16_t> pack_stream(const py::bytes& stream, int64_t bits, uint32_t token_bits) {
  const std::string_view view = stream;
  require_token_bits(token_bits);
  require(bits >= 0 && bits / 8 + (bits % 8 != 0) == static_cast<int64_t>(view.size()),
          "expected bits to be the length of a stream of ", static_cast<int64_t>(view.size()),
          " bytes, found ", bits);
  Array<uint16_t> tokens((bits + token_bits - 1) / token_bits);
  uint16_t* const out = tokens.mutable_data();
  run_without_gil([&](Stop* stop) {
    pack_bits(reinterpret_cast<const uint8_t*>(view.data()), bits, token_bits, out, stop);
  });
  return tokens;
}

py::bytes unpack_stream(const Array<uint16_t>& tokens, uint32_t token_bits) {
  require_shape(tokens, "tokens", {-1});
  require_token_bits(token_bits);
  py::bytes bytes = new_bytes((tokens.size() * token_bits + 7) / 8);
  uint8_t* const out = memory_of(bytes);
  run_without_gil(
      [&](Stop* stop) { return unpack_bits(tokens.data(), tokens.size(), token_bits, out, stop); });
  return bytes;
}

// A bytes object whose content is not set, and an array over its memory: the caller must set all of
// it before anything else sees the bytes. Pages are allocated as they are first written to.
py::typing::Tuple<py::bytes, Array<uint8_t>> uninitialized_bytes(int64_t size) {
  require(size >= 0, "expected size of at least 0, found ", size);
  const py::bytes bytes = new_bytes(size);
  uint8_t* const memory = memory_of(bytes);
  prefer_huge_pages(memory, size);
  return py::make_tuple(bytes, Array<uint8_t>({size}, {1}, memory, bytes));
}

}  // namespace

void register_bits(py::module_& module) {
  module.def("pack_codewords", &pack, py::arg("codewords").noconvert(), py::arg("window_bits"),
             py::arg("token_bits"));
  module.def("unpack_codewords", &unpack, py::arg("tokens").noconvert(), py::arg("window_bits"),
             py::arg("token_bits"));
  module.def("pack_bits", &pack_stream, py::arg("stream"), py::arg("bits"), py::arg("token_bits"));
  module.def("unpack_bits", &unpack_stream, py::arg("tokens").noconvert(), py::arg("token_bits"));
  module.def("uninitialized_bytes", &uninitialized_bytes, py::arg("size"));
}

}  // namespace eqinfo::bind
