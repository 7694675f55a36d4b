// Codebook.optimal: the strings that are most probable under a model.
#pragma once

#include "codebook.h"
#include "cpu/frequency_loops.h"

namespace eqinfo {

// Finds all strings that are one symbol longer and weigh at least `least` (two words). Row i
// predicts what follows the string that weighs weights[i] (two words). Writes the row, last symbol
// and weight of each, in order, and their number to *count; the caller gives room for all symbols
// of all rows.
Result weighted_children(const uint64_t* weights, const Rows& rows, const uint64_t* least,
                         uint32_t* scratch, int64_t* parents, int32_t* symbols, uint64_t* children,
                         int64_t* count, Stop* stop);

}  // namespace eqinfo
