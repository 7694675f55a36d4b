// A model (M1) as native code sees it. The context of a lane is a block of the caller's memory. It
// may be copied; a copy continues as the original would.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/memory.h"
#include "cpu/stop.h"
#include "status.h"

namespace eqinfo {

// In place of a symbol: the context is empty; predict without appending to it.
constexpr int32_t kFresh = -1;

constexpr int64_t kModelBlock = 32;

class GuessingModel;

class Model {
 public:
  virtual ~Model() = default;

  virtual uint32_t alphabet() const = 0;
  // The size of one context, which must lie at a multiple of kContextAlignment.
  virtual size_t context_bytes() const = 0;
  // The size of the memory that one step over `count` contexts needs; any alignment.
  virtual size_t scratch_bytes(int64_t count) const = 0;
  // How many predictions at a time are enough for a step to be as fast as it can be.
  virtual int64_t block() const { return kModelBlock; }

  // Makes the context empty.
  virtual void start(uint8_t* context) const = 0;

  // Appends symbols[i] to contexts[i] and predicts what follows, as row i of `frequencies`, shape
  // (count, alphabet): each frequency is at least 1 and a row sums to 2^precision. A row depends
  // only on its own context. A context may come several times: it takes its symbols in their order
  // here, as in one step after another. Any number of threads may call step at a time, on different
  // contexts. Throws Stopped if `stop` says so; then some contexts have appended their symbols.
  virtual Result step(uint8_t* const* contexts, const int32_t* symbols, int64_t count,
                      uint32_t precision, uint32_t* frequencies, uint8_t* scratch,
                      Stop* stop = nullptr) const = 0;

  // This model, if it can take a guess back.
  virtual const GuessingModel* guessing() const { return nullptr; }
};

// A model of bytes that can append a guess to a context, and take it back.
class GuessingModel : public Model {
 public:
  // Whether a guess costs little, as where a step for one context waits for the weights. It depends
  // on the processor.
  virtual bool guesses_pay() const = 0;
  // The size of what takes a guess back.
  virtual size_t undo_bytes() const = 0;
  // As `step` for a context that takes two symbols, of which the second may be taken back with
  // `undo`, which is aligned as contexts are.
  virtual Result step_with_guess(uint8_t* context, const int32_t* symbols, uint32_t precision,
                                 uint32_t* frequencies, uint8_t* scratch, uint8_t* undo,
                                 Stop* stop) const = 0;
  // Right after step_with_guess.
  virtual void take_back(uint8_t* context, const uint8_t* undo) const = 0;

  const GuessingModel* guessing() const override { return this; }
};

}  // namespace eqinfo
