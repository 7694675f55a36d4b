// Memory for results whose size is not known beforehand, and for contexts of models.
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace eqinfo {

// An array of trivially copyable values that grows at its end. New memory is not cleared, so what
// is reserved but not written costs no pages.
template <typename T>
class Growing {
 public:
  Growing() = default;
  Growing(const Growing&) = delete;
  Growing& operator=(const Growing&) = delete;
  ~Growing() { std::free(data_); }
  T* reserve(int64_t more) {
    if (more > capacity_ - size_) resize_to(std::max(size_ + more, capacity_ + capacity_ / 2));
    return data_ + size_;
  }
  void advance(int64_t count) { size_ += count; }
  void truncate(int64_t size) { size_ = size; }
  int64_t size() const { return size_; }
  T* data() const { return data_; }
  // Releases the memory, cut to size; the caller frees it.
  T* release() {
    resize_to(std::max<int64_t>(size_, 1));
    return std::exchange(data_, nullptr);
  }

 private:
  void resize_to(int64_t capacity) {
    void* grown = std::realloc(data_, static_cast<size_t>(capacity) * sizeof(T));
    if (grown == nullptr) throw std::bad_alloc();
    data_ = static_cast<T*>(grown);
    capacity_ = capacity;
  }
  T* data_ = nullptr;
  int64_t size_ = 0;
  int64_t capacity_ = 0;
};

// The address of the allocation is stored right before the aligned memory. aligned_alloc is
// avoided: glibc before 2.38 leaves gaps after freeing such memory that no later aligned block
// fits.
struct FreeMemory {
  void operator()(uint8_t* memory) const {
    void* allocation;
    std::memcpy(&allocation, memory - sizeof(allocation), sizeof(allocation));
    std::free(allocation);
  }
};
constexpr size_t kContextAlignment = 64;
// Memory at a multiple of kContextAlignment.
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

// Requests huge pages for memory that was just allocated: the first touch of a small page takes as
// long as decoding what it holds. From the same size on as NumPy, and only best effort.
inline void prefer_huge_pages([[maybe_unused]] const void* memory, [[maybe_unused]] int64_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr int64_t kMinBytes = int64_t{1} << 22;
  constexpr uintptr_t kPage = 4096;
  if (bytes < kMinBytes) return;
  // Every page of the allocation: realloc copies an allocation whose pages differ instead of
  // moving it.
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t begin = address & ~(kPage - 1);
  const uintptr_t end = (address + static_cast<uintptr_t>(bytes) + kPage - 1) & ~(kPage - 1);
  static_cast<void>(madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));
#endif
}

}  // namespace eqinfo
