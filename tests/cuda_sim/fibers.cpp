#include "fibers.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(save, stack, bytes)
#define __sanitizer_finish_switch_fiber(save, stack, bytes)
#define __asan_unpoison_memory_region(begin, bytes)
#endif

namespace cuda_sim {

Dim3 grid_size, block_size, block_index, thread_index;
Span arguments;
Regions arrays;

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kStackBytes = 32 * kPage;
constexpr size_t kLocalBytes = 16 * kPage;
constexpr uint32_t kMaxThreads = 1024;

enum class State { ready, at_barrier, at_warp_operation, finished };

struct Fiber {
  char* memory = nullptr;  // a guard page, the stack, local memory
  bool started = false;    // `resume` is valid
  ucontext_t start;
  jmp_buf resume;
  void* fake_stack = nullptr;  // AddressSanitizer's
  Dim3 index{};
  size_t local_bytes = 0;
  State state = State::finished;
  Site site{};
  uint32_t mask = 0;
  uint64_t gathered[kWarp];

  char* stack() const { return memory + kPage; }
  char* local() const { return stack() + kStackBytes; }
};

std::vector<Fiber> fibers;
uint64_t values[kMaxThreads];  // that threads pass to warp operations
uint32_t threads;              // of a block
uint32_t running;              // thread of the block
uint32_t waiting;              // threads at the barrier
bool inside;                   // a kernel runs, not the scheduler
uint64_t steps_left;
const Kernel* kernel;
char message[512];  // empty while all is well

jmp_buf scheduler;
void* scheduler_fake_stack;
const void* scheduler_stack;
size_t scheduler_stack_bytes;

void run_fiber() {
  __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_bytes);
  kernel->run(arguments.begin);
  fibers[running].state = State::finished;
  __sanitizer_start_switch_fiber(nullptr, scheduler_stack, scheduler_stack_bytes);
  _longjmp(scheduler, 1);
}

// ucontext starts a fiber; setjmp and longjmp switch between fibers, since they make no system
// call.
void resume(uint32_t thread) {
  Fiber& fiber = fibers[thread];
  running = thread;
  inside = true;
  thread_index = fiber.index;
  if (_setjmp(scheduler) == 0) {
    __sanitizer_start_switch_fiber(&scheduler_fake_stack, fiber.stack(), kStackBytes);
    if (fiber.started) _longjmp(fiber.resume, 1);
    fiber.started = true;
    setcontext(&fiber.start);
  }
  __sanitizer_finish_switch_fiber(scheduler_fake_stack, nullptr, nullptr);
  inside = false;
}

void wait() {
  Fiber& fiber = fibers[running];
  if (_setjmp(fiber.resume) == 0) {
    __sanitizer_start_switch_fiber(&fiber.fake_stack, scheduler_stack, scheduler_stack_bytes);
    _longjmp(scheduler, 1);
  }
  __sanitizer_finish_switch_fiber(fiber.fake_stack, nullptr, nullptr);
}

void prepare(uint32_t thread) {
  Fiber& fiber = fibers[thread];
  if (fiber.memory == nullptr) {
    fiber.memory =
        static_cast<char*>(mmap(nullptr, kPage + kStackBytes + kLocalBytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    mprotect(fiber.memory, kPage, PROT_NONE);
  }
  // An abandoned fiber leaves its frames on its stack.
  __asan_unpoison_memory_region(fiber.stack(), kStackBytes);
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack();
  fiber.start.uc_stack.ss_size = kStackBytes;
  makecontext(&fiber.start, run_fiber, 0);
  fiber.started = false;
  fiber.state = State::ready;
  fiber.local_bytes = 0;
  fiber.index = {thread % block_size.x, thread / block_size.x % block_size.y,
                 thread / block_size.x / block_size.y};
}

// Runs a warp as far as it gets; returns whether any of its threads could run. So a warp that does
// not wait where it must is soon ahead of the others.
bool run_warp(uint32_t warp, bool descending) {
  bool any = false;
  for (uint32_t i = 0; i < kWarp && message[0] == 0; ++i) {
    const uint32_t thread = warp * kWarp + (descending ? kWarp - 1 - i : i);
    if (thread >= threads || fibers[thread].state != State::ready) continue;
    resume(thread);
    any = true;
  }
  return any && message[0] == 0;
}

void run_block(bool descending) {
  const Span shared = shared_memory();
  std::memset(shared.begin, kPoison, shared.bytes);
  for (uint32_t thread = 0; thread < threads; ++thread) prepare(thread);
  waiting = 0;
  const uint32_t warps = (threads + kWarp - 1) / kWarp;
  for (bool progress = true; progress;) {
    progress = false;
    for (uint32_t i = 0; i < warps; ++i) {
      while (run_warp(descending ? warps - 1 - i : i, descending)) progress = true;
      if (message[0] != 0) return;
    }
  }
  for (uint32_t thread = 0; thread < threads; ++thread) {
    const Fiber& fiber = fibers[thread];
    if (fiber.state == State::finished) continue;
    std::snprintf(message, sizeof message,
                  "%s, block %u: thread %u waits for ever %s (%s:%d), mask %08x", kernel->name,
                  block_index.x, thread,
                  fiber.state == State::at_barrier ? "at a barrier" : "at a warp operation",
                  fiber.site.file, fiber.site.line, fiber.mask);
    return;
  }
}

bool same(Site a, Site b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

}  // namespace

uint32_t lane_index() { return running % kWarp; }

void fail(const char* format, ...) {
  const int length = std::snprintf(
      message, sizeof message, "%s, block %u, thread %u: ", kernel->name, block_index.x, running);
  va_list values;
  va_start(values, format);
  std::vsnprintf(message + length, sizeof message - static_cast<size_t>(length), format, values);
  va_end(values);
  __sanitizer_start_switch_fiber(nullptr, scheduler_stack, scheduler_stack_bytes);
  _longjmp(scheduler, 1);
}

void count_step() {
  if (inside && steps_left-- == 0) fail("step limit reached");
}

void block_barrier(Site site) {
  Fiber& self = fibers[running];
  if (waiting > 0) {
    for (uint32_t thread = 0; thread < threads; ++thread) {
      const Fiber& other = fibers[thread];
      if (other.state == State::at_barrier && !same(other.site, site)) {
        fail("at the barrier %s:%d, while thread %u is at that of %s:%d", site.file, site.line,
             thread, other.site.file, other.site.line);
      }
    }
  }
  self.site = site;
  self.mask = ~0u;
  self.state = State::at_barrier;
  if (++waiting < threads) return wait();
  waiting = 0;
  for (uint32_t thread = 0; thread < threads; ++thread) fibers[thread].state = State::ready;
}

const uint64_t* gather(uint32_t mask, uint64_t value, Site site) {
  const uint32_t first = running - lane_index();
  Fiber* warp = &fibers[first];
  Fiber& self = fibers[running];
  if ((mask >> lane_index() & 1) == 0) fail("mask %08x lacks lane %u", mask, lane_index());
  self.site = site;
  self.mask = mask;
  self.state = State::at_warp_operation;
  values[running] = value;
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    if (first + lane >= threads) fail("mask %08x names lane %u, which is none", mask, lane);
    const Fiber& other = warp[lane];
    if (other.state != State::at_warp_operation || other.mask != mask || !same(other.site, site)) {
      wait();
      return self.gathered;
    }
  }
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    std::memcpy(warp[lane].gathered, &values[first], sizeof self.gathered);
    warp[lane].state = State::ready;
  }
  return self.gathered;
}

