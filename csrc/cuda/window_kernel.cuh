// One step of equal-info windows on every lane, including resets and changes of document, so that
// the host can queue steps without inspecting them. Only thread 0 of a team reads and writes the
// state of the lane.
#pragma once

#include "cuda/team.cuh"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// What a step does on a lane; thread 0 broadcasts it to the others.
struct WindowTask {
  uint64_t window[kWindowWords];
  uint64_t codeword[2];  // to decode
  int32_t symbol;        // to encode
  uint32_t wanted;       // 0: the lane has no work, or its row is faulty
  uint64_t reset_after;  // whether the model is reset if the window closes
};

__device__ inline void end_work(const WindowStep& step, int64_t lane, const int64_t* offsets) {
  const int64_t next = step.next[step.work[lane]];
  step.work[lane] = next;
  if (next != kNoWork) step.positions[lane] = offsets[next];
  store_window(empty_window(step.window_bits), step.windows + lane * kWindowWords);
  step.previous[lane] = kFresh;
}

__device__ inline void fail_work(const WindowStep& step, int64_t lane, const int64_t* offsets,
                                 int32_t status) {
  const int64_t work = step.work[lane];
  step.status[work] = status;
  step.fault_offsets[work] = step.positions[lane] - offsets[work];
  end_work(step, lane, offsets);
}

__device__ inline void write_codeword(const WindowEncodeArguments& arguments, int64_t document,
                                      const Window& window) {
  const int64_t row = arguments.offsets[document] + arguments.counts[document]++;
  store_codeword(window.base, arguments.codewords + 2 * row);
}

__device__ inline WindowTask encode_task(const WindowEncodeArguments& arguments, int64_t lane) {
  const WindowStep& step = arguments.step;
  WindowTask task{};
  if (step.work[lane] == kNoWork) return task;
  int32_t status = step.row_status[lane];
  task.symbol = arguments.symbols[step.positions[lane]];
  if (task.symbol < 0 || static_cast<uint32_t>(task.symbol) >= step.alphabet) {
    status = static_cast<int32_t>(Status::symbol_out_of_range);
  }
  if (status != static_cast<int32_t>(Status::ok)) {
    fail_work(step, lane, arguments.offsets, status);
    arguments.since_reset[lane] = 0;
    return task;
  }
  store_window(load_window(step.windows + lane * kWindowWords), task.window);
  task.reset_after =
      arguments.reset_every != 0 && arguments.since_reset[lane] + 1 >= arguments.reset_every;
  task.wanted = 1;
  return task;
}

// Closes the window before the step. The symbol begins the next window: in this step or, where the
// model is reset, with its next prediction.
__device__ inline void close_window(const WindowEncodeArguments& arguments, int64_t lane,
                                    const WindowTask& task) {
  const WindowStep& step = arguments.step;
  write_codeword(arguments, step.work[lane], load_window(task.window));
  ++arguments.since_reset[lane];
  if (task.reset_after == 0) return;
  arguments.since_reset[lane] = 0;
  step.previous[lane] = kFresh;
  store_window(empty_window(step.window_bits), step.windows + lane * kWindowWords);
}

// The symbol is part of `window`.
__device__ inline void take_symbol(const WindowEncodeArguments& arguments, int64_t lane,
                                   const Window& window, int32_t symbol) {
  const WindowStep& step = arguments.step;
  const int64_t document = step.work[lane];
  if (++step.positions[lane] < arguments.offsets[document + 1]) {
    store_window(window, step.windows + lane * kWindowWords);
    step.previous[lane] = symbol;
    return;
  }
  write_codeword(arguments, document, window);
  arguments.since_reset[lane] = 0;
  end_work(step, lane, arguments.offsets);
}

template <typename Team>
__device__ void window_encode_step(const Team& team, const WindowEncodeArguments& arguments) {
  const WindowStep& step = arguments.step;
  const int64_t lane = team.row();
  if (lane >= step.lanes) return;
  WindowTask task{};
  if (team.rank() == 0) task = encode_task(arguments, lane);
  task = team.broadcast(task);
  if (task.wanted == 0) return;
  const TeamRow<Team> row{team, step.frequencies + lane * step.alphabet, step.alphabet};
  const uint32_t symbol = static_cast<uint32_t>(task.symbol);
  Window window = load_window(task.window);
  const bool fits = window_encode(&window, row, step.precision, symbol);
  if (!fits && task.reset_after == 0) {
    // Without a reset the prediction stands, and every symbol fits an empty window.
    window = empty_window(step.window_bits);
    window_encode(&window, row, step.precision, symbol);
  }
  if (team.rank() != 0) return;
  if (!fits) close_window(arguments, lane, task);
  if (fits || task.reset_after == 0) take_symbol(arguments, lane, window, task.symbol);
}

__device__ inline WindowTask decode_task(const WindowDecodeArguments& arguments, int64_t lane) {
  const WindowStep& step = arguments.step;
  arguments.symbols[lane] = kNoSymbol;
  WindowTask task{};
  if (step.work[lane] == kNoWork) return task;
  const Window window = load_window(step.windows + lane * kWindowWords);
  const uint128 codeword = load_codeword(arguments.codewords + 2 * step.positions[lane]);
  int32_t status = step.row_status[lane];
  if (codeword == window.base || !window_owns(window, codeword)) {
    status = static_cast<int32_t>(Status::corrupt_stream);
  }
  if (status != static_cast<int32_t>(Status::ok)) {
    fail_work(step, lane, arguments.offsets, status);
    return task;
  }
  store_window(window, task.window);
  store_codeword(codeword, task.codeword);
  task.wanted = 1;
  return task;
}

template <typename Team>
__device__ void window_decode_step(const Team& team, const WindowDecodeArguments& arguments) {
  const WindowStep& step = arguments.step;
  const int64_t lane = team.row();
  if (lane >= step.lanes) return;
  WindowTask task{};
  if (team.rank() == 0) task = decode_task(arguments, lane);
  task = team.broadcast(task);
  if (task.wanted == 0) return;
  const TeamRow<Team> row{team, step.frequencies + lane * step.alphabet, step.alphabet};
  Window window = load_window(task.window);
  const uint128 codeword = load_codeword(task.codeword);
  const int32_t symbol =
      static_cast<int32_t>(window_decode(&window, row, step.precision, codeword));
  if (team.rank() != 0) return;
  const int64_t segment = step.work[lane];
  arguments.symbols[lane] = symbol;
  arguments.symbol_work[lane] = segment;
  step.previous[lane] = symbol;
  if (window.base == codeword) {
    window = empty_window(step.window_bits);
    ++step.positions[lane];
  }
  store_window(window, step.windows + lane * kWindowWords);
  if (step.positions[lane] == arguments.offsets[segment + 1]) {
    end_work(step, lane, arguments.offsets);
  }
}

extern "C" __global__ void __launch_bounds__(kThreadsOfWarps, 1)
    eqinfo_window_encode_warp(WindowEncodeArguments arguments) {
  window_encode_step(WarpTeam{}, arguments);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock, 1)
    eqinfo_window_encode_block(WindowEncodeArguments arguments) {
  __shared__ BlockMemory memory;
  window_encode_step(BlockTeam{&memory}, arguments);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfWarps, 1)
    eqinfo_window_decode_warp(WindowDecodeArguments arguments) {
  window_decode_step(WarpTeam{}, arguments);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock, 1)
    eqinfo_window_decode_block(WindowDecodeArguments arguments) {
  __shared__ BlockMemory memory;
  window_decode_step(BlockTeam{&memory}, arguments);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
