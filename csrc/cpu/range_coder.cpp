#include "range_coder.h"

#include <algorithm>

#include "cpu/dispatch.h"
#include "cpu/frequency_loops.h"
#include "cpu/range_coder_loops.h"

namespace eqinfo {
namespace {

// Calls code(begin, end) for parts of `count` symbols, with a check between them.
template <typename Code>
void in_parts(int64_t count, Stop* stop, const Code& code) {
  constexpr int64_t kPart = 1 << 16;
  for (int64_t begin = 0; begin < count; begin += kPart) {
    code(begin, std::min(count, begin + kPart));
    if (stop != nullptr) stop->check();
  }
}

}  // namespace

void range_encode_intervals(RangeEncoder* encoder, WordSink* sink, const Interval* intervals,
                            int64_t count, uint32_t precision) {
  RangeEncoder state = *encoder;
  for (int64_t i = 0; i < count; ++i) range_encode(&state, intervals[i], precision, sink);
  *encoder = state;
}

Result range_peek_lanes(const RangeDecoder* decoders, const int64_t* lanes, const Rows& rows,
                        uint32_t* scratch, int32_t* symbols, Interval* intervals, Stop* stop) {
  const FrequencyKernels& kernels = frequency_kernels();
  return for_each_row(rows, scratch, stop, [&](int64_t row, const uint32_t* frequencies) {
    const uint32_t target = range_target(decoders[lanes[row]], rows.precision);
    symbols[row] =
        static_cast<int32_t>(kernels.locate(frequencies, rows.alphabet, target, &intervals[row]));
  });
}

Result range_decode_rows(RangeDecoder* decoder, ByteSource* source, const Rows& rows,
                         uint32_t* scratch, int32_t* symbols, Stop* stop) {
  const FrequencyKernels& kernels = frequency_kernels();
  RangeDecoder state = *decoder;
  ByteSource input = *source;
  const Result result =
      for_each_row(rows, scratch, stop, [&](int64_t row, const uint32_t* frequencies) {
        Interval interval;
        const uint32_t target = range_target(state, rows.precision);
        symbols[row] =
            static_cast<int32_t>(kernels.locate(frequencies, rows.alphabet, target, &interval));
        range_advance(&state, interval, rows.precision, &input);
      });
  if (result.status != Status::ok) return result;
  *decoder = state;
  *source = input;
  return {};
}

template <typename Symbol>
void range_encode_static(RangeEncoder* encoder, WordSink* sink, const uint32_t* starts,
                         uint32_t precision, const Symbol* symbols, int64_t count) {
  RangeEncoder state = *encoder;
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t start = starts[symbols[i]];
    range_encode(&state, {start, starts[symbols[i] + 1] - start}, precision, sink);
  }
  *encoder = state;
}

void static_buckets(const uint32_t* starts, uint32_t alphabet, uint32_t precision,
                    uint32_t* buckets) {
  uint32_t symbol = 0;
  for (uint32_t bucket = 0; bucket <= 1u << kBucketBits; ++bucket) {
    const uint64_t first = (static_cast<uint64_t>(bucket) << precision) >> kBucketBits;
    while (symbol + 1 < alphabet && starts[symbol + 1] <= first) ++symbol;
    buckets[bucket] = symbol;
  }
}

template <typename Symbol>
void range_decode_static(RangeDecoder* decoder, ByteSource* source, const uint32_t* starts,
                         uint32_t precision, const uint32_t* buckets, Symbol* symbols,
                         int64_t count, Stop* stop) {
  RangeDecoder state = *decoder;
  in_parts(count, stop, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint32_t target = range_target(state, precision);
      uint32_t symbol = buckets[(static_cast<uint64_t>(target) << kBucketBits) >> precision];
      while (starts[symbol + 1] <= target) ++symbol;
      symbols[i] = static_cast<Symbol>(symbol);
      const uint32_t start = starts[symbol];
      range_advance(&state, {start, starts[symbol + 1] - start}, precision, source);
    }
  });
  *decoder = state;
}

template void range_encode_static(RangeEncoder*, WordSink*, const uint32_t*, uint32_t,
                                  const int32_t*, int64_t);
template void range_decode_static(RangeDecoder*, ByteSource*, const uint32_t*, uint32_t,
                                  const uint32_t*, int32_t*, int64_t, Stop*);

void range_encode_counted(RangeEncoder* encoder, WordSink* sink, IdCounts* all, uint32_t* starts,
                          const uint16_t* ids, int64_t count) {
  counted_starts(*all, starts);
  range_encode_static(encoder, sink, starts, kCountedPrecision, ids, count);
  for (int64_t i = 0; i < count; ++i) count_id(all, ids[i]);
}

void range_decode_counted(RangeDecoder* decoder, ByteSource* source, IdCounts* all,
                          uint32_t* starts, uint32_t* buckets, uint16_t* ids, int64_t count) {
  counted_starts(*all, starts);
  static_buckets(starts, all->ids, kCountedPrecision, buckets);
  range_decode_static(decoder, source, starts, kCountedPrecision, buckets, ids, count);
  for (int64_t i = 0; i < count; ++i) count_id(all, ids[i]);
}

}  // namespace eqinfo
