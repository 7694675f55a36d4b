// Arrays of any library in device memory, by DLPack or __cuda_array_interface__, without a copy.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "bind/cuda/dlpack.h"
#include "cuda/launch.h"

namespace eqinfo::bind {

namespace py = pybind11;

// What an array says of itself. It lives as long as `owner`.
struct DeviceArray {
  void* data;
  int32_t device;
  DlType type;
  uint32_t bits;
  bool read_only;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements
  py::object owner;
};

// The arrays of one launch: all in the memory of one device, which is that of the launch.
class Launch {
 public:
  // `stage` stands in messages; `stream` is a cudaStream_t, on which the arrays are used.
  Launch(std::string stage, uint64_t stream) : stage_(std::move(stage)), stream_(stream) {}

  // An array without gaps; -1 in `shape` fits any size. T says how wide its integers are; their
  // sign does not matter, since few libraries have all unsigned types.
  template <typename T>
  const T* in(const py::object& array, const char* name, const std::vector<int64_t>& shape) {
    return static_cast<const T*>(integers(array, name, shape, 8 * sizeof(T), false));
  }
  template <typename T>
  T* out(const py::object& array, const char* name, const std::vector<int64_t>& shape) {
    return static_cast<T*>(integers(array, name, shape, 8 * sizeof(T), true));
  }
  // Rows of `words` integers of 32 or 64 bits, which a Struct consists of.
  template <typename Struct, typename Word>
  Struct* structs(const py::object& array, const char* name, int64_t count) {
    static_assert(sizeof(Struct) % sizeof(Word) == 0, "whole words");
    return static_cast<Struct*>(
        integers(array, name, {count, sizeof(Struct) / sizeof(Word)}, 8 * sizeof(Word), true));
  }
  // float32, float16 or bfloat16, shape (n, V), neighbours in a row without gaps.
  LogitRows logits(const py::object& array, uint32_t precision);
  // Integers of `bits` bits.
  void* integers(const py::object& array, const char* name, const std::vector<int64_t>& shape,
                 size_t bits, bool written);
  // The length of an array's first dimension; of the second, where the first is `rows`.
  int64_t length(const py::object& array, const char* name);
  int64_t rows_of(const py::object& array, const char* name, int64_t rows);

  // Queues the kernel.
  template <typename Arguments>
  void run(const Arguments& arguments) const {
    finish(launch(arguments, LaunchPlace{device_, reinterpret_cast<void*>(stream_)}));
  }

 private:
  DeviceArray open(const py::object& array, const char* name);
  [[noreturn]] void refuse(const char* exception, const char* name, const std::string& what) const;
  void finish(const LaunchResult& result) const;

  std::string stage_;
  uint64_t stream_;
  int32_t device_ = -1;
  std::vector<py::object> owners_;  // until the kernel is queued
};

}  // namespace eqinfo::bind
