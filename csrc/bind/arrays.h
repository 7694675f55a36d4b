// NumPy arrays in and out, and the checks that the bindings share. An array of another dtype is
// refused, not converted; the Python modules of eqinfo prepare arrays and report what was wrong.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "bind/errors.h"
#include "bind/gil.h"
#include "bits.h"
#include "cpu/frequency_loops.h"
#include "cpu/memory.h"
#include "window.h"

namespace eqinfo::bind {

// Parameters of this type take C-contiguous arrays only; declare them py::arg(...).noconvert(). Of
// an array that is not aligned, as memory of files may be, they are an aligned copy; so arrays that
// a function changes are InPlace, which require_aligned refuses then.
constexpr int kAligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
template <typename T>
using Array = py::array_t<T, py::array::c_style | kAligned>;
template <typename T>
using InPlace = py::array_t<T, py::array::c_style>;

// The same for a C-contiguous array of any dtype: the array, or an aligned copy.
inline py::array aligned(const py::array& array) {
  py::array result = py::array::ensure(array, py::array::c_style | kAligned);
  if (!result) throw std::bad_alloc();
  return result;
}

// The memory of flags. NumPy lets it hold more than 0 and 1, which a C++ bool may not.
inline const uint8_t* flags_of(const Array<bool>& flags) {
  return reinterpret_cast<const uint8_t*>(flags.data());
}

// Bytes that are to be written. py::bytes would report a lack of memory as a RuntimeError.
inline py::bytes new_bytes(int64_t size) {
  PyObject* const bytes = PyBytes_FromStringAndSize(nullptr, size);
  if (bytes == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::bytes>(bytes);
}
inline uint8_t* memory_of(const py::bytes& bytes) {
  return reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(bytes.ptr()));
}
inline py::bytes copied_bytes(const uint8_t* data, size_t size) {
  py::bytes bytes = new_bytes(static_cast<int64_t>(size));
  std::copy_n(data, size, memory_of(bytes));
  return bytes;
}

inline std::string part_of_message(const std::string& part) { return part; }
inline std::string part_of_message(int64_t number) { return std::to_string(number); }

// Raises a ValueError unless `condition` holds. The message is put together from its parts, texts
// and numbers, only then.
template <typename... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) raise("ValueError", (part_of_message(parts) + ...));
}

// As Python writes a shape; sizes below 0, which fit any size, are "any".
inline std::string describe_shape(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] < 0 ? "any" : std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

// -1 in `shape` fits any size.
inline void require_shape(const py::array& array, const char* name,
                          const std::vector<int64_t>& shape) {
  bool same = array.ndim() == static_cast<int64_t>(shape.size());
  for (size_t i = 0; same && i < shape.size(); ++i) {
    same = shape[i] < 0 || array.shape(static_cast<int64_t>(i)) == shape[i];
  }
  if (same) return;
  raise("ValueError", std::string("expected ") + name + " of shape " + describe_shape(shape) +
                          ", found " +
                          describe_shape({array.shape(), array.shape() + array.ndim()}));
}

inline void require_aligned(const py::array& array, const char* name) {
  require((array.flags() & kAligned) != 0, "expected ", name,
          " to be aligned, found an array that is not; copy it first");
}

// Offsets into `size` values: at least one, within 0 to size, none below the one before it.
inline void require_offsets(const Array<int64_t>& offsets, int64_t size) {
  require_shape(offsets, "offsets", {-1});
  require(offsets.size() >= 1, "expected at least 1 offset, found none");
  const int64_t* at = offsets.data();
  const int64_t* end = at + offsets.size();
  require(at[0] >= 0 && end[-1] <= size, "expected offsets within 0 to ", size, ", found ", at[0],
          " to ", end[-1]);
  const int64_t* fall = std::is_sorted_until(at, end);
  require(fall == end, "expected offsets that never fall, found a lower one at index ", fall - at);
}

// The same where the offsets must also cover all of the data, named in the message.
inline void require_all_offsets(const Array<int64_t>& offsets, int64_t size, const char* data) {
  require_offsets(offsets, size);
  const int64_t first = offsets.data()[0];
  const int64_t last = offsets.data()[offsets.size() - 1];
  require(first == 0 && last == size, "expected offsets from 0 to ", size, ", the number of ", data,
          ", found ", first, " to ", last);
}

constexpr int kMaxThreads = 256;

inline int checked_threads(int threads) {
  require(threads >= 1 && threads <= kMaxThreads, "expected num_threads of 1 to 256, found ",
          threads);
  return threads;
}

constexpr int64_t kMaxLanes = 1 << 20;

inline void require_lane_count(int64_t lanes) {
  require(lanes >= 1 && lanes <= kMaxLanes, "expected 1 to 2^20 lanes, found ", lanes);
}

inline void require_window_bits(uint32_t window_bits) {
  require(window_bits >= kMinPrecision && window_bits <= kMaxWindowBits,
          "expected window_bits of 8 to 128, found ", window_bits);
}

inline void require_token_bits(uint32_t token_bits) {
  require(token_bits >= 1 && token_bits <= kMaxTokenBits, "expected token_bits of 1 to 16, found ",
          token_bits);
}

inline void require_alphabet(int64_t alphabet) {
  require(alphabet >= kMinAlphabet && alphabet <= kMaxAlphabet,
          "expected an alphabet of 2 to 2^18 symbols, found ", alphabet);
}

inline void require_precision(int64_t alphabet, uint32_t precision) {
  require_alphabet(alphabet);
  const uint32_t least = min_precision(static_cast<uint32_t>(alphabet));
  require(precision >= least && precision <= kMaxPrecision, "expected precision of ", least,
          " to 24 for an alphabet of ", alphabet, ", found ", precision);
}

// float32 logits or uint32 frequencies of shape (n, V); the dtype says which they are.
inline Rows rows_of(const py::array& array, uint32_t precision) {
  require_shape(array, "rows", {-1, -1});
  require((array.flags() & py::array::c_style) != 0,
          "expected rows to be C-contiguous, found an array that is not");
  require_aligned(array, "rows");
  require_precision(array.shape(1), precision);
  Rows rows{nullptr, nullptr, array.shape(0), static_cast<uint32_t>(array.shape(1)), precision};
  if (py::isinstance<py::array_t<float>>(array)) {
    rows.logits = static_cast<const float*>(array.data());
  } else if (py::isinstance<py::array_t<uint32_t>>(array)) {
    rows.frequencies = static_cast<const uint32_t*>(array.data());
  } else {
    raise("TypeError", "expected rows of float32 logits or uint32 frequencies, found " +
                           py::cast<std::string>(py::str(array.dtype())));
  }
  return rows;
}

// Lane indices of one step: each exists and none appears twice.
inline void check_lanes(const int64_t* lanes, int64_t count, int64_t total) {
  std::vector<bool> seen(static_cast<size_t>(total), false);
  for (int64_t i = 0; i < count; ++i) {
    if (lanes[i] < 0 || lanes[i] >= total || seen[static_cast<size_t>(lanes[i])]) {
      check({Status::lane_out_of_range, i});
    }
    seen[static_cast<size_t>(lanes[i])] = true;
  }
}

}  // namespace eqinfo::bind
