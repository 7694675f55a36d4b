// Products of a matrix and many rows with VNNI.
#pragma once

#if defined(__x86_64__)

#include "cpu/transformer/transformer_avx512.h"

namespace eqinfo {

// Outputs come in groups of this many.
constexpr uint32_t kPanelOutputs = 16;
// From so many rows on, putting weights in another order costs less than it saves.
constexpr int64_t kPanelMinRows = 12;

// TransformerKernels::matrix for the first `tiled` outputs, a multiple of kPanelOutputs.
EQINFO_VNNI void multiply_panels(const Matrix& matrix, uint32_t tiled, const int16_t* rows,
                                 size_t row_stride, const RowScale* scales, int64_t count,
                                 int32_t* outputs, size_t output_stride, uint8_t* scratch);

}  // namespace eqinfo

#endif
