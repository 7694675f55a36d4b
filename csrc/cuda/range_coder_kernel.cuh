// Range coder: encoding has one stream per thread, with known intervals; decoding has one stream
// per team, which searches a row of frequencies together. Only thread 0 of a team reads and writes
// the state of the stream.
#pragma once

#include "cuda/team.cuh"

namespace eqinfo {
inline namespace EQINFO_TARGET {

__device__ inline int64_t global_thread() { return int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }

__device__ inline ByteSource stream_of(const RangeStreams& streams, int64_t lane) {
  const int64_t begin = streams.offsets[lane];
  return {streams.bytes + begin, streams.offsets[lane + 1] - begin, streams.positions[lane]};
}

extern "C" __global__ void __launch_bounds__(kThreadsOfItems, 1)
    eqinfo_range_encode(RangeEncodeArguments arguments) {
  const int64_t lane = global_thread();
  if (lane >= arguments.lanes) return;
  RangeEncoder encoder = arguments.encoders[lane];
  WordSink sink{arguments.words + lane * arguments.capacity, arguments.counts[lane]};
  const Interval* interval = arguments.intervals + lane;
  for (int64_t step = 0; step < arguments.steps; ++step, interval += arguments.lanes) {
    if (interval->frequency != 0) range_encode(&encoder, *interval, arguments.precision, &sink);
  }
  arguments.encoders[lane] = encoder;
  arguments.counts[lane] = sink.count;
}

extern "C" __global__ void __launch_bounds__(kThreadsOfItems, 1)
    eqinfo_range_finish(RangeFinishArguments arguments) {
  const int64_t lane = global_thread();
  if (lane >= arguments.lanes) return;
  WordSink sink{arguments.words + lane * arguments.capacity, arguments.counts[lane]};
  arguments.bits[lane] = range_finish(arguments.encoders[lane], &sink);
  arguments.encoders[lane] = RangeEncoder{};
  arguments.counts[lane] = sink.count;
}

extern "C" __global__ void __launch_bounds__(kThreadsOfItems, 1)
    eqinfo_range_start(RangeStartArguments arguments) {
  const RangeStreams& streams = arguments.streams;
  const int64_t lane = global_thread();
  if (lane >= streams.lanes) return;
  ByteSource source = stream_of(streams, lane);
  source.position = 0;
  RangeDecoder decoder;
  range_start(&decoder, &source);
  streams.decoders[lane] = decoder;
  streams.positions[lane] = source.position;
  const Status status = range_code_valid(decoder) ? Status::ok : Status::corrupt_stream;
  arguments.status[lane] = static_cast<int32_t>(status);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfItems, 1)
    eqinfo_range_end(RangeEndArguments arguments) {
  const RangeStreams& streams = arguments.streams;
  const int64_t lane = global_thread();
  if (lane >= streams.lanes) return;
  arguments.bits[lane] = range_stream_bits(streams.decoders[lane], stream_of(streams, lane));
}

template <typename Team>
__device__ void range_decode_step(const Team& team, const RangeDecodeArguments& arguments) {
  const RangeStreams& streams = arguments.streams;
  const int64_t lane = team.row();
  if (lane >= streams.lanes) return;
  struct Task {
    uint32_t target;
    uint32_t wanted;
  };
  Task task{0, 0};
  RangeDecoder decoder;
  if (team.rank() == 0) {
    task.wanted =
        arguments.remaining[lane] > 0 && arguments.status[lane] == static_cast<int32_t>(Status::ok);
    decoder = streams.decoders[lane];
    if (task.wanted) task.target = range_target(decoder, arguments.precision);
  }
  task = team.broadcast(task);
  int32_t symbol = kNoSymbol;
  Interval interval{0, 0};
  if (task.wanted) {
    const TeamRow<Team> row{team, arguments.frequencies + lane * arguments.alphabet,
                            arguments.alphabet};
    symbol = static_cast<int32_t>(locate_symbol(row, task.target, &interval));
  }
  if (team.rank() != 0) return;
  arguments.symbols[lane] = symbol;
  if (!task.wanted) return;
  ByteSource source = stream_of(streams, lane);
  range_advance(&decoder, interval, arguments.precision, &source);
  streams.decoders[lane] = decoder;
  streams.positions[lane] = source.position;
  --arguments.remaining[lane];
}

extern "C" __global__ void __launch_bounds__(kThreadsOfWarps, 1)
    eqinfo_range_decode_warp(RangeDecodeArguments arguments) {
  range_decode_step(WarpTeam{}, arguments);
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock, 1)
    eqinfo_range_decode_block(RangeDecodeArguments arguments) {
  __shared__ BlockMemory memory;
  range_decode_step(BlockTeam{&memory}, arguments);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
