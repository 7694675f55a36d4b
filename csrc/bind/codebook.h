// The codebook as a Python object, for the bindings that take one.
#pragma once

#include "bind/arrays.h"
#include "cpu/codebook/tables.h"

namespace eqinfo::bind {

// The bytes of any object with a buffer: bytes, a memoryview, a uint8 array.
struct Text {
  py::buffer_info info;
  const uint8_t* bytes;
  int64_t size;

  explicit Text(const py::buffer& buffer)
      : info(buffer.request()),
        bytes(static_cast<const uint8_t*>(info.ptr)),
        size(static_cast<int64_t>(info.size)) {
    require(info.itemsize == 1 && info.ndim == 1 && (size == 0 || info.strides[0] == 1),
            "expected contiguous bytes, found a buffer of another layout");
  }
};

// Immutable, so that threads share it without a lock.
class Codebook {
 public:
  Codebook(const Array<uint32_t>& depth, const Array<uint8_t>& symbol, const Array<bool>& end);

  uint32_t window_bits() const { return window_bits_; }
  const CodebookTables& tables() const { return tables_; }

 private:
  uint32_t window_bits_;
  CodebookTables tables_;
};

// Calls `work` with a value of the type of the codebook's ids: uint16 up to 16 bits, else uint32.
template <typename Work>
auto with_ids(const Codebook& codebook, const Work& work) {
  return codebook.window_bits() > kMaxTokenBits ? work(uint32_t{}) : work(uint16_t{});
}

// Defines the methods decode, decode_into and decode_flat.
void define_codebook_decoding(py::class_<Codebook>& codebook);

}  // namespace eqinfo::bind