uint64_t shuffle(uint32_t mask, uint64_t value, uint32_t source, Site site) {
  const uint64_t* brought = gather(mask, value, site);
  if ((mask >> source & 1) == 0) fail("shuffle from lane %u, not in mask %08x", source, mask);
  return brought[source];
}

uint32_t ballot(uint32_t mask, bool predicate, Site site) {
  const uint64_t* predicates = gather(mask, predicate, site);
  uint32_t bits = 0;
  for (uint32_t lane = 0; lane < kWarp; ++lane) bits |= (predicates[lane] & 1) << lane;
  return bits & mask;
}

uint8_t* local_memory(size_t bytes) {
  Fiber& fiber = fibers[running];
  char* begin = fiber.local() + fiber.local_bytes;
  fiber.local_bytes += (bytes + 15) / 16 * 16;
  if (fiber.local_bytes > kLocalBytes) fail("more than %zu bytes of local memory", kLocalBytes);
  std::memset(begin, kPoison, bytes);
  return reinterpret_cast<uint8_t*>(begin);
}

bool is_local_memory(uint64_t address, size_t bytes) {
  const Fiber& fiber = fibers[running];
  const uint64_t begin = reinterpret_cast<uint64_t>(fiber.local());
  return address >= begin && address + bytes <= begin + fiber.local_bytes;
}

namespace {

struct Launch {
  Dim3 grid, block;
  Span arguments;
  Regions arrays;
  uint64_t step_limit;
  uint32_t descending;  // run blocks and threads in descending order
};

}  // namespace

// Returns null, or a message that says what went wrong.
extern "C" __attribute__((visibility("default"))) const char* cuda_sim_launch(
    const char* name, const Launch* launch) {
  for (kernel = kernels; kernel->name != nullptr; ++kernel) {
    if (std::strcmp(kernel->name, name) == 0) break;
  }
  if (kernel->name == nullptr) return "no such kernel";
  if (kernel->argument_bytes != launch->arguments.bytes)
    return "the size of the arguments is wrong";
  grid_size = launch->grid;
  block_size = launch->block;
  const uint64_t block_threads = uint64_t{block_size.x} * block_size.y * block_size.z;
  if (block_threads == 0 || block_threads > kMaxThreads) return "a block has 1 to 1024 threads";
  threads = static_cast<uint32_t>(block_threads);
  arguments = launch->arguments;
  arrays = launch->arrays;
  steps_left = launch->step_limit;
  message[0] = 0;
  if (fibers.empty()) fibers.resize(kMaxThreads);
  const uint64_t blocks = uint64_t{grid_size.x} * grid_size.y * grid_size.z;
  for (uint64_t i = 0; i < blocks && message[0] == 0; ++i) {
    const uint64_t block = launch->descending ? blocks - 1 - i : i;
    block_index = {static_cast<uint32_t>(block % grid_size.x),
                   static_cast<uint32_t>(block / grid_size.x % grid_size.y),
                   static_cast<uint32_t>(block / grid_size.x / grid_size.y)};
    run_block(launch->descending != 0);
  }
  return message[0] == 0 ? nullptr : message;
}

}  // namespace cuda_sim

// g++ -fsanitize-coverage=trace-pc calls this in every basic block of kernels compiled as C++.
extern "C" void __sanitizer_cov_trace_pc() { cuda_sim::count_step(); }
