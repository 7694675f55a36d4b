// How the caller ends a long call early.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace eqinfo {

// Thrown where a call ends early; what it was to write is incomplete and must not be used.
struct Stopped {};

// Belongs to one call. All threads of the call check it every few milliseconds.
class Stop {
 public:
  virtual ~Stop() = default;

  // Throws Stopped if the call is to end. Only the thread of the call asks the caller, and only
  // once per kInterval, so that asking may take a while.
  void check() {
    if (stopped_.load(std::memory_order_relaxed)) throw Stopped();
    if (std::this_thread::get_id() != thread_) return;
    // The first check only starts the clock, because most calls end before a second one.
    const bool first = next_ == Clock::time_point();
    if (!first && Clock::now() < next_) return;
    if (!first && asked()) {
      stopped_.store(true, std::memory_order_relaxed);
      throw Stopped();
    }
    next_ = Clock::now() + kInterval;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{150};

  // Whether the caller wants the call to end.
  virtual bool asked() { return false; }

  const std::thread::id thread_ = std::this_thread::get_id();
  Clock::time_point next_;
  std::atomic<bool> stopped_{false};
};

// Checks a Stop whenever enough work has been done since the last time; never where it is null.
// Each thread has its own.
class StopChecks {
 public:
  explicit StopChecks(Stop* stop) : stop_(stop) {}
  // `work` counts bytes or something that takes about as long.
  void after(int64_t work) {
    left_ -= work;
    if (left_ > 0) return;
    left_ = kWork;
    if (stop_ != nullptr) stop_->check();
  }

 private:
  static constexpr int64_t kWork = 1 << 16;

  Stop* stop_;
  int64_t left_ = kWork;
};

}  // namespace eqinfo
