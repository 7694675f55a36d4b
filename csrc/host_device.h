// Macros and basics that let one function body serve the CPU and the GPU.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#define EQINFO_HD __host__ __device__ inline
// Goes before templates over types that exist on one side only, such as a row that a warp reads
// together.
#define EQINFO_EITHER_SIDE _Pragma("nv_exec_check_disable")
#else
#define EQINFO_HD inline
#define EQINFO_EITHER_SIDE
#endif

// The linker must not merge the CPU copy and the CUDA copy of an inline function. The C++ files of
// the CUDA module use the namespace of its kernels, because they share their types.
#if defined(__CUDACC__) || defined(EQINFO_CUDA_MODULE)
#define EQINFO_TARGET cuda
#else
#define EQINFO_TARGET cpu
#endif

namespace eqinfo {
inline namespace EQINFO_TARGET {

__extension__ typedef unsigned __int128 uint128;

// The number of bits needed to write `value`; 0 for 0.
EQINFO_HD uint32_t bit_width(uint64_t value) {
#if defined(__CUDA_ARCH__)
  return 64u - static_cast<uint32_t>(__clzll(static_cast<long long>(value)));
#else
  return value == 0 ? 0u : 64u - static_cast<uint32_t>(__builtin_clzll(value));
#endif
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
