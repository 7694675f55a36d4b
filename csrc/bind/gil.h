// Work without the GIL, and how a thread takes the GIL back.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <thread>
#include <type_traits>
#ifdef __GLIBCXX__
#include <cxxabi.h>
#endif

#include "bind/errors.h"
#include "cpu/stop.h"

namespace eqinfo::bind {

// A thread that asks for the GIL while the interpreter is being finalized never gets it. CPython
// before 3.14 ends it with pthread_exit, which with glibc unwinds the stack like an exception:
// through noexcept destructors, where it aborts the process, and through destructors of Python
// objects, which need the GIL. Such a thread is parked instead, as in CPython 3.14, until the
// process ends.
[[noreturn]] inline void park() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

// Calls `work`, which runs Python code of the caller and so may take the GIL back.
template <typename Work>
auto run_python(const Work& work) {
#ifdef __GLIBCXX__
  try {
    return work();
  } catch (const abi::__forced_unwind&) {
    park();
  }
#else
  return work();
#endif
}

// Releases the GIL for as long as it lives, except between take() and release().
class ReleasedGil {
 public:
  ReleasedGil() : thread_(PyEval_SaveThread()) {}
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;
  ~ReleasedGil() { take(); }

  void take() {
    try {
      PyEval_RestoreThread(thread_);
    } catch (...) {  // raises nothing, so this is pthread_exit
      park();
    }
  }
  void release() { thread_ = PyEval_SaveThread(); }

 private:
  PyThreadState* thread_;
};

// Call with the GIL held, in loops that hold it for long: raises what a signal handler raises, such
// as KeyboardInterrupt.
inline void check_signals() {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

// Ends a call when a signal handler raises. Python runs the handlers on its main thread only; on
// others, this never ends a call.
class SignalStop : public Stop {
 public:
  explicit SignalStop(ReleasedGil* released) : released_(released) {}

 private:
  bool asked() override {
    released_->take();
    const bool raised = PyErr_CheckSignals() != 0;
    released_->release();
    return raised;
  }

  ReleasedGil* released_;
};

// Runs `work`, which neither raises nor touches Python objects, so that other Python threads may
// run meanwhile. It returns nothing, or a Result; then raises what the Result says. Work that can
// take long has a parameter for the Stop* that it is to check. It must hold no lock then that
// threads with the GIL wait for.
template <typename Work>
void run_without_gil(const Work& work) {
  Result result;
  const auto run = [&](auto... stop) {
    if constexpr (std::is_void_v<decltype(work(stop...))>) {
      work(stop...);
    } else {
      result = work(stop...);
    }
  };
  try {
    ReleasedGil released;
    if constexpr (std::is_invocable_v<const Work&, Stop*>) {
      SignalStop stop(&released);
      run(static_cast<Stop*>(&stop));
    } else {
      run();
    }
  } catch (const Stopped&) {
    throw py::error_already_set();
  }
  check(result);
}

}  // namespace eqinfo::bind
