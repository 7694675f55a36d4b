// The transformer with many rows at a time: a block or warp per row or head, and products of
// matrices in tiles of 8-bit numbers, four of which __dp4a multiplies and adds. Loops over a row
// are short for a thread, so most are not unrolled.
#pragma once

#include "cuda/team.cuh"
#include "transformer.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kVector = 16;  // 8-bit numbers in a uint4
constexpr uint32_t kLowBits = 7;  // of a 15-bit number; the rest is its high part

__device__ inline bool has_row(const TransformerRows& rows, int64_t row) {
  return row < rows.count && rows.positions[row] >= 0;
}

__device__ inline const uint4* vectors(const int8_t* bytes) {
  return reinterpret_cast<const uint4*>(bytes);
}

// sum + the products of 16 numbers of 8 bits.
__device__ inline int32_t add_products(const uint4& a, const uint4& b, int32_t sum) {
  sum = __dp4a(static_cast<int32_t>(a.x), static_cast<int32_t>(b.x), sum);
  sum = __dp4a(static_cast<int32_t>(a.y), static_cast<int32_t>(b.y), sum);
  sum = __dp4a(static_cast<int32_t>(a.z), static_cast<int32_t>(b.z), sum);
  return __dp4a(static_cast<int32_t>(a.w), static_cast<int32_t>(b.w), sum);
}

// The low and the high part fit 8 bits: |value| <= kWideLevels = 127 * 128.
__device__ inline void split_value(int32_t value, int32_t levels, int8_t* low, int8_t* high) {
  const bool wide = levels == kWideLevels;
  *low = static_cast<int8_t>(wide ? value & ((1 << kLowBits) - 1) : value);
  *high = static_cast<int8_t>(wide ? value >> kLowBits : 0);
}

__device__ inline int64_t join_sums(int32_t low, int32_t high) {
  return int64_t{high} * (1 << kLowBits) + low;
}

// quantise_row of values that the threads of a team compute, to two planes.
template <typename Team, typename Value>
__device__ Quantiser quantise_together(const Team& team, uint32_t count, int32_t levels,
                                       Value value, int8_t* low, int8_t* high) {
  uint64_t largest = 0;
#pragma unroll 1
  for (uint32_t i = team.rank(); i < count; i += Team::kThreads) {
    largest = max(largest, magnitude(value(i)));
  }
  largest = team.reduce(largest, [](uint64_t a, uint64_t b) { return a > b ? a : b; });
  const Quantiser quantiser = make_quantiser(largest, levels);
#pragma unroll 1
  for (uint32_t i = team.rank(); i < count; i += Team::kThreads) {
    split_value(quantise_value(value(i), quantiser), levels, low + i, high + i);
  }
  return quantiser;
}

template <typename Value>
__device__ Quantiser quantise_row_of(const BlockTeam& team, const QuantisedRows& rows,
                                     uint32_t count, int32_t levels, Value value) {
  const int64_t first = team.row() * rows.stride;
  return quantise_together(team, count, levels, value, rows.low + first, rows.high + first);
}

// --- products ---

constexpr uint32_t kTileVectors = 4;  // of the inputs, in shared memory at a time
constexpr uint32_t kThreadRows = kTileRows * kTileOutputs / kThreadsOfItems;
static_assert(kTileOutputs * kTileVectors == kThreadsOfItems, "each thread loads one of weights");
static_assert(2 * kTileRows * kTileVectors == kThreadsOfItems, "each thread loads one of rows");

// One more vector in a row of weights, so that threads of adjacent outputs read different banks.
struct MatrixTile {
  uint4 weights[kTileOutputs][kTileVectors + 1];
  uint4 planes[2][kTileRows][kTileVectors];  // low and high
};

// Sums over at most kMaxInputs = 2^15 products of 8-bit numbers stay below 2^29.
struct TileSums {
  int32_t low[kThreadRows];
  int32_t high[kThreadRows];
};

template <bool wide>
__device__ void add_tile(const MatrixTile& tile, uint32_t vectors_left, TileSums* sums) {
  const uint32_t output = threadIdx.x % kTileOutputs;
  const uint32_t first = threadIdx.x / kTileOutputs * kThreadRows;
  for (uint32_t v = 0; v < kTileVectors && v < vectors_left; ++v) {
    const uint4 weight = tile.weights[output][v];
#pragma unroll
    for (uint32_t r = 0; r < kThreadRows; ++r) {
      sums->low[r] = add_products(weight, tile.planes[0][first + r][v], sums->low[r]);
      if (wide) sums->high[r] = add_products(weight, tile.planes[1][first + r][v], sums->high[r]);
    }
  }
}

