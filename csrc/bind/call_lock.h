// A lock for objects of native code that threads may share: one call at a time.
#pragma once

#ifndef _WIN32
#include <pthread.h>
#endif

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "bind/gil.h"

namespace eqinfo::bind {

// 1, and one more in every forked child.
inline std::atomic<int>& process_number() {
  static std::atomic<int> number{1};
#ifndef _WIN32
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] { process_number().fetch_add(1); });
#endif
  return number;
}

// Threads wait for it without the GIL, because a call that holds it may take the GIL to run signal
// handlers. Unlike a mutex it is never waited for in vain: a call within a call of the same thread,
// as in a signal handler, and a call in a forked child whose parent was in a call raise
// RuntimeError.
class CallLock {
 public:
  CallLock() = default;
  CallLock(const CallLock&) = delete;
  CallLock& operator=(const CallLock&) = delete;

  bool try_lock() {
    int free = 0;
    if (!process_.compare_exchange_strong(free, process_number(), std::memory_order_acquire)) {
      return false;
    }
    thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    return true;
  }

  // Call without the GIL.
  void lock(Stop* stop) {
    for (int tries = 0; !try_lock(); ++tries) {
      const int holder = process_.load(std::memory_order_relaxed);
      if (holder != 0 && holder != process_number()) {
        throw std::runtime_error(
            "expected an object that no call used when the process forked, found one in use; make "
            "a new one in the child");
      }
      if (thread_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
        throw std::runtime_error(
            "expected no call within another call of the same object, found one");
      }
      stop->check();
      if (tries < kEagerTries) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    }
  }

  void unlock() {
    thread_.store(std::thread::id(), std::memory_order_relaxed);
    process_.store(0, std::memory_order_release);
  }

 private:
  static constexpr int kEagerTries = 64;

  std::atomic<int> process_{0};  // the number of the process that holds it; 0: nobody
  // The thread that holds it; only that thread itself ever finds its own id here.
  std::atomic<std::thread::id> thread_{};
};

// Holds a lock for a call. The first constructor is for calls without the GIL, the second for short
// calls with it, which it keeps unless it has to wait.
class CallTurn {
 public:
  CallTurn(CallLock* lock, Stop* stop) : lock_(lock) { lock_->lock(stop); }
  explicit CallTurn(CallLock* lock) : lock_(lock) {
    if (!lock_->try_lock()) run_without_gil([&](Stop* stop) { lock_->lock(stop); });
  }
  CallTurn(const CallTurn&) = delete;
  CallTurn& operator=(const CallTurn&) = delete;
  ~CallTurn() { lock_->unlock(); }

 private:
  CallLock* lock_;
};

}  // namespace eqinfo::bind
