// The loops of the transformer over rows, per instruction set.
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
  // The functions of transformer.h of these names, and quantise_row of values themselves. Counts
  // are multiples of kWidthStep.
  RowScale (*norm_row)(const int32_t* x, const int16_t* weight, uint32_t width, int64_t epsilon,
                       int32_t levels, int16_t* row);
  Quantiser (*quantise_values)(const int32_t* values, uint32_t count, int32_t levels, int16_t* row);
  Quantiser (*gated_row)(int32_t* gate, const int32_t* up, uint32_t units, int32_t levels,
                         int16_t* row);
  void (*rotate_head)(const Transformer& model, uint32_t position, int32_t* head);
  uint16_t (*store_head)(const int32_t* head, uint32_t width, int8_t* stored);
  void (*add_row)(const int32_t* change, uint32_t width, int32_t* x);
};

// quantise_row of values themselves.
Quantiser quantise_values(const int32_t* values, uint32_t count, int32_t levels, int16_t* row);

extern const TransformerKernels kScalarTransformer;
extern const TransformerKernels kAvx2Transformer;
extern const TransformerKernels kAvx512Transformer;
const TransformerKernels& transformer_kernels();

}  // namespace eqinfo
