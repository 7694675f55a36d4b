// Memory for contexts of native models.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "cpu/model/model.h"

namespace eqinfo {

// Where the allocation begins stands before the memory. The C library's own aligned memory is not
// what its free() is good at: glibc before 2.38 leaves gaps that no such memory fits again.
struct FreeMemory {
  void operator()(uint8_t* memory) const {
    void* allocation;
    std::memcpy(&allocation, memory - sizeof(allocation), sizeof(allocation));
    std::free(allocation);
  }
};
// At a multiple of kContextAlignment.
using AlignedBytes = std::unique_ptr<uint8_t[], FreeMemory>;

// The next multiple of kContextAlignment.
inline size_t aligned_size(size_t size) {
  return (size + kContextAlignment - 1) / kContextAlignment * kContextAlignment;
}

inline AlignedBytes aligned_bytes(size_t size) {
  void* const allocation =
      std::malloc(aligned_size(size > 0 ? size : 1) + sizeof(void*) + kContextAlignment);
  if (allocation == nullptr) throw std::bad_alloc();
  const uintptr_t begin = reinterpret_cast<uintptr_t>(allocation) + sizeof(allocation);
  uint8_t* const memory =
      static_cast<uint8_t*>(allocation) + sizeof(allocation) + (aligned_size(begin) - begin);
  std::memcpy(memory - sizeof(allocation), &allocation, sizeof(allocation));
  return AlignedBytes(memory);
}

}  // namespace eqinfo
