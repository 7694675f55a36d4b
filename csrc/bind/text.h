// The bytes of a text that a caller gives, in any object with a buffer.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "bind/arrays.h"

namespace eqinfo::bind {

// A view of an object with a buffer. py::buffer::request would lose it if memory runs out.
struct BufferView {
  Py_buffer view;

  explicit BufferView(const py::buffer& buffer) {
    if (PyObject_GetBuffer(buffer.ptr(), &view, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
      throw py::error_already_set();
    }
  }
  BufferView(const BufferView&) = delete;
  BufferView& operator=(const BufferView&) = delete;
  ~BufferView() { PyBuffer_Release(&view); }
};

// The bytes of any object with a buffer: bytes, a memoryview, a uint8 array.
struct Text {
  BufferView buffer;
  const uint8_t* bytes;
  int64_t size;

  explicit Text(const py::buffer& object)
      : buffer(object),
        bytes(static_cast<const uint8_t*>(buffer.view.buf)),
        size(static_cast<int64_t>(buffer.view.len)) {
    const Py_buffer& view = buffer.view;
    require(view.itemsize == 1 && view.ndim == 1 && (size == 0 || view.strides[0] == 1),
            "expected contiguous bytes, found a buffer of another layout");
  }
};

}  // namespace eqinfo::bind
