// Threads that share a row: a warp or a block. All of them call every function together, with the
// same arguments unless noted, and all get the result.
#pragma once

#include <cstring>

#include "cuda/kernels.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kAllLanes = 0xffffffffu;
constexpr uint32_t kWarpsOfBlock = kThreadsOfBlock / kWarpThreads;

struct WarpTeam {
  static constexpr uint32_t kThreads = kWarpThreads;

  __device__ uint32_t rank() const { return threadIdx.x % kWarpThreads; }
  __device__ int64_t row() const {
    return (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / kWarpThreads;
  }

  // Folds the `value` of every thread with an associative and commutative operation.
  template <typename T, typename Fold>
  __device__ T reduce(T value, Fold fold) const {
    for (uint32_t distance = kWarpThreads / 2; distance > 0; distance /= 2) {
      value = fold(value, __shfl_xor_sync(kAllLanes, value, distance));
    }
    return value;
  }

  // The value of thread 0.
  template <typename T>
  __device__ T broadcast(T value) const {
    static_assert(sizeof(T) % sizeof(uint64_t) == 0, "whole words");
    uint64_t words[sizeof(T) / sizeof(uint64_t)];
    memcpy(words, &value, sizeof value);
#pragma unroll
    for (uint64_t& word : words) word = __shfl_sync(kAllLanes, word, 0);
    memcpy(&value, words, sizeof value);
    return value;
  }
};

struct BlockMemory {
  uint64_t folds[kWarpsOfBlock];
  uint64_t message[16];
};

struct BlockTeam {
  static constexpr uint32_t kThreads = kThreadsOfBlock;
  BlockMemory* memory;

  __device__ uint32_t rank() const { return threadIdx.x; }
  __device__ uint32_t warp() const { return threadIdx.x / kWarpThreads; }
  __device__ int64_t row() const { return blockIdx.x; }

  template <typename T, typename Fold>
  __device__ T reduce(T value, Fold fold) const {
    value = WarpTeam{}.reduce(value, fold);
    share(value);
    T folded = of_warp<T>(0);
    for (uint32_t i = 1; i < kWarpsOfBlock; ++i) folded = fold(folded, of_warp<T>(i));
    __syncthreads();  // before the memory is used again
    return folded;
  }

  template <typename T>
  __device__ T broadcast(T value) const {
    static_assert(sizeof(T) <= sizeof memory->message, "fits");
    if (rank() == 0) memcpy(memory->message, &value, sizeof value);
    __syncthreads();
    memcpy(&value, memory->message, sizeof value);
    __syncthreads();
    return value;
  }