template <bool wide>
__device__ TileSums sum_products(const TransformerMatrixArguments& arguments, uint32_t first_row,
                                 uint32_t first_output, MatrixTile* tile) {
  const Matrix& matrix = arguments.matrix;
  const QuantisedRows& rows = arguments.quantised;
  const uint32_t at = threadIdx.x % kTileVectors;
  const uint32_t number = threadIdx.x / kTileVectors;
  // Beyond the last output or row, the last one is read again, and the sums are not used.
  const uint32_t output = min(first_output + number, matrix.outputs - 1);
  const uint32_t plane = number / kTileRows;
  const int64_t row = min(int64_t{first_row} + number % kTileRows, arguments.rows.count - 1);
  const uint4* weights = vectors(matrix.weight + static_cast<size_t>(output) * matrix.inputs);
  const uint4* inputs = vectors((plane == 0 ? rows.low : rows.high) + row * rows.stride);
  TileSums sums{};
  const uint32_t count = matrix.inputs / kVector;
  for (uint32_t v = 0; v < count; v += kTileVectors) {
    if (v + at < count) {
      tile->weights[number][at] = weights[v + at];
      if (wide || plane == 0) tile->planes[plane][number % kTileRows][at] = inputs[v + at];
    }
    __syncthreads();
    add_tile<wide>(*tile, count - v, &sums);
    __syncthreads();
  }
  return sums;
}

extern "C" __global__ void __launch_bounds__(kThreadsOfItems)
    eqinfo_transformer_matrix(TransformerMatrixArguments arguments) {
  __shared__ MatrixTile tile;
  const Matrix& matrix = arguments.matrix;
  const uint32_t tiles = (matrix.outputs + kTileOutputs - 1) / kTileOutputs;
  const uint32_t first_output = blockIdx.x % tiles * kTileOutputs;
  const uint32_t first_row = blockIdx.x / tiles * kTileRows;
  const TileSums sums = arguments.levels == kWideLevels
                            ? sum_products<true>(arguments, first_row, first_output, &tile)
                            : sum_products<false>(arguments, first_row, first_output, &tile);
  const uint32_t output = first_output + threadIdx.x % kTileOutputs;
  if (output >= matrix.outputs) return;
#pragma unroll
  for (uint32_t r = 0; r < kThreadRows; ++r) {
    const int64_t row = int64_t{first_row} + threadIdx.x / kTileOutputs * kThreadRows + r;
    if (!has_row(arguments.rows, row)) continue;
    int32_t* out = arguments.outputs + row * arguments.stride + output;
    const int32_t value = matrix_output(matrix, output, join_sums(sums.low[r], sums.high[r]),
                                        arguments.quantised.scales[row]);
    *out = arguments.adds != 0 ? limit_value(int64_t{*out} + value) : value;
  }
}

// --- rows ---

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock)
    eqinfo_transformer_embed(TransformerEmbedArguments arguments) {
  const int64_t row = blockIdx.x;
  if (!has_row(arguments.rows, row)) return;
  const Matrix& embedding = arguments.embedding;
  const uint32_t symbol = static_cast<uint32_t>(arguments.symbols[row]);
#pragma unroll 1
  for (uint32_t i = threadIdx.x; i < embedding.inputs; i += kThreadsOfBlock) {
    arguments.x[row * embedding.inputs + i] = embedded_value(embedding, symbol, i);
  }
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock)
    eqinfo_transformer_norm(TransformerNormArguments arguments) {
  __shared__ BlockMemory memory;
  const BlockTeam team{&memory};
  if (!has_row(arguments.rows, team.row())) return;
  const int32_t* x = arguments.x + team.row() * arguments.width;
  const int16_t* weight = arguments.weight;
  const Quantiser quantiser =
      quantise_row_of(team, arguments.quantised, arguments.width, arguments.levels,
                      [=](uint32_t i) { return int64_t{x[i]} * weight[i]; });
  uint64_t largest = 0;
#pragma unroll 1
  for (uint32_t i = team.rank(); i < arguments.width; i += kThreadsOfBlock) {
    largest = max(largest, magnitude(x[i]));
  }
  const uint32_t bits =
      norm_bits(team.reduce(largest, [](uint64_t a, uint64_t b) { return a > b ? a : b; }));
  uint64_t squares = 0;
#pragma unroll 1
  for (uint32_t i = team.rank(); i < arguments.width; i += kThreadsOfBlock) {
    squares += norm_square(x[i], bits);
  }
  squares = team_sum(team, squares);
  if (team.rank() == 0) {
    arguments.quantised.scales[team.row()] =
        norm_scale(quantiser, bits, squares, arguments.epsilon);
  }
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock)
    eqinfo_transformer_plain(TransformerPlainArguments arguments) {
  __shared__ BlockMemory memory;
  const BlockTeam team{&memory};
  if (!has_row(arguments.rows, team.row())) return;
  const int32_t* values = arguments.values + team.row() * arguments.stride;
  const Quantiser quantiser =
      quantise_row_of(team, arguments.quantised, arguments.width, arguments.levels,
                      [=](uint32_t i) { return int64_t{values[i]}; });
  if (team.rank() == 0) arguments.quantised.scales[team.row()] = plain_scale(quantiser);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock)
    eqinfo_transformer_gate(TransformerGateArguments arguments) {
  __shared__ BlockMemory memory;
  const BlockTeam team{&memory};
  if (!has_row(arguments.rows, team.row())) return;
  const int32_t* gates = arguments.gates + team.row() * arguments.stride;
  const int32_t* ups = arguments.ups + team.row() * arguments.stride;
  const Quantiser quantiser =
      quantise_row_of(team, arguments.quantised, arguments.units, arguments.levels,
                      [=](uint32_t i) { return gated_value(gates[i], ups[i]); });
  if (team.rank() == 0) arguments.quantised.scales[team.row()] = plain_scale(quantiser);
}

