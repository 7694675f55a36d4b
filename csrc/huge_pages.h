// Large pages for large results.
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdint>

namespace eqinfo {

// Asks the system for large pages in fresh memory, where it gives them on demand only, as NumPy
// does from the same size on: the first touch of a small page costs as much as decoding it does.
inline void prefer_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] int64_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr int64_t kMinBytes = int64_t{1} << 22;
  constexpr uintptr_t kPage = 4096;
  if (bytes < kMinBytes) return;
  const auto begin = (reinterpret_cast<uintptr_t>(memory) + kPage - 1) / kPage * kPage;
  const auto end =
      (reinterpret_cast<uintptr_t>(memory) + static_cast<uintptr_t>(bytes)) / kPage * kPage;
  // A wish only: a system that does not grant it is as good as one that cannot.
  static_cast<void>(madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));
#endif
}

}  // namespace eqinfo
