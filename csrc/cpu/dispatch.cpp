#include "cpu/dispatch.h"

#include <atomic>

namespace eqinfo {
namespace {

std::atomic<InstructionSet>& current() {
  static std::atomic<InstructionSet> level{best_instruction_set()};
  return level;
}

}  // namespace

InstructionSet best_instruction_set() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return InstructionSet::avx512;
  }
  if (__builtin_cpu_supports("avx2")) return InstructionSet::avx2;
#endif
  return InstructionSet::scalar;
}

InstructionSet instruction_set() { return current().load(std::memory_order_relaxed); }

bool set_instruction_set(InstructionSet level) {
  if (static_cast<int>(level) > static_cast<int>(best_instruction_set())) return false;
  current().store(level, std::memory_order_relaxed);
  return true;
}

const FrequencyKernels& frequency_kernels() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return kAvx512Frequency;
    case InstructionSet::avx2:
      return kAvx2Frequency;
    case InstructionSet::scalar:
      break;
  }
#endif
  return kScalarFrequency;
}

}  // namespace eqinfo