// --- attention ---

__device__ inline HeadMemory head_memory(const LaneMemory& memory, int32_t lane, uint32_t head) {
  const size_t first = (static_cast<size_t>(lane) * memory.key_heads + head) * memory.positions;
  return {memory.keys + first * memory.head_width, memory.values + first * memory.head_width,
          memory.key_largest + first, memory.value_largest + first};
}

// rotate_head; a thread rotates the same pairs wherever it is called.
template <typename Team>
__device__ void rotate_together(const Team& team, const LaneMemory& memory, int32_t position,
                                int32_t* head) {
  const uint32_t half = memory.head_width / 2;
  const size_t row = static_cast<size_t>(position) * half;
#pragma unroll 1
  for (uint32_t i = team.rank(); i < half; i += Team::kThreads) {
    rotate_pair(memory.cosine[row + i], memory.sine[row + i], head + i, head + half + i);
  }
}

// store_head.
__device__ inline uint16_t store_together(const WarpTeam& team, const int32_t* head, uint32_t width,
                                          int8_t* stored) {
  uint32_t largest = 0;
#pragma unroll 1
  for (uint32_t i = team.rank(); i < width; i += kWarpThreads) {
    largest = max(largest, static_cast<uint32_t>(magnitude(head[i])));
  }
  largest = team.reduce(largest, [](uint32_t a, uint32_t b) { return a > b ? a : b; });
  const uint16_t packed = pack_largest(largest);
  const Quantiser quantiser = make_quantiser(unpack_largest(packed), kByteLevels);
#pragma unroll 1
  for (uint32_t i = team.rank(); i < width; i += kWarpThreads) {
    stored[i] = static_cast<int8_t>(quantise_value(head[i], quantiser));
  }
  return packed;
}

extern "C" __global__ void __launch_bounds__(kThreadsOfWarps)
    eqinfo_transformer_store(TransformerStoreArguments arguments) {
  const WarpTeam team;
  const LaneMemory& memory = arguments.memory;
  const int64_t row = team.row() / memory.key_heads;
  const uint32_t head = static_cast<uint32_t>(team.row() % memory.key_heads);
  if (!has_row(arguments.rows, row)) return;
  const int32_t position = arguments.rows.positions[row];
  const HeadMemory stored = head_memory(memory, arguments.rows.lanes[row], head);
  const size_t place = static_cast<size_t>(position) * memory.head_width;
  const int64_t first = row * arguments.stride + head * memory.head_width;
  rotate_together(team, memory, position, arguments.keys + first);
  __syncwarp();  // what a thread has rotated, others store
  const uint16_t key =
      store_together(team, arguments.keys + first, memory.head_width, stored.keys + place);
  const uint16_t value =
      store_together(team, arguments.values + first, memory.head_width, stored.values + place);
  if (team.rank() == 0) {
    stored.key_largest[position] = key;
    stored.value_largest[position] = value;
  }
}

struct AttendMemory {
  BlockMemory block;
  uint4 low[kMaxHeadWidth / kVector];  // of the query
  uint4 high[kMaxHeadWidth / kVector];
  int64_t sums[kThreadsOfBlock];
};

