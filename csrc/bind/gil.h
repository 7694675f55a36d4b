// Work without the GIL, and how a thread takes the GIL back.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <thread>
#ifdef __GLIBCXX__
#include <cxxabi.h>
#endif

#include "bind/errors.h"

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

// Releases the GIL for as long as it lives.
class ReleasedGil {
 public:
  ReleasedGil() : thread_(PyEval_SaveThread()) {}
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;
  ~ReleasedGil() {
    try {
      PyEval_RestoreThread(thread_);
    } catch (...) {  // raises nothing, so this is pthread_exit
      park();
    }
  }

 private:
  PyThreadState* thread_;
};

// Runs `work`, which neither raises nor touches Python objects, so that other Python threads may
// run meanwhile. It returns nothing, or a Result; then raises what the Result says.
template <typename Work>
void run_without_gil(const Work& work) {
  Result result;
  {
    const ReleasedGil released;
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
    } else {
      result = work();
    }
  }
  check(result);
}

}  // namespace eqinfo::bind
