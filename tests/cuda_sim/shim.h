// Enough of CUDA C++ to compile kernels with a C++ compiler and run them on fibers.h. Include it
// first. The default arguments of shuffles and barriers record their place in the source.
#pragma once

#include <link.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "fibers.h"

#define __CUDACC__
#define __CUDA_ARCH__ 800
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
// Shared memory is the thread-local storage of the library: blocks run one after the other in one
// thread of the machine, and nothing else is thread-local.
#define __shared__ static thread_local

#define threadIdx (::cuda_sim::thread_index)
#define blockIdx (::cuda_sim::block_index)
#define blockDim (::cuda_sim::block_size)
#define gridDim (::cuda_sim::grid_size)
constexpr int warpSize = 32;

using std::max;
using std::min;

struct alignas(8) uint2 {
  uint32_t x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};

namespace cuda_sim {

inline Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return {file, line};
}

inline int find_shared_memory(dl_phdr_info* info, size_t, void* found) {
  static thread_local volatile char touched;  // otherwise this thread may not have such storage yet
  touched = 1;
  const uint64_t us = reinterpret_cast<uint64_t>(&find_shared_memory);
  bool ours = false;
  size_t bytes = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    ours |= part.p_type == PT_LOAD && us - info->dlpi_addr - part.p_vaddr < part.p_memsz;
    if (part.p_type == PT_TLS) bytes = part.p_memsz;
  }
  if (ours) *static_cast<Span*>(found) = {info->dlpi_tls_data, bytes};
  return ours;
}

Span shared_memory() {
  Span found{};
  dl_iterate_phdr(find_shared_memory, &found);
  return found;
}

// Lane `source` if it is in the caller's segment of `width` lanes, otherwise the caller's own lane.
template <typename T>
T shuffle_within(uint32_t mask, T value, int source, int width, Site site) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4, "what __shfl_sync takes");
  if (width < 1 || width > warpSize || (width & (width - 1)) != 0) fail("shuffle width %d", width);
  const int lane = static_cast<int>(lane_index());
  const int first = lane - lane % width;
  if (source < first || source >= first + width) source = lane;
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = shuffle(mask, bits, static_cast<uint32_t>(source), site);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

template <typename Arguments>
void run(void (*kernel)(Arguments), const void* arguments) {
  kernel(*static_cast<const Arguments*>(arguments));
}
template <typename Arguments>
constexpr size_t argument_bytes(void (*)(Arguments)) {
  return sizeof(Arguments);
}
#define CUDA_SIM_KERNEL(name)               \
  {#name, ::cuda_sim::argument_bytes(name), \
   [](const void* arguments) { ::cuda_sim::run(name, arguments); }}

template <typename T, typename Change>
T atomic(T* address, Change change) {
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace cuda_sim

inline void __syncthreads(cuda_sim::Site site = cuda_sim::here()) { cuda_sim::block_barrier(site); }
inline void __syncwarp(uint32_t mask = ~0u, cuda_sim::Site site = cuda_sim::here()) {
  cuda_sim::gather(mask, 0, site);
}
template <typename T>
T __shfl_sync(uint32_t mask, T value, int source, int width = warpSize,
              cuda_sim::Site site = cuda_sim::here()) {
  const int lane = static_cast<int>(cuda_sim::lane_index());
  source = lane - lane % width + (source & (width - 1));
  return cuda_sim::shuffle_within(mask, value, source, width, site);
}
template <typename T>
T __shfl_up_sync(uint32_t mask, T value, uint32_t delta, int width = warpSize,
                 cuda_sim::Site site = cuda_sim::here()) {
  const int source = static_cast<int>(cuda_sim::lane_index() - delta);
  return cuda_sim::shuffle_within(mask, value, source, width, site);
}
template <typename T>
T __shfl_down_sync(uint32_t mask, T value, uint32_t delta, int width = warpSize,
                   cuda_sim::Site site = cuda_sim::here()) {
  const int source = static_cast<int>(cuda_sim::lane_index() + delta);
  return cuda_sim::shuffle_within(mask, value, source, width, site);
}
template <typename T>
T __shfl_xor_sync(uint32_t mask, T value, int lanes, int width = warpSize,
                  cuda_sim::Site site = cuda_sim::here()) {
  const int source = static_cast<int>(cuda_sim::lane_index()) ^ lanes;
  return cuda_sim::shuffle_within(mask, value, source, width, site);
}
inline uint32_t __ballot_sync(uint32_t mask, int predicate,
                              cuda_sim::Site site = cuda_sim::here()) {
  return cuda_sim::ballot(mask, predicate != 0, site);
}
inline int __any_sync(uint32_t mask, int predicate, cuda_sim::Site site = cuda_sim::here()) {
  return cuda_sim::ballot(mask, predicate != 0, site) != 0;
}
inline int __all_sync(uint32_t mask, int predicate, cuda_sim::Site site = cuda_sim::here()) {
  return cuda_sim::ballot(mask, predicate != 0, site) == mask;
}

inline int __popc(uint32_t value) { return __builtin_popcount(value); }
inline int __popcll(unsigned long long value) { return __builtin_popcountll(value); }
inline int __clz(int value) {
  return value == 0 ? 32 : __builtin_clz(static_cast<unsigned>(value));
}
inline int __clzll(long long value) {
  return value == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(value));
}
// c + the products of four signed numbers of 8 bits; the sum wraps.
inline int __dp4a(int a, int b, int c) {
  uint32_t sum = static_cast<uint32_t>(c);
  for (int i = 0; i < 32; i += 8) {
    sum += static_cast<uint32_t>(static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i));
  }
  return static_cast<int>(sum);
}
inline int __ffs(int value) { return __builtin_ffs(value); }
inline int __float2int_rn(float value) {
  if (value != value) return 0;
  if (value >= 0x1p31f) return std::numeric_limits<int>::max();
  return value < -0x1p31f ? std::numeric_limits<int>::min() : static_cast<int>(std::rint(value));
}
inline uint32_t __float_as_uint(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float __uint_as_float(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <typename T>
T __ldg(const T* address) {
  return *address;
}

// Fibers switch only where they wait, so plain operations are atomic.
template <typename T>
T atomicAdd(T* address, std::common_type_t<T> value) {
  return cuda_sim::atomic(address, [=](T old) { return static_cast<T>(old + value); });
}
template <typename T>
T atomicMin(T* address, std::common_type_t<T> value) {
  return cuda_sim::atomic(address, [=](T old) { return std::min(old, value); });
}
template <typename T>
T atomicMax(T* address, std::common_type_t<T> value) {
  return cuda_sim::atomic(address, [=](T old) { return std::max(old, value); });
}
template <typename T>
T atomicOr(T* address, std::common_type_t<T> value) {
  return cuda_sim::atomic(address, [=](T old) { return old | value; });
}
