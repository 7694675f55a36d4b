// NumPy arrays in and out. Arrays of a wrong dtype are refused, not cast; eqinfo's Python faces
// prepare them and say what was wrong.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "bind/errors.h"
#include "bits.h"
#include "cpu/frequency_loops.h"
#include "window.h"

namespace eqinfo::bind {

// Parameters of this type take C-contiguous arrays only; declare them py::arg(...).noconvert().
template <typename T>
using Array = py::array_t<T, py::array::c_style>;

inline void require(bool condition, const std::string& message) {
  if (!condition) raise("ValueError", message);
}

inline void require_shape(const py::array& array, const char* name,
                          const std::vector<int64_t>& shape) {
  bool same = array.ndim() == static_cast<int64_t>(shape.size());
  for (size_t i = 0; same && i < shape.size(); ++i) {
    same = shape[i] < 0 || array.shape(static_cast<int64_t>(i)) == shape[i];
  }
  require(same, std::string(name) + " has the wrong shape");
}

inline void require_window_bits(uint32_t window_bits) {
  require(window_bits >= kMinPrecision && window_bits <= kMaxWindowBits,
          "window_bits must be 8 to 128, found " + std::to_string(window_bits));
}

inline void require_token_bits(uint32_t token_bits) {
  require(token_bits >= 1 && token_bits <= kMaxTokenBits,
          "token_bits must be 1 to 16, found " + std::to_string(token_bits));
}

inline void require_precision(int64_t alphabet, uint32_t precision) {
  require(alphabet >= kMinAlphabet && alphabet <= kMaxAlphabet,
          "the alphabet must have 2 to 2^18 symbols, found " + std::to_string(alphabet));
  const uint32_t least = min_precision(static_cast<uint32_t>(alphabet));
  require(precision >= least && precision <= kMaxPrecision,
          "precision must be " + std::to_string(least) + " to 24 for an alphabet of " +
              std::to_string(alphabet) + ", found " + std::to_string(precision));
}

// float32 logits or uint32 frequencies of shape (n, V), whose dtype says which they are.
inline Rows rows_of(const py::array& array, uint32_t precision) {
  require(array.ndim() == 2, "rows must have shape (n, vocab_size)");
  require((array.flags() & py::array::c_style) != 0, "rows must be C-contiguous");
  require_precision(array.shape(1), precision);
  Rows rows{nullptr, nullptr, array.shape(0), static_cast<uint32_t>(array.shape(1)), precision};
  if (py::isinstance<py::array_t<float>>(array)) {
    rows.logits = static_cast<const float*>(array.data());
  } else if (py::isinstance<py::array_t<uint32_t>>(array)) {
    rows.frequencies = static_cast<const uint32_t*>(array.data());
  } else {
    raise("TypeError", "rows must be float32 logits or uint32 frequencies");
  }
  return rows;
}

// Lane indices of one step: each exists and none comes twice.
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
