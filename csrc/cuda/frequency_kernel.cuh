// Frequency rule 1 with one team of threads per row. The logits are read three times, from cache
// after the first: for the largest one, for the sum of weights, and for the frequencies.
#pragma once

#include "cuda/team.cuh"
#include "half.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// The logits that rule 1 takes: floats, and integers that enter it at its third step.
template <typename Logit>
__device__ float to_logit(Logit logit) {
  return to_float(logit);
}
__device__ inline int32_t to_logit(int32_t logit) { return logit; }

__device__ inline void set_lowest(float* logit) {
  *logit = -std::numeric_limits<float>::infinity();
}
__device__ inline void set_lowest(int32_t* logit) { *logit = std::numeric_limits<int32_t>::min(); }

__device__ inline Status row_status(float largest, bool has_nan) {
  return logit_status(largest, has_nan);
}
__device__ inline Status row_status(int32_t, bool) { return Status::ok; }

// What the frequencies of a row depend on, besides the logit of each symbol.
template <typename Value>
struct LogitScale {
  Status status;
  Value largest;
  uint32_t most_probable;  // the first symbol with a quantised logit of 0; it gets what is left
  Reciprocal reciprocal;

  EQINFO_HD uint32_t quantised(Value logit) const { return quantise_logit(largest, logit); }
  // Without what is left of 2^precision, which goes to the most probable symbol.
  EQINFO_HD uint32_t frequency(Value logit) const {
    return 1 + scale_weight(logit_weight(quantised(logit)), reciprocal);
  }
};

template <typename Team, typename Logit>
__device__ auto scan_row(const Team& team, const Logit* logits, uint32_t alphabet,
                         uint32_t precision) {
  using Value = decltype(to_logit(*logits));
  Value largest{};
  set_lowest(&largest);
  uint32_t has_nan = 0;
  for (uint32_t i = team.rank(); i < alphabet; i += Team::kThreads) {
    const Value logit = to_logit(logits[i]);
    has_nan |= logit != logit;
    largest = logit > largest ? logit : largest;
  }
  has_nan = team.reduce(has_nan, [](uint32_t a, uint32_t b) { return a | b; });
  largest = team.reduce(largest, [](Value a, Value b) { return a > b ? a : b; });
  LogitScale<Value> scale{row_status(largest, has_nan != 0), largest, alphabet, {}};
  if (scale.status != Status::ok) return scale;

  uint64_t sum = 0;
  for (uint32_t i = team.rank(); i < alphabet; i += Team::kThreads) {
    const uint32_t quantised = scale.quantised(to_logit(logits[i]));
    if (quantised == 0 && i < scale.most_probable) scale.most_probable = i;
    sum += logit_weight(quantised);
  }
  scale.most_probable =
      team.reduce(scale.most_probable, [](uint32_t a, uint32_t b) { return a < b ? a : b; });
  scale.reciprocal = make_reciprocal(team_sum(team, sum), alphabet, precision);
  return scale;
}

template <typename Team, typename Logit>
__device__ Status write_frequencies(const Team& team, const Logit* __restrict__ logits,
                                    uint32_t alphabet, uint32_t precision,
                                    uint32_t* __restrict__ frequencies) {
  const auto scale = scan_row(team, logits, alphabet, precision);
  if (scale.status != Status::ok) return scale.status;
  uint32_t total = 0;
#pragma unroll 4  // so that loads overlap
  for (uint32_t i = team.rank(); i < alphabet; i += Team::kThreads) {
    const uint32_t frequency = scale.frequency(to_logit(logits[i]));
    frequencies[i] = frequency;
    total += frequency;
  }
  total = team_sum(team, total);
  // Done by the thread that wrote it.
  if (scale.most_probable % Team::kThreads == team.rank()) {
    frequencies[scale.most_probable] += (uint32_t{1} << precision) - total;
  }
  return Status::ok;
}

template <typename Team, typename Logit>
__device__ Status find_interval(const Team& team, const Logit* logits, uint32_t alphabet,
                                uint32_t precision, uint32_t symbol, Interval* interval) {
  const auto scale = scan_row(team, logits, alphabet, precision);
  if (scale.status != Status::ok) return scale.status;
  uint32_t total = 0;
  uint32_t start = 0;
  for (uint32_t i = team.rank(); i < alphabet; i += Team::kThreads) {
    const uint32_t frequency = scale.frequency(to_logit(logits[i]));
    total += frequency;
    start += i < symbol ? frequency : 0;
  }
  const uint32_t left = (uint32_t{1} << precision) - team_sum(team, total);
  *interval = {team_sum(team, start), scale.frequency(to_logit(logits[symbol]))};
  if (scale.most_probable < symbol) interval->start += left;
  if (scale.most_probable == symbol) interval->frequency += left;
  return Status::ok;
}

// Calls `visit` with a pointer of the right type to the logits of a row.
template <typename Visit>
__device__ Status visit_logits(const LogitRows& rows, int64_t row, Visit visit) {
  const int64_t first = row * rows.stride;
  switch (rows.type) {
    case LogitType::float32:
      return visit(static_cast<const float*>(rows.logits) + first);
    case LogitType::int32:
      return visit(static_cast<const int32_t*>(rows.logits) + first);
    case LogitType::float16:
      return visit(static_cast<const Float16*>(rows.logits) + first);
    default:
      return visit(static_cast<const BFloat16*>(rows.logits) + first);
  }
}

template <typename Team>
__device__ void frequency_rows(const Team& team, const FrequencyRowsArguments& arguments) {
  const LogitRows& rows = arguments.rows;
  const int64_t row = team.row();
  if (row >= rows.count) return;
  const Status status = visit_logits(rows, row, [&](const auto* logits) {
    return write_frequencies(team, logits, rows.alphabet, rows.precision,
                             arguments.frequencies + row * rows.alphabet);
  });
  if (team.rank() == 0) arguments.status[row] = static_cast<int32_t>(status);
}

template <typename Team>
__device__ void frequency_intervals(const Team& team,
                                    const FrequencyIntervalsArguments& arguments) {
  const LogitRows& rows = arguments.rows;
  const int64_t row = team.row();
  if (row >= rows.count) return;
  Interval interval{0, 0};
  Status status = Status::ok;
  const int32_t symbol = arguments.symbols[row];
  if (symbol != kNoSymbol) {
    status = Status::symbol_out_of_range;
    if (symbol >= 0 && static_cast<uint32_t>(symbol) < rows.alphabet) {
      status = visit_logits(rows, row, [&](const auto* logits) {
        return find_interval(team, logits, rows.alphabet, rows.precision,
                             static_cast<uint32_t>(symbol), &interval);
      });
    }
  }
  if (team.rank() != 0) return;
  arguments.intervals[row] = interval;
  arguments.status[row] = static_cast<int32_t>(status);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfWarps, 1)
    eqinfo_frequency_rows_warp(FrequencyRowsArguments arguments) {
  frequency_rows(WarpTeam{}, arguments);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock, 1)
    eqinfo_frequency_rows_block(FrequencyRowsArguments arguments) {
  __shared__ BlockMemory memory;
  frequency_rows(BlockTeam{&memory}, arguments);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfWarps, 1)
    eqinfo_frequency_intervals_warp(FrequencyIntervalsArguments arguments) {
  frequency_intervals(WarpTeam{}, arguments);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock, 1)
    eqinfo_frequency_intervals_block(FrequencyIntervalsArguments arguments) {
  __shared__ BlockMemory memory;
  frequency_intervals(BlockTeam{&memory}, arguments);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
