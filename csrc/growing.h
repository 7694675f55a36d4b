// Memory for results whose size is not known beforehand.
#pragma once

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace eqinfo {

// Where the system has huge pages for those who ask: memory that is touched for the first time, or
// here and there, costs less. Not for memory that will be moved. Only advice: what it answers does
// not matter.
inline void prefer_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] size_t size) {
#if defined(__linux__)
  constexpr size_t kPage = size_t{1} << 21;
  const size_t skipped = (kPage - reinterpret_cast<uintptr_t>(memory) % kPage) % kPage;
  if (size >= skipped + kPage) {
    madvise(static_cast<uint8_t*>(memory) + skipped, (size - skipped) / kPage * kPage,
            MADV_HUGEPAGE);
  }
#endif
}

// Memory that grows at its end, of trivially copyable values, not cleared: what is reserved but not
// written costs no pages.
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
  // Gives the memory away, cut to size; the caller frees it.
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

}  // namespace eqinfo
