#include "cpu/codebook/from_model.h"

#include "bits.h"

namespace eqinfo {

Result weighted_children(const uint64_t* weights, const Rows& rows, const uint64_t* least,
                         uint32_t* scratch, int64_t* parents, int32_t* symbols, uint64_t* children,
                         int64_t* count, Stop* stop) {
  const uint128 bound = load_codeword(least);
  int64_t found = 0;
  const Result result =
      for_each_row(rows, scratch, stop, [&](int64_t row, const uint32_t* frequencies) {
        const uint128 weight = load_codeword(weights + 2 * row);
        for (uint32_t i = 0; i < rows.alphabet; ++i) {
          const uint128 child = child_weight(weight, frequencies[i], rows.precision);
          if (child < bound) continue;
          parents[found] = row;
          symbols[found] = static_cast<int32_t>(i);
          store_codeword(child, children + 2 * found);
          ++found;
        }
      });
  *count = found;
  return result;
}

}  // namespace eqinfo
