#include "cpu/codebook/vector_walk.h"

#include <atomic>

#include "cpu/dispatch.h"

namespace eqinfo {
namespace {

std::atomic<VectorWalk> current{VectorWalk::automatic};

// Measured, at 1.2 times the scalar walk and more: Sapphire Rapids and later, the first of Intel
// with FP16, and Zen 4 and 5, all of AMD that have AVX-512. Intel's gathers were slow before, or
// are slowed down to prevent gather data sampling (CVE-2022-40982).
bool has_fast_gathers() {
#if defined(__x86_64__)
  if (__builtin_cpu_is("amd")) return true;
  return __builtin_cpu_is("intel") && __builtin_cpu_supports("avx512fp16");
#else
  return false;
#endif
}

}  // namespace

bool has_vector_walk() {
#if defined(__x86_64__)
  return best_instruction_set() == InstructionSet::avx512 && __builtin_cpu_supports("avx512vbmi2");
#else
  return false;
#endif
}

void set_vector_walk(VectorWalk choice) { current.store(choice, std::memory_order_relaxed); }

bool walks_in_vectors() {
  if (instruction_set() != InstructionSet::avx512 || !has_vector_walk()) return false;
  const VectorWalk choice = current.load(std::memory_order_relaxed);
  return choice == VectorWalk::on || (choice == VectorWalk::automatic && has_fast_gathers());
}

}  // namespace eqinfo
