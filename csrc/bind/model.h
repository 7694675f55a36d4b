// Contexts of a model that is native code, one per lane, for coders that step through whole
// documents.
#pragma once

#include <pybind11/typing.h>

#include <vector>

#include "bind/arrays.h"
#include "bind/call_lock.h"
#include "cpu/memory.h"
#include "cpu/model/guessed_stream.h"
#include "cpu/model/model.h"

namespace eqinfo::bind {

// A parameter that may be None.
using OptionalModel = py::typing::Optional<Model>;

inline const Model* pointer_to(const OptionalModel& model) {
  return model.is_none() ? nullptr : model.cast<const Model*>();
}

class ModelLanes {
 public:
  // Keeps the Python object of `model` alive.
  ModelLanes(const Model* model, int64_t lanes);

  int64_t lanes() const { return static_cast<int64_t>(previous_.size()); }
  uint32_t alphabet() const { return model_->alphabet(); }
  int64_t block() const { return model_->block(); }
  // Empties the contexts of some lanes.
  void reset(const Array<int64_t>& lanes);
  // For predict and take. After the lock of a coder, where both are needed.
  CallLock* lock() { return &lock_; }
  // Predicts the next symbol of each of `lanes`: frequencies of shape (count, alphabet), which stay
  // valid until the next call.
  Result predict(const int64_t* lanes, int64_t count, uint32_t precision, const uint32_t** rows,
                 Stop* stop) {
    return predict(lanes, count, nullptr, 1, precision, rows, stop);
  }
  // Predicts all of `symbols`, shape (rounds, count): frequencies of shape (rounds, count,
  // alphabet). The lanes take all rounds but the last.
  Result predict(const int64_t* lanes, int64_t count, const int32_t* symbols, int64_t rounds,
                 uint32_t precision, const uint32_t** rows, Stop* stop);
  // Sets the symbol that a lane appends to its context when it predicts next.
  void take(int64_t lane, int32_t symbol) { previous_[static_cast<size_t>(lane)] = symbol; }

 private:
  const Model* model_;
  py::object owner_;
  CallLock lock_;
  bool whole_ = true;  // no prediction has ended early
  size_t stride_;
  AlignedBytes contexts_;
  std::unique_ptr<GuessedStream> guessed_;  // of a single lane
  std::vector<int32_t> previous_;
  std::vector<uint8_t*> step_contexts_;
  std::vector<int32_t> step_symbols_;
  std::vector<uint32_t> frequencies_;
  std::vector<uint8_t> scratch_;
};

}  // namespace eqinfo::bind
