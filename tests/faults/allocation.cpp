// Allocations of the module that fail when a test asks for it. With EQINFO_FAULTS the linker gives
// every reference of the module to malloc and operator new to the __wrap_ functions here, and the
// originals the names __real_. The tests call the other functions through ctypes.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace {

// Allocations left until the first one that fails; below 1 where none is to fail.
std::atomic<int64_t> left{0};
// How many allocations in a row fail then.
std::atomic<int64_t> failures{0};

bool fails() {
  if (left.load(std::memory_order_relaxed) <= 0 && failures.load(std::memory_order_relaxed) <= 0) {
    return false;
  }
  if (left.fetch_sub(1, std::memory_order_relaxed) > 1) return false;
  return failures.fetch_sub(1, std::memory_order_relaxed) > 0;
}

}  // namespace

extern "C" {

#define EQINFO_EXPORT __attribute__((visibility("default")))

// From now on, `count` allocations fail after `before` ones that do not.
EQINFO_EXPORT void eqinfo_fail_allocations(int64_t before, int64_t count) {
  failures.store(0);
  left.store(before + 1);
  failures.store(count);
}

// No more allocations fail. Returns how many of those that were to fail did not.
EQINFO_EXPORT int64_t eqinfo_end_failures() {
  left.store(0);
  const int64_t unused = failures.exchange(0);
  return unused > 0 ? unused : 0;
}

// Loses some memory, so that tests know that they would notice.
EQINFO_EXPORT void eqinfo_leak() {
  void* volatile lost = ::operator new(4242);
  lost = nullptr;
}

void* __real_malloc(size_t size);
void* __real_calloc(size_t count, size_t size);
void* __real_realloc(void* memory, size_t size);
void* __real__Znwm(size_t size);
void* __real__Znam(size_t size);
void* __real__ZnwmRKSt9nothrow_t(size_t size, const std::nothrow_t& tag);
void* __real__ZnwmSt11align_val_t(size_t size, std::align_val_t alignment);

void* __wrap_malloc(size_t size) { return fails() ? nullptr : __real_malloc(size); }
void* __wrap_calloc(size_t count, size_t size) {
  return fails() ? nullptr : __real_calloc(count, size);
}
void* __wrap_realloc(void* memory, size_t size) {
  return fails() ? nullptr : __real_realloc(memory, size);
}
void* __wrap__Znwm(size_t size) {
  if (fails()) throw std::bad_alloc();
  return __real__Znwm(size);
}
void* __wrap__Znam(size_t size) {
  if (fails()) throw std::bad_alloc();
  return __real__Znam(size);
}
void* __wrap__ZnwmRKSt9nothrow_t(size_t size, const std::nothrow_t& tag) {
  return fails() ? nullptr : __real__ZnwmRKSt9nothrow_t(size, tag);
}
void* __wrap__ZnwmSt11align_val_t(size_t size, std::align_val_t alignment) {
  if (fails()) throw std::bad_alloc();
  return __real__ZnwmSt11align_val_t(size, alignment);
}

}  // extern "C"
