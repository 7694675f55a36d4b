// A model (M1) as native code sees it. The context of a lane is a block of memory of the caller's,
// which may be copied: a copy goes on as the original would.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/memory.h"
#include "status.h"

namespace eqinfo {

// In place of a symbol: the context is as it was started, only predict.
constexpr int32_t kFresh = -1;

class Predictor {
 public:
  virtual ~Predictor() = default;

  virtual uint32_t alphabet() const = 0;
  // Of one context, which lies at a multiple of kContextAlignment.
  virtual size_t context_bytes() const = 0;
  // Of the memory that one step over so many contexts works in; any alignment.
  virtual size_t scratch_bytes(int64_t count) const = 0;

  // Makes an empty context.
  virtual void start(uint8_t* context) const = 0;

  // Appends symbols[i] to contexts[i] and predicts what follows: row i of `frequencies`, shape
  // (count, alphabet), each at least 1, summing to 2^precision. What a row is depends on its own
  // context alone. Contexts are distinct. Any number of threads may step at the same time.
  virtual Result step(uint8_t* const* contexts, const int32_t* symbols, int64_t count,
                      uint32_t precision, uint32_t* frequencies, uint8_t* scratch) const = 0;
};

}  // namespace eqinfo
