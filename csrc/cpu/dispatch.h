// Instruction sets, chosen at run time. Every level computes the same integers; the portable scalar
// step functions are the definition.
#pragma once

#include "cpu/frequency_loops.h"
#include "frequency.h"

namespace eqinfo {

enum class InstructionSet : int { scalar = 0, avx2 = 1, avx512 = 2 };

// The frequency stage at one level. Result::row counts from the first row passed.
struct FrequencyKernels {
  // frequency_row for `count` <= kRowBlock rows.
  Result (*rows)(const float* logits, int64_t count, uint32_t alphabet, uint32_t precision,
                 uint32_t* frequencies);
  // The same for integer logits, in 1024ths of an octave, which may lie where the frequencies go.
  Result (*integer_rows)(const int32_t* logits, int64_t count, uint32_t alphabet,
                         uint32_t precision, uint32_t* frequencies);
  // frequency_row and then symbol_interval of symbols[i], which is below `alphabet`, for `count` <=
  // kRowBlock rows i; `scratch` holds kRowBlock rows.
  Result (*intervals)(const float* logits, int64_t count, uint32_t alphabet, uint32_t precision,
                      const int32_t* symbols, uint32_t* scratch, Interval* intervals);
  // locate_symbol.
  uint32_t (*locate)(const uint32_t* frequencies, uint32_t alphabet, uint32_t target,
                     Interval* interval);
};

// Prefetches the values one page after `row`: the hardware's own prefetch stops at the end of a
// page, which with 256 symbols is every fourth row. Call it once per cache line, in the pass that
// computes most, so that requests do not queue. Past the end of the array it does nothing.
inline void prefetch_page_ahead(const void* row) {
  constexpr uintptr_t kPage = 4096;
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(row) + kPage));
}

extern const FrequencyKernels kScalarFrequency;
extern const FrequencyKernels kAvx2Frequency;
extern const FrequencyKernels kAvx512Frequency;

InstructionSet best_instruction_set();
InstructionSet instruction_set();
// False where the processor lacks the level; the level in use then stays.
bool set_instruction_set(InstructionSet level);
const FrequencyKernels& frequency_kernels();

}  // namespace eqinfo
