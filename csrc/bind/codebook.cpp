#include "codebook.h"

#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <limits>
#include <optional>

#include "bind/arrays.h"
#include "bind/register.h"

namespace eqinfo::bind {
namespace {

// Bytes of any object with a buffer: bytes, memoryview, a uint8 array.
struct Text {
  py::buffer_info info;
  const uint8_t* bytes;
  int64_t size;

  explicit Text(const py::buffer& buffer)
      : info(buffer.request()),
        bytes(static_cast<const uint8_t*>(info.ptr)),
        size(static_cast<int64_t>(info.size)) {
    require(info.itemsize == 1 && info.ndim == 1 && (size == 0 || info.strides[0] == 1),
            "text must be contiguous bytes");
  }
};

uint32_t require_codebook_bits(int64_t count) {
  uint32_t bits = kMinCodebookBits;
  while (bits < kMaxCodebookBits && int64_t{1} << bits < count) ++bits;
  require(int64_t{1} << bits == count,
          "a codebook has 2^9 to 2^20 strings, as many as a power of two; found " +
              std::to_string(count));
  return bits;
}

// An immutable codebook, so that threads share it without a lock.
class Codebook {
 public:
  Codebook(const Array<uint32_t>& depth, const Array<uint8_t>& symbol) {
    require_shape(depth, "depth", {-1});
    require_shape(symbol, "symbol", {depth.size()});
    window_bits_ = require_codebook_bits(depth.size());
    Result result;
    {
      const py::gil_scoped_release release;
      result = build_codebook(depth.data(), symbol.data(), depth.size(), &tables_);
    }
    check(result);
  }

  uint32_t window_bits() const { return window_bits_; }

  // Ids of all windows of a text.
  py::array encode(const py::buffer& buffer) const {
    uint32_t state = 0;
    return encode_from(Text(buffer), &state, true);
  }

  // Ids of the windows that close inside the text, and the id of the open one, where the walk goes
  // on.
  py::typing::Tuple<py::array, int> encode_part(const py::buffer& buffer, uint32_t state) const {
    check_id(state);
    const py::array ids = encode_from(Text(buffer), &state, false);
    return py::make_tuple(ids, state);
  }

  py::bytes decode(const py::array& ids) const {
    if (wide()) return decode_as<uint32_t>(ids);
    return decode_as<uint16_t>(ids);
  }

  py::bytes string(uint32_t id) const {
    check_id(id);
    std::string text(tables_.entries[id].length, '\0');
    codebook_write(tables_.strings(), id, reinterpret_cast<uint8_t*>(text.data()) + text.size());
    return py::bytes(text);
  }

 private:
  bool wide() const { return window_bits_ > kMaxTokenBits; }

  void check_id(uint32_t id) const {
    if (id >= tables_.entries.size()) check({Status::id_out_of_range, -1});
  }

  py::array encode_from(const Text& text, uint32_t* state, bool last) const {
    if (wide()) return encode_as<uint32_t>(text, state, last);
    return encode_as<uint16_t>(text, state, last);
  }

  template <typename Id>
  Array<Id> encode_as(const Text& text, uint32_t* state, bool last) const {
    Array<Id> ids(text.size);
    Id* out = ids.mutable_data();
    TrieSlot node = tables_.nodes[*state];
    int64_t count = 0;
    {
      // The tables never change and the ids are nobody else's yet, so other Python threads may run.
      const py::gil_scoped_release release;
      count = codebook_encode_text(tables_.slots.data(), &node, text.bytes, text.size, out);
    }
    *state = slot_id(node);
    // There is room: the first byte of a text that begins at the root closes no window.
    if (last && *state != 0) out[count++] = static_cast<Id>(*state);
    ids.resize({count});
    return ids;
  }

  template <typename Id>
  py::bytes decode_as(const py::array& array) const {
    if (!py::isinstance<Array<Id>>(array)) {
      raise("TypeError",
            wide() ? "ids must be contiguous uint32" : "ids must be contiguous uint16");
    }
    require_shape(array, "ids", {-1});
    const Id* ids = static_cast<const Id*>(array.data());
    const int64_t count = array.size();
    require(count <= std::numeric_limits<int64_t>::max() >> kMaxCodebookBits, "too many ids");
    const Strings strings = tables_.strings();
    int64_t bytes = 0;
    Result result;
    {
      const py::gil_scoped_release release;
      result = codebook_decoded_bytes(strings, ids, count, &bytes);
    }
    check(result);
    py::bytes text(nullptr, static_cast<size_t>(bytes));
    uint8_t* out = reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(text.ptr()));
    {
      // As in encode_as; a caller who changes the ids meanwhile in another thread breaks its own
      // contract.
      const py::gil_scoped_release release;
      codebook_decode_ids(strings, ids, count, out, bytes);
    }
    return text;
  }

  uint32_t window_bits_;
  CodebookTables tables_;
};

}  // namespace

void register_codebook(py::module_& module) {
  py::class_<Codebook>(module, "Codebook")
      .def(py::init<const Array<uint32_t>&, const Array<uint8_t>&>(), py::arg("depth").noconvert(),
           py::arg("symbol").noconvert())
      .def_property_readonly("window_bits", &Codebook::window_bits)
      .def("encode", &Codebook::encode, py::arg("text"))
      .def("encode_part", &Codebook::encode_part, py::arg("text"), py::arg("state"))
      .def("decode", &Codebook::decode, py::arg("ids"))
      .def("string", &Codebook::string, py::arg("id"));
}

}  // namespace eqinfo::bind
