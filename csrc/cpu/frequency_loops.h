// Loops of the frequency stage, over rows of predictions. The caller owns all memory and checks
// sizes; loops check values. After a fault, whatever was passed as state is unchanged.
#pragma once

#include <algorithm>

#include "cpu/stop.h"
#include "frequency.h"
#include "status.h"

namespace eqinfo {

// Predictions, one row per symbol: float32 logits, or frequencies that came from the model (exactly
// one of the two pointers is set). Each row has `alphabet` values; rows are contiguous.
struct Rows {
  const float* logits;
  const uint32_t* frequencies;
  int64_t count;
  uint32_t alphabet;
  uint32_t precision;
};

// Turns all rows, which must be logits, into frequencies of the same shape.
Result frequency_rows(const Rows& rows, uint32_t* frequencies, Stop* stop = nullptr);
// The number of rows that are processed together, so that each hides the latencies of the others.
constexpr int64_t kRowBlock = 4;
// The frequencies of up to kRowBlock rows from `first` on: computed into `scratch`, which holds
// kRowBlock rows, or, if they came from the model, checked in place.
Result frequency_block(const Rows& rows, int64_t first, uint32_t* scratch, const uint32_t** out);
// Whether all symbols are below `alphabet`; none of them may be coded otherwise.
template <typename Symbol>
Result check_symbols(const Symbol* symbols, int64_t count, uint32_t alphabet, Stop* stop = nullptr);
// The interval of symbols[i] in row i; `scratch` holds kRowBlock rows.
Result symbol_intervals(const Rows& rows, const int32_t* symbols, uint32_t* scratch,
                        Interval* intervals, Stop* stop = nullptr);

// Calls visit(row, frequencies) for every row, in order; `scratch` holds kRowBlock rows.
template <typename Visit>
Result for_each_row(const Rows& rows, uint32_t* scratch, Stop* stop, Visit visit) {
  StopChecks checks(stop);
  for (int64_t first = 0; first < rows.count; first += kRowBlock) {
    checks.after(kRowBlock * rows.alphabet);
    const uint32_t* frequencies = nullptr;
    const Result result = frequency_block(rows, first, scratch, &frequencies);
    if (result.status != Status::ok) return result;
    const int64_t end = std::min(rows.count, first + kRowBlock);
    for (int64_t row = first; row < end; ++row, frequencies += rows.alphabet) {
      visit(row, frequencies);
    }
  }
  return {};
}

}  // namespace eqinfo
