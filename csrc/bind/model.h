// Contexts of a native model on lanes, for coders that step through whole documents.
#pragma once

#include <memory>
#include <vector>

#include "bind/arrays.h"
#include "cpu/memory.h"
#include "cpu/model/model.h"

namespace eqinfo::bind {

class PredictorLanes {
 public:
  // The predictor must live as long.
  PredictorLanes(const Predictor* predictor, int64_t lanes);

  int64_t lanes() const { return static_cast<int64_t>(previous_.size()); }
  uint32_t alphabet() const { return predictor_->alphabet(); }
  // Empties the contexts of some lanes, which must exist.
  void reset(const Array<int64_t>& lanes);
  // What `lanes` predict next: frequencies, shape (count, alphabet), until the next call.
  Result predict(const int64_t* lanes, int64_t count, uint32_t precision, const uint32_t** rows);
  // The symbol that a lane takes in when it predicts next.
  void take(int64_t lane, int32_t symbol) { previous_[static_cast<size_t>(lane)] = symbol; }

 private:
  const Predictor* predictor_;
  size_t stride_;
  AlignedBytes contexts_;
  std::vector<int32_t> previous_;
  std::vector<uint8_t*> step_contexts_;
  std::vector<int32_t> step_symbols_;
  std::vector<uint32_t> frequencies_;
  std::vector<uint8_t> scratch_;
};

}  // namespace eqinfo::bind
