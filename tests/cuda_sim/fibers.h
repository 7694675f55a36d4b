// Runs CUDA blocks on the CPU: every thread of a block is a fiber with its own stack, and barriers
// and warp operations switch between fibers. What is undefined on a GPU is an error here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cuda_sim {

constexpr uint32_t kWarp = 32;
constexpr int kPoison = 0xA5;  // fills shared and local memory, so that no kernel relies on zeros

struct Dim3 {
  uint32_t x, y, z;
};
extern Dim3 grid_size, block_size, block_index, thread_index;  // of the running thread
uint32_t lane_index();

// Ends the launch with a message that names the running thread.
[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char* format, ...);

// Called in every loop of a kernel, so that a kernel that hangs fails.
void count_step();

// Where a kernel waits. All threads that wait for each other must wait in the same place.
struct Site {
  const char* file;
  int line;
};

// __syncthreads: returns when all threads of the block have arrived.
void block_barrier(Site site);

// A warp operation: returns when all lanes of `mask` have arrived. Element i is the value of lane
// i, undefined for lanes outside the mask. It stays valid until the lane's next call.
const uint64_t* gather(uint32_t mask, uint64_t value, Site site);

// The value of lane `source`.
uint64_t shuffle(uint32_t mask, uint64_t value, uint32_t source, Site site);
uint32_t ballot(uint32_t mask, bool predicate, Site site);

// Memory that a kernel may touch.
struct Region {
  uint64_t begin, end;
  uint64_t writable;
};
struct Regions {
  const Region* regions;
  size_t count;
};
struct Span {
  void* begin;
  size_t bytes;
};
extern Span arguments;                // of this launch: the memory of the kernel's arguments,
extern Regions arrays;                // and the arrays that they point to
uint8_t* local_memory(size_t bytes);  // of the running thread; freed when the thread ends
bool is_local_memory(uint64_t address, size_t bytes);

// What a library of kernels defines.
struct Kernel {
  const char* name;
  size_t argument_bytes;
  void (*run)(const void* arguments);
};
extern const Kernel kernels[];  // ends with a null name
Span shared_memory();

}  // namespace cuda_sim
