#include <cuda_runtime.h>

#include "cuda/device.h"

namespace eqinfo::cuda_device {

Availability availability() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return {false, cudaGetErrorString(error)};
  if (count == 0) return {false, "no CUDA device"};
  return {true, ""};
}

int current_device() {
  int device = 0;
  return cudaGetDevice(&device) == cudaSuccess ? device : 0;
}

}  // namespace eqinfo::cuda_device
