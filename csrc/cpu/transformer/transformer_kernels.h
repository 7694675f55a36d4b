// The loops of the transformer over rows, per instruction set.
#pragma once

#include "transformer.h"

namespace eqinfo {

// The number of rows, of whatever contexts, that go through a layer together: weights come from
// memory once for all of them.
constexpr int64_t kTransformerRows = 64;
// Outputs whose weights are put in another order at a time, where that is done.
constexpr size_t kPackedOutputs = 48;

// The memory that TransformerKernels::matrix needs, whose parts begin at multiples of 64: sums of
// rows, rows in two planes of bytes, and packed weights.
struct MatrixScratch {
  int32_t* sums;
  int8_t* rows;
  uint8_t* weights;
};
constexpr size_t kPlaneRows = 2 * size_t{kTransformerRows};
constexpr size_t matrix_scratch_bytes(size_t inputs) {
  return kPlaneRows * sizeof(int32_t) + (kPlaneRows + kPackedOutputs) * inputs;
}
inline MatrixScratch matrix_scratch(uint8_t* scratch, size_t inputs) {
  uint8_t* const rows = scratch + kPlaneRows * sizeof(int32_t);
  return {reinterpret_cast<int32_t*>(scratch), reinterpret_cast<int8_t*>(rows),
          rows + kPlaneRows * inputs};
}

struct TransformerKernels {
  // matrix_row for `count` quantised rows, at most kTransformerRows; rows of inputs lie
  // `row_stride` numbers apart, rows of outputs `output_stride`. `scratch` begins at a multiple of
  // 64, and has matrix_scratch_bytes.
  void (*matrix)(const Matrix& matrix, const int16_t* rows, size_t row_stride,
                 const RowScale* scales, int64_t count, int32_t* outputs, size_t output_stride,
                 uint8_t* scratch);
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
