// Streams of short data that all begin with what the mixer has learned from the same dictionary.
#pragma once

#include <memory>
#include <vector>

#include "cpu/mixer/coder.h"

namespace eqinfo {

// Each stream is that of a second block of a SolidMixer whose first block is the dictionary.
class PrimedMixer {
 public:
  // The memory of one stream at a time. Reused for the next one, it is cheap to make ready.
  class Place;
  struct FreePlace {
    void operator()(Place* place) const;
  };
  using PlacePointer = std::unique_ptr<Place, FreePlace>;

  // With tables of 2^table_bits buckets (8 to 16) per context, for a dictionary of at least one
  // byte, which stays where it is.
  PrimedMixer(const Model* model, uint32_t precision, uint32_t table_bits, MixerInput dictionary);

  // Reads the dictionary, before anything else. Then any number of threads may call the others, on
  // different places.
  Result read(Stop* stop = nullptr);
  PlacePointer place() const;
  Result encode(MixerInput input, Place* place, std::vector<uint8_t>* stream,
                Stop* stop = nullptr) const;
  Result decode(const MixerOutput& output, Place* place, Stop* stop = nullptr) const;

 private:
  // Makes a place ready for data of `size` bytes, which it returns memory for.
  uint8_t* begin(int64_t size, Place* place) const;

  const Model* model_;
  uint32_t precision_;
  uint32_t table_bits_;
  MixerInput dictionary_;
  PlacePointer read_;
};

}  // namespace eqinfo