  // Makes the value that each warp agrees on readable by of_warp, until the next __syncthreads.
  template <typename T>
  __device__ void share(T value) const {
    static_assert(sizeof(T) <= sizeof(uint64_t), "fits");
    if (rank() % kWarpThreads == 0) memcpy(&memory->folds[warp()], &value, sizeof value);
    __syncthreads();
  }
  template <typename T>
  __device__ T of_warp(uint32_t warp) const {
    T value;
    memcpy(&value, &memory->folds[warp], sizeof value);
    return value;
  }
};

template <typename Team, typename T>
__device__ T team_sum(const Team& team, T value) {
  return team.reduce(value, [](T a, T b) { return a + b; });
}

// The sum of `value` over all earlier threads of a block; *total is the sum over all threads.
template <typename T>
__device__ T sum_of_earlier(const BlockTeam& team, T value, T* total) {
  const uint32_t lane = threadIdx.x % kWarpThreads;
  T upto = value;
  for (uint32_t distance = 1; distance < kWarpThreads; distance *= 2) {
    const T lower = __shfl_up_sync(kAllLanes, upto, distance);
    if (lane >= distance) upto += lower;
  }
  team.share(__shfl_sync(kAllLanes, upto, kWarpThreads - 1));
  T before = 0;
  *total = 0;
  for (uint32_t warp = 0; warp < kWarpsOfBlock; ++warp) {
    if (warp == team.warp()) before = *total;
    *total += team.of_warp<T>(warp);
  }
  __syncthreads();
  return before + upto - value;
}

// A symbol of a row, and the sum of measure(frequency) over the symbols before it.
template <typename Sum>
struct Place {
  Sum before;
  uint32_t symbol;
  uint32_t found;
};

// One warp finds the first symbol in [begin, end) for which beyond(sum up to and including it)
// holds; `before` is the sum up to `begin`.
template <typename Sum, typename Measure, typename Beyond>
__device__ Place<Sum> first_in_warp(const uint32_t* frequencies, uint32_t begin, uint32_t end,
                                    Sum before, Measure measure, Beyond beyond) {
  const uint32_t lane = threadIdx.x % kWarpThreads;
  for (uint32_t tile = begin; tile < end; tile += kWarpThreads) {
    const uint32_t symbol = tile + lane;
    const Sum own = symbol < end ? static_cast<Sum>(measure(frequencies[symbol])) : Sum{0};
    Sum upto = own;
    for (uint32_t distance = 1; distance < kWarpThreads; distance *= 2) {
      const Sum lower = __shfl_up_sync(kAllLanes, upto, distance);
      if (lane >= distance) upto += lower;
    }
    upto += before;
    const uint32_t hits = __ballot_sync(kAllLanes, symbol < end && beyond(upto));
    if (hits != 0) {
      const uint32_t first = bit_width(hits & (0u - hits)) - 1;
      return {__shfl_sync(kAllLanes, upto - own, first), tile + first, 1};
    }
    before = __shfl_sync(kAllLanes, upto, kWarpThreads - 1);
  }
  return {before, end, 0};
}

__device__ inline uint32_t first_symbol_of(uint32_t warp, uint32_t alphabet) {
  return static_cast<uint32_t>(uint64_t{alphabet} * warp / kWarpsOfBlock);
}

template <typename Sum, typename Measure, typename Beyond>
__device__ Place<Sum> first_in_row(const WarpTeam&, const uint32_t* frequencies, uint32_t alphabet,
                                   Measure measure, Beyond beyond) {
  return first_in_warp(frequencies, 0, alphabet, Sum{0}, measure, beyond);
}

// Every warp sums a part of the row; the warp whose part contains the symbol searches it.
template <typename Sum, typename Measure, typename Beyond>
__device__ Place<Sum> first_in_row(const BlockTeam& team, const uint32_t* frequencies,
                                   uint32_t alphabet, Measure measure, Beyond beyond) {
  const uint32_t begin = first_symbol_of(team.warp(), alphabet);
  const uint32_t end = first_symbol_of(team.warp() + 1, alphabet);
  Sum sum = 0;
  for (uint32_t i = begin + threadIdx.x % kWarpThreads; i < end; i += kWarpThreads) {
    sum += static_cast<Sum>(measure(frequencies[i]));
  }
  team.share(team_sum(WarpTeam{}, sum));
  uint32_t warp = 0;
  Sum before = 0;
  for (; warp + 1 < kWarpsOfBlock; ++warp) {
    const Sum next = before + team.of_warp<Sum>(warp);
    if (beyond(next)) break;
    before = next;
  }
  Place<Sum> place{};
  if (team.warp() == warp) {
    place = first_in_warp(frequencies, begin, end, before, measure, beyond);
    if (threadIdx.x % kWarpThreads == 0) {
      memcpy(team.memory->message, &place, sizeof place);
    }
  }
  __syncthreads();
  memcpy(&place, team.memory->message, sizeof place);
  __syncthreads();
  return place;
}

// A row of frequencies that a team reads together, with the functions of SerialRow.
template <typename Team>
struct TeamRow {
  const Team& team;
  const uint32_t* frequencies;
  uint32_t alphabet;

  __device__ uint32_t operator[](uint32_t symbol) const { return frequencies[symbol]; }

  template <typename Sum, typename Measure>
  __device__ Sum sum(uint32_t end, Measure measure) const {
    Sum total = 0;
    for (uint32_t i = team.rank(); i < end; i += Team::kThreads) {
      total += static_cast<Sum>(measure(frequencies[i]));
    }
    return team_sum(team, total);
  }

  template <typename Sum, typename Measure, typename Beyond>
  __device__ uint32_t first(Measure measure, Beyond beyond, Sum* before) const {
    const Place<Sum> place = first_in_row<Sum>(team, frequencies, alphabet, measure, beyond);
    if (place.found) {
      *before = place.before;
      return place.symbol;
    }
    *before = place.before - static_cast<Sum>(measure(frequencies[alphabet - 1]));
    return alphabet - 1;
  }
};

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
