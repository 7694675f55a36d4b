// Runs work on several threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "cpu/stop.h"

namespace eqinfo {

// Calls work(0) to work(threads - 1), each on its own thread as far as there are threads and memory
// for them, and rethrows the exception of the first call that threw one.
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
  } catch (const std::exception&) {  // no thread, or no memory for one
    for (int k = begun; k < threads; ++k) guarded(k);
  }
  guarded(0);
  for (std::thread& other : others) other.join();
  for (const std::exception_ptr& exception : thrown) {
    if (exception) std::rethrow_exception(exception);
  }
}

// The same; while other threads still work, the calling thread checks `stop`, as they must do.
template <typename Work>
void in_threads(int threads, Stop* stop, const Work& work) {
  if (threads == 1 || stop == nullptr) return in_threads(threads, work);
  std::mutex mutex;
  std::condition_variable changed;
  int working = threads - 1;
  struct Leave {
    std::mutex& mutex;
    std::condition_variable& changed;
    int& working;
    ~Leave() {
      const std::lock_guard lock(mutex);
      if (--working == 0) changed.notify_all();
    }
  };
  in_threads(threads, [&](int k) {
    if (k > 0) {
      const Leave leave{mutex, changed, working};
      work(k);
      return;
    }
    work(0);
    const auto done = [&] {
      std::unique_lock lock(mutex);
      return changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return working == 0; });
    };
    while (!done()) stop->check();
  });
}

// Runs work in rounds. First begin(count) is called with the number of threads that the system
// provided, at most `threads`. In every round, work(0) to work(count - 1) run in parallel; when all
// have returned, next() says whether another round follows. If a call throws, the first exception
// is rethrown after its round.
template <typename Begin, typename Work, typename Next>
void in_rounds(int threads, const Begin& begin, const Work& work, const Next& next) {
  std::mutex mutex;
  std::condition_variable changed;
  std::exception_ptr thrown;
  int64_t round = 0;  // 0: threads are being started; -1: all rounds are over
  int working = 0;
  int count = 1;
  const auto guarded = [&](const auto& call) {
    try {
      call();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!thrown) thrown = std::current_exception();
    }
  };
  const auto wait = [&](const auto& condition) {
    std::unique_lock lock(mutex);
    changed.wait(lock, condition);
  };
  const auto follow = [&](int k) {
    for (int64_t seen = 0;;) {
      wait([&] { return round != seen; });
      // `round` does not change before this thread has done its work.
      seen = round;
      if (seen < 0) return;
      guarded([&] { work(k); });
      const std::lock_guard lock(mutex);
      if (--working == 0) changed.notify_all();
    }
  };
  std::vector<std::thread> others;
  others.reserve(static_cast<size_t>(threads));
  try {
    for (; count < threads; ++count) others.emplace_back(follow, count);
  } catch (const std::exception&) {
    // No further thread, or no memory for one: continue with those that there are.
  }
  bool more = true;
  guarded([&] { begin(count); });
  while (more && !thrown) {
    {
      const std::lock_guard lock(mutex);
      ++round;
      working = count - 1;
    }
    changed.notify_all();
    guarded([&] { work(0); });
    wait([&] { return working == 0; });
    if (!thrown) guarded([&] { more = next(); });
  }
  {
    const std::lock_guard lock(mutex);
    round = -1;
  }
  changed.notify_all();
  for (std::thread& other : others) other.join();
  if (thrown) std::rethrow_exception(thrown);
}

// Where part k begins if `count` items are split into `parts` equal parts; does not overflow.
inline int64_t part_begin(int64_t count, int parts, int k) {
  return count / parts * k + count % parts * k / parts;
}

}  // namespace eqinfo
