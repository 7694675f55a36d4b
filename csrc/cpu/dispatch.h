// Instruction sets chosen at run time. Every level computes the same integers; portable scalar code
// in the step functions is the definition.
#pragma once

#include "frequency.h"

namespace eqinfo {

enum class InstructionSet : int { scalar = 0, avx2 = 1, avx512 = 2 };

// The frequency stage of one level. `interval` is frequency_row followed by symbol_interval without
// keeping the row; `scratch` holds `alphabet` values. `locate` is locate_symbol.
struct FrequencyKernels {
  Status (*row)(const float* logits, uint32_t alphabet, uint32_t precision, uint32_t* frequencies);
  Status (*interval)(const float* logits, uint32_t alphabet, uint32_t precision, uint32_t symbol,
                     uint32_t* scratch, Interval* interval);
  uint32_t (*locate)(const uint32_t* frequencies, uint32_t alphabet, uint32_t target,
                     Interval* interval);
};

extern const FrequencyKernels kScalarFrequency;
extern const FrequencyKernels kAvx2Frequency;
extern const FrequencyKernels kAvx512Frequency;

InstructionSet best_instruction_set();
InstructionSet instruction_set();
// False where the processor lacks the level; the level in use then stays.
bool set_instruction_set(InstructionSet level);
const FrequencyKernels& frequency_kernels();

}  // namespace eqinfo
