// How all kernels are launched.
#pragma once

#include <cuda_runtime.h>

#include "cuda/launch.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// Makes a device current, and restores the former one on destruction.
class CurrentDevice {
 public:
  explicit CurrentDevice(int32_t device) : error_(cudaGetDevice(&former_)) {
    if (error_ == cudaSuccess) error_ = cudaSetDevice(device);
  }
  ~CurrentDevice() {
    if (error_ == cudaSuccess) cudaSetDevice(former_);
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;
  cudaError_t error() const { return error_; }

 private:
  int former_ = 0;
  cudaError_t error_;
};

template <typename Arguments>
LaunchResult launch_kernel(const char* name, void (*kernel)(Arguments), const Arguments& arguments,
                           const Geometry& geometry, const LaunchPlace& place) {
  if (geometry.blocks == 0) return {name, ""};
  if (geometry.blocks > INT32_MAX) return {name, "expected at most 2^31 - 1 blocks, found more"};
  const CurrentDevice current(place.device);
  if (current.error() != cudaSuccess) return {name, cudaGetErrorString(current.error())};
  kernel<<<static_cast<uint32_t>(geometry.blocks), geometry.threads, 0,
           static_cast<cudaStream_t>(place.stream)>>>(arguments);
  const cudaError_t error = cudaGetLastError();
  return {name, error == cudaSuccess ? "" : cudaGetErrorString(error)};
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo

#define EQINFO_LAUNCH(kernel, geometry) launch_kernel(#kernel, kernel, arguments, geometry, place)
// Launches the variant of a kernel that suits the alphabet.
#define EQINFO_LAUNCH_ROWS(kernel, count, alphabet)                                     \
  rows_of_warps(alphabet) ? EQINFO_LAUNCH(kernel##_warp, row_geometry(count, alphabet)) \
                          : EQINFO_LAUNCH(kernel##_block, row_geometry(count, alphabet))
