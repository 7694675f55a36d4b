// Memory for results whose size is not known beforehand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace eqinfo {

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
