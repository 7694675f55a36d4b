// Large pages for large results.
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdint>

namespace eqinfo::bind {

// Asks for large pages in memory that was just allocated, from the size on from which NumPy does:
// the first touch of a small page takes as long as decoding what it holds. Only a wish.
inline void prefer_huge_pages([[maybe_unused]] const void* memory, [[maybe_unused]] int64_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr int64_t kMinBytes = int64_t{1} << 22;
  constexpr uintptr_t kPage = 4096;
  if (bytes < kMinBytes) return;
  // All pages of an allocation, because realloc does not move one whose pages differ, but copies
  // it.
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t begin = address & ~(kPage - 1);
  const uintptr_t end = (address + static_cast<uintptr_t>(bytes) + kPage - 1) & ~(kPage - 1);
  static_cast<void>(madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));
#endif
}

}  // namespace eqinfo::bind
