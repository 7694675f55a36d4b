// Arrays of any library in device memory, through DLPack or __cuda_array_interface__, without a
// copy.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "bind/cuda/dlpack.h"
#include "cuda/launch.h"

namespace eqinfo::bind {

namespace py = pybind11;

// What an array reports about itself; valid as long as `owner` lives.
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

// The arrays of one launch, all in the memory of one device, on which the kernel runs.
class Launch {
 public:
  // `stage` is the prefix of messages; `stream` is the cudaStream_t on which the arrays are used.
  Launch(std::string stage, uint64_t stream) : stage_(std::move(stage)), stream_(stream) {}

  // A contiguous array; -1 in `shape` fits any size. T gives the width of its integers; signedness
  // does not matter, since few libraries have all unsigned types.
  template <typename T>
  const T* in(const py::object& array, const char* name, const std::vector<int64_t>& shape) {
    return static_cast<const T*>(integers(array, name, shape, 8 * sizeof(T), false));
  }
  template <typename T>
  T* out(const py::object& array, const char* name, const std::vector<int64_t>& shape) {
    return static_cast<T*>(integers(array, name, shape, 8 * sizeof(T), true));
  }
  // `count` structs, each a row of integers of 32 or 64 bits (Word).
  template <typename Struct, typename Word>
  Struct* structs(const py::object& array, const char* name, int64_t count) {
    static_assert(sizeof(Struct) % sizeof(Word) == 0, "whole words");
    return static_cast<Struct*>(
        integers(array, name, {count, sizeof(Struct) / sizeof(Word)}, 8 * sizeof(Word), true));
  }
  // float32, float16, bfloat16 or int32 of shape (n, V); the logits of a row are adjacent.
  LogitRows logits(const py::object& array, uint32_t precision);
  // A contiguous array of integers of `bits` bits.
  void* integers(const py::object& array, const char* name, const std::vector<int64_t>& shape,
                 size_t bits, bool written);
  // The length of the first dimension, and that of the second where the first must be `rows`.
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
  std::vector<py::object> owners_;  // kept alive until the kernel is queued
};

}  // namespace eqinfo::bind
