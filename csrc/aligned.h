// Memory for contexts of native models.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "predictor.h"

namespace eqinfo {

struct FreeMemory {
  void operator()(uint8_t* memory) const { std::free(memory); }
};
// At a multiple of kContextAlignment.
using AlignedBytes = std::unique_ptr<uint8_t[], FreeMemory>;

// The next multiple of kContextAlignment.
inline size_t aligned_size(size_t size) {
  return (size + kContextAlignment - 1) / kContextAlignment * kContextAlignment;
}

inline AlignedBytes aligned_bytes(size_t size) {
  void* memory = std::aligned_alloc(kContextAlignment, aligned_size(size > 0 ? size : 1));
  if (memory == nullptr) throw std::bad_alloc();
  return AlignedBytes(static_cast<uint8_t*>(memory));
}

}  // namespace eqinfo
