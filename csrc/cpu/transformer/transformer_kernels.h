// The two loops of the transformer that take nearly all of its time, per instruction set.
#pragma once

#include "transformer.h"

namespace eqinfo {

struct TransformerKernels {
  // matrix_row for `count` quantised rows; rows of inputs lie `row_stride` numbers apart, rows of
  // outputs `output_stride`.
  void (*matrix)(const Matrix& matrix, const int16_t* rows, size_t row_stride,
                 const RowScale* scales, int64_t count, int32_t* outputs, size_t output_stride);
  // attend.
  void (*attend)(const Query& query, const HeadMemory& memory, uint32_t head_width, uint32_t count,
                 int32_t* scores, int16_t* row, int32_t* out);
};

extern const TransformerKernels kScalarTransformer;
extern const TransformerKernels kAvx2Transformer;
extern const TransformerKernels kAvx512Transformer;
const TransformerKernels& transformer_kernels();

}  // namespace eqinfo