__device__ inline int32_t score_of(const Query& query, const AttendMemory& shared,
                                   const HeadMemory& memory, uint32_t head_width,
                                   uint32_t position) {
  const uint4* key = vectors(memory.keys + static_cast<size_t>(position) * head_width);
  int32_t low = 0;
  int32_t high = 0;
  for (uint32_t v = 0; v < head_width / kVector; ++v) {
    low = add_products(key[v], shared.low[v], low);
    high = add_products(key[v], shared.high[v], high);
  }
  return key_score(query, join_sums(low, high), memory.key_largest[position]);
}

// weigh_values; a thread reads and writes only every kThreadsOfBlock-th of `scores`.
__device__ inline Quantiser weigh_together(const BlockTeam& team, int32_t top,
                                           const uint16_t* value_largest, uint32_t count,
                                           int32_t* scores, uint64_t* total) {
  uint64_t sum = 0;
  uint64_t largest = 0;
#pragma unroll 1
  for (uint32_t t = team.rank(); t < count; t += kThreadsOfBlock) {
    const uint32_t weight = logit_weight(quantise_logit(top, scores[t]));
    scores[t] = static_cast<int32_t>(weight);
    sum += weight;
    largest = max(largest, magnitude(weighted_largest(weight, value_largest[t])));
  }
  *total = team_sum(team, sum);
  largest = team.reduce(largest, [](uint64_t a, uint64_t b) { return a > b ? a : b; });
  const Quantiser quantiser = make_quantiser(largest, kWideLevels);
#pragma unroll 1
  for (uint32_t t = team.rank(); t < count; t += kThreadsOfBlock) {
    scores[t] = quantise_value(weighted_largest(static_cast<uint32_t>(scores[t]), value_largest[t]),
                               quantiser);
  }
  return quantiser;
}

// The sum of weight and value i over all positions, for i = rank below head_width.
__device__ inline int64_t sum_together(const BlockTeam& team, const HeadMemory& memory,
                                       uint32_t head_width, uint32_t count, const int32_t* weights,
                                       int64_t* sums) {
  const uint32_t groups = kThreadsOfBlock / head_width;
  const uint32_t group = team.rank() / head_width;
  const uint32_t i = team.rank() % head_width;
  int64_t sum = 0;
  if (group < groups) {
    for (uint32_t t = group; t < count; t += groups) {
      sum += weights[t] * int32_t{memory.values[static_cast<size_t>(t) * head_width + i]};
    }
  }
  sums[team.rank()] = sum;
  __syncthreads();
  for (uint32_t g = 1; g < groups && team.rank() < head_width; ++g) {
    sum += sums[g * head_width + i];
  }
  return sum;
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock)
    eqinfo_transformer_attend(TransformerAttendArguments arguments) {
  __shared__ AttendMemory shared;
  const BlockTeam team{&shared.block};
  const LaneMemory& memory = arguments.memory;
  const int64_t row = team.row() / arguments.heads;
  const uint32_t head = static_cast<uint32_t>(team.row() % arguments.heads);
  if (!has_row(arguments.rows, row)) return;
  const uint32_t head_width = memory.head_width;
  const int32_t position = arguments.rows.positions[row];
  const uint32_t count = static_cast<uint32_t>(position) + 1;
  const HeadMemory stored =
      head_memory(memory, arguments.rows.lanes[row], head / (arguments.heads / memory.key_heads));
  int32_t* values = arguments.queries + row * arguments.stride + head * head_width;
  int32_t* scores = arguments.scores + team.row() * memory.positions;
  rotate_together(team, memory, position, values);
  __syncthreads();
  const Quantiser quantiser = quantise_together(
      team, head_width, kWideLevels, [=](uint32_t i) { return int64_t{values[i]}; },
      reinterpret_cast<int8_t*>(shared.low), reinterpret_cast<int8_t*>(shared.high));
  __syncthreads();
  const Query query =
      make_query(arguments.score_scale, arguments.score_exponent, nullptr, quantiser);
  int32_t top = -kValueLimit;
#pragma unroll 1
  for (uint32_t t = team.rank(); t < count; t += kThreadsOfBlock) {
    scores[t] = score_of(query, shared, stored, head_width, t);
    top = max(top, scores[t]);
  }
  top = team.reduce(top, [](int32_t a, int32_t b) { return a > b ? a : b; });
  uint64_t total = 0;
  const Quantiser weights = weigh_together(team, top, stored.value_largest, count, scores, &total);
  __syncthreads();
  const int64_t sum = sum_together(team, stored, head_width, count, scores, shared.sums);
  if (team.rank() < head_width) {
    values[team.rank()] = attention_output(sum, attention_scale(weights, total));
  }
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
