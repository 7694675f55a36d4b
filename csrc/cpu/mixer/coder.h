// Streams of bytes through the mixer and the range coder: eight bits per byte, each with an
// alphabet of two and kBitPrecision bits. A one is the interval from 0.
#pragma once

#include <memory>
#include <vector>

#include "cpu/model/model.h"
#include "cpu/stop.h"

namespace eqinfo {

struct MixerInput {
  const uint8_t* data;
  int64_t size;  // below 2^32
};

// Has `size` bytes of memory for the data.
struct MixerOutput {
  const uint8_t* stream;
  int64_t stream_size;
  uint8_t* data;
  int64_t size;
};

// Streams that are decoded with a model step through it two at a time, others one after the other.
// Without a model, `precision` has no meaning.
Result mixer_encode(const std::vector<MixerInput>& inputs, const Model* model, uint32_t precision,
                    std::vector<std::vector<uint8_t>>* streams, Stop* stop = nullptr);
// corrupt_stream, with the row of the stream, if no encoder writes it for any data of its size.
Result mixer_decode(const std::vector<MixerOutput>& outputs, const Model* model, uint32_t precision,
                    Stop* stop = nullptr);
// The probability of a one for each bit of the data: shape (8 * size,).
Result mixer_probabilities(const MixerInput& input, const Model* model, uint32_t precision,
                           uint16_t* probabilities, Stop* stop = nullptr);

// Streams one after the other: the mixer and M1's context go on from block to block, each of which
// has a stream of its own. After a call that fails, the object has lost its place in the data.
class SolidMixer {
 public:
  // With tables of 2^table_bits buckets (8 to 16) per context, for blocks of at most `block_bytes`.
  // Before each block, all but the last `kept_bytes` (256 or more) of the data are forgotten; the
  // sum of both is below 2^31.
  SolidMixer(const Model* model, uint32_t precision, uint32_t table_bits, int64_t kept_bytes,
             int64_t block_bytes);
  ~SolidMixer();

  int64_t block_bytes() const;
  Result encode(MixerInput input, std::vector<uint8_t>* stream, Stop* stop = nullptr);
  Result decode(const MixerOutput& output, Stop* stop = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eqinfo
