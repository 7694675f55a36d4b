// The mixer over the bytes of one stream.
#pragma once

#include <vector>

#include "cpu/memory.h"
#include "cpu/mixer/contexts.h"
#include "mixer.h"

namespace eqinfo {

// What the kernels read and write for one bit. Contexts are padded to kGroup.
struct alignas(64) MixerBit {
  int16_t inputs[kMixerInputs];
  Bucket* buckets[kMixerContexts];
  uint32_t slot;                    // its number in the buckets
  Slot slots[kGroup];               // before the bit
  Adaptive* histories;              // (kMixerContexts, 256)
  uint32_t history_places[kGroup];  // of the slots' histories, and what lies there
  Adaptive history_values[kGroup];
  int32_t run_inputs[kGroup];  // run_input of the byte's contexts
  uint32_t run_bytes[kGroup];  // 256 + the byte that followed last; 0 if none or another
  int16_t extra[8];            // the inputs that belong to no context
  // The chosen ones. predict moves that of kKnownSet on, by the number of contexts that are known.
  int16_t* weights[kMixerSets];
  int32_t outputs[kMixerSets];
  int32_t steps[kMixerSets];
  uint32_t node;
  uint32_t shift;  // of the next bit in a byte: 7 to 0
};

constexpr uint32_t kKnownSet = 1;
inline size_t known_row(uint32_t known) { return known * 8 / (kMixerContexts + 1); }

struct MixerKernels {
  // Reads slots and histories; writes `inputs` and `outputs`.
  void (*predict)(MixerBit* bit);
  // Updates weights, histories and slots.
  void (*update)(MixerBit* bit, uint32_t value);
};

extern const MixerKernels kScalarMixer;
extern const MixerKernels kAvx2Mixer;
// Memory takes most of the time, so eight contexts at a time are enough at every level above
// scalar.
const MixerKernels& mixer_kernels();

// Buckets per context for `size` bytes are 2^(this).
uint32_t mixer_bucket_bits(uint64_t size);

class ByteMixer {
 public:
  // For at most `size` bytes. The bytes of the stream lie at `data` once they are known.
  ByteMixer(const uint8_t* data, uint64_t size, bool with_model);
  ByteMixer(const ByteMixer&) = delete;
  ByteMixer& operator=(const ByteMixer&) = delete;

  // Before each byte, at `position`.
  void begin_byte(uint32_t position);
  // The probability of a one, 1 to 2^16 - 1. M1's probability of a one, 1 to 2^16 - 1, is used if
  // the mixer is made for a model.
  uint32_t predict(uint32_t model_probability);
  void update(uint32_t value);
  // After eight bits, when the byte is in the data.
  void end_byte();
  // Between two bytes: the data lose their first `count` bytes, and the rest now begins at `data`.
  // Places among the lost bytes are forgotten.
  void forget(uint32_t count);
  // Between two bytes: goes on as `other`, which was made with the same arguments and is between
  // two bytes, too. The bytes so far lie at `data` as well as they do at the other's. What has
  // changed since the last call with the same `other`, which must not have changed, is copied.
  void become(const ByteMixer& other, const uint8_t* data);

  uint32_t node() const { return bit_.node; }

 private:
  // Choose the buckets of a byte's first half and of its second half, and let memory bring them.
  void expect_byte(uint32_t position);
  void expect_half(uint32_t node);
  void prefetch_buckets() const;
  Bucket* find(uint32_t context, uint64_t hash);
  Bucket* find_or_begin(uint32_t context, uint64_t hash);
  void select_buckets(bool first);
  void match_inputs();
  void select_weights(int32_t model_input);

  const uint8_t* data_;
  bool with_model_;
  const MixerKernels& kernels_;
  uint32_t bucket_bits_;
  uint32_t row_bits_;
  AlignedBytes memory_;
  size_t memory_bytes_;
  Bucket* buckets_;  // at the beginning of the memory
  int16_t* weights_[kMixerSets];
  Adaptive* histories_;
  uint16_t* rows_[2];
  uint32_t* places_[2];
  Adaptive match_values_[2][64];
  uint16_t order0_[256];
  int32_t set_weights_[256][kMixerSets];

  // Buckets that may have changed since `become`, some several times; too many if it is full.
  std::vector<uint32_t> changed_;
  size_t changes_ = 0;

  uint32_t position_ = 0;
  ByteContexts contexts_;
  Match matches_[2];
  uint64_t hashes_[kMixerContexts];
  uint64_t keys_[kMixerContexts];  // of the buckets that come next
  uint32_t expected_node_ = 0;     // for which `keys_` are, in the second half of a byte
  Bucket* first_[kMixerContexts];
  int32_t match_bits_[2] = {-1, -1};
  uint32_t match_steps_[2] = {0, 0};
  int32_t output_ = 0;
  int32_t mixed_ = 0;
  uint16_t* entries_[2] = {nullptr, nullptr};
  int32_t rate_ = 0;
  MixerBit bit_;
};

}  // namespace eqinfo
