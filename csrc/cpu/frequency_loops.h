// The loop over rows that every stage behind the frequencies has.
#pragma once

#include <algorithm>

#include "cpu/codebook/tables.h"

namespace eqinfo {

// visit(row, frequencies) for every row, in order; `scratch` holds kRowBlock rows.
template <typename Visit>
Result for_each_row(const Rows& rows, uint32_t* scratch, Visit visit) {
  for (int64_t first = 0; first < rows.count; first += kRowBlock) {
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
