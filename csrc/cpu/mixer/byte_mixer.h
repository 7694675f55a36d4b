// The mixer over the bytes of one stream.
#pragma once

#include <vector>

#include "cpu/memory.h"
#include "cpu/mixer/contexts.h"
#include "mixer.h"

namespace eqinfo {

// Where the contexts' buckets are: in the first or in the second of two places. If in neither, one
// of them begins with the check.
struct alignas(64) Expected {
  uint64_t keys[kGroup];
  Bucket* places[2][kGroup];
  uint32_t checks[kGroup];
};

// What the kernels read and write for one bit. Contexts are padded to kGroup.
struct alignas(64) MixerBit {
  int16_t inputs[kMixerInputs];
  Slot slots[kGroup];               // before the bit
  uint32_t history_places[kGroup];  // of the slots' histories, and what lies there
  Adaptive history_values[kGroup];
  // What contexts and then matches say of the byte: an input and 256 + the byte, or 0. An input is
  // used while the byte agrees with the node, and is negative if the byte's next bit is 0. Each
  // match has two; as inputs of the mixer they belong to the second group.
  int32_t run_inputs[kGroup];
  uint32_t run_bytes[kGroup];
  Bucket* buckets[2][kGroup];  // of the first half, and of the second
  // Only of kernels with all contexts at a time: the slots of half a byte in the order in which
  // they read them, but for contexts whose buckets are `fresh`; those of its bits that have been
  // coded, which are written to the buckets when the half ends; and the heads of the first half's
  // buckets.
  Slot half[kGroup][kGroup];
  Slot path[4][kGroup];
  uint32_t heads[kGroup];
  uint32_t fresh;
  uint32_t known;            // how many of the contexts have seen a bit
  const Expected* expected;  // of half a byte
  Bucket* tables;            // (kMixerContexts, 2^bucket_bits)
  uint32_t bucket_bits;
  uint32_t slot;        // its number in the buckets
  Adaptive* histories;  // (kMixerContexts, 256)
  int16_t extra[4];     // the inputs that belong to no context and no match
  // The chosen ones. predict moves that of kKnownSet on, by the number of contexts that are known.
  int16_t* weights[kMixerSets];
  int32_t* set_weights;
  int32_t outputs[kMixerSets];
  int32_t squashed[kMixerSets];  // `squash` of the outputs
  int32_t mixed;                 // and of what predict returns
  int32_t rate;                  // of learning
  uint32_t node;
  uint32_t shift;  // of the next bit in a byte: 7 to 0
};

constexpr uint32_t kKnownSet = 1;
inline size_t known_row(uint32_t known) { return known * 8 / (kMixerContexts + 1); }
// So that the sum of four products with outputs stays below 2^31.
constexpr int32_t kMaxSetWeight = 1 << 17;

struct MixerKernels {
  // The keys are hashes of the contexts' values (kGroup of them) plus `more`. Lets memory bring the
  // buckets.
  void (*expect)(const uint64_t* values, uint64_t more, const MixerBit& bit, Expected* expected);
  // Finds these buckets, or begins them. Those of a first half bring the contexts' runs.
  void (*select)(MixerBit* bit);
  // Reads slots and histories; writes `inputs` and `outputs`, and returns the output of all sets.
  int32_t (*predict)(MixerBit* bit);
  // Updates weights, histories and slots.
  void (*update)(MixerBit* bit, uint32_t value);
  // Updates the runs of a byte's contexts.
  void (*append)(MixerBit* bit, uint8_t byte);
};

extern const MixerKernels kScalarMixer;
extern const MixerKernels kAvx2Mixer;
extern const MixerKernels kAvx512Mixer;
const MixerKernels& mixer_kernels();

// The parts of the scalar kernels that others use, too.
void expect_buckets(const uint64_t* values, uint64_t more, const MixerBit& bit, Expected* expected);
void select_buckets(MixerBit* bit);
void append_runs(MixerBit* bit, uint8_t byte);
// Which of the two halves the next bit belongs to.
inline uint32_t half_of(const MixerBit& bit) { return bit.shift > 3 ? 0 : 1; }

inline int32_t all_sets_output(uint32_t sum) {
  return within(static_cast<int32_t>(sum) >> 16, -kMaxOutput, kMaxOutput);
}

// Buckets per context for `size` bytes are 2^(this).
uint32_t mixer_bucket_bits(uint64_t size);

class ByteMixer {
 public:
  // For at most `size` bytes. The bytes of the stream lie at `data` once they are known.
  ByteMixer(const uint8_t* data, uint64_t size, bool with_model);
  ByteMixer(const ByteMixer&) = delete;
  ByteMixer& operator=(const ByteMixer&) = delete;

  // Before each byte, at `position`; it may be in the data already.
  void begin_byte(uint32_t position, bool known);
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
  // The byte that follows, or a guess.
  uint8_t next_byte() const;
  void look_ahead(uint8_t byte);
  void begin_half(bool first);
  // The interpolated row of a node, in one of the two tables.
  uint16_t* row(uint32_t table, uint32_t node) const;
  // At the beginning of a byte, and where a match ends.
  void match_inputs(uint32_t k);
  void match_state();
  void adapt_match(uint32_t k, uint32_t value);

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
  alignas(16) int32_t set_weights_[256][kMixerSets];

  // Buckets that may have changed since `become`, some several times; too many if it is full.
  std::vector<uint32_t> changed_;
  size_t changes_ = 0;

  uint32_t position_ = 0;
  bool known_ = false;
  ByteContexts contexts_;
  Match matches_[2];
  // What follows a byte, which is a guess while its second half is coded.
  struct Ahead {
    uint8_t byte;
    ByteContexts contexts;
    Expected* expected;
    uint32_t* entries[2];  // of the matches
  } ahead_;
  // Of this byte's first half, of its second half, and of the next byte's first half.
  Expected expected_[3];
  Expected* this_byte_ = &expected_[0];
  Expected* const second_half_ = &expected_[1];
  uint32_t expected_node_ = 0;  // for which the keys are, in the second half of a byte
  uint32_t match_steps_[2] = {0, 0};
  int16_t* match_weights_ = nullptr;  // of the matches' state, and of the byte
  int16_t* byte_weights_[2] = {nullptr, nullptr};
  int32_t output_ = 0;
  uint16_t* entries_[2] = {nullptr, nullptr};
  MixerBit bit_;
};

}  // namespace eqinfo
