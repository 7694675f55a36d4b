// Work on several threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace eqinfo {

// Calls work(0) to work(threads - 1), each on a thread of its own where the system has one to give,
// and throws what the first of them threw.
template <typename Work>
void in_threads(int threads, const Work& work) {
  std::vector<std::exception_ptr> thrown(static_cast<size_t>(threads));
  const auto guarded = [&](int k) {
    try {
      work(k);
    } catch (...) {
      thrown[static_cast<size_t>(k)] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  others.reserve(static_cast<size_t>(threads));
  int begun = 1;
  try {
    for (; begun < threads; ++begun) others.emplace_back(guarded, begun);
  } catch (const std::system_error&) {
    for (int k = begun; k < threads; ++k) guarded(k);
  }
  guarded(0);
  for (std::thread& other : others) other.join();
  for (const std::exception_ptr& exception : thrown) {
    if (exception) std::rethrow_exception(exception);
  }
}

// Where part k of `parts` equal ones of `count` begins; without overflow.
inline int64_t part_begin(int64_t count, int parts, int k) {
  return count / parts * k + count % parts * k / parts;
}

}  // namespace eqinfo
