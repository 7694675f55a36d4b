#include "range_coder.h"

#include "cpu/dispatch.h"
#include "cpu/frequency_loops.h"
#include "cpu/range_coder_loops.h"

namespace eqinfo {

void range_encode_intervals(RangeEncoder* encoder, WordSink* sink, const Interval* intervals,
                            int64_t count, uint32_t precision) {
  RangeEncoder state = *encoder;
  for (int64_t i = 0; i < count; ++i) range_encode(&state, intervals[i], precision, sink);
  *encoder = state;
}

Result range_peek_lanes(const RangeDecoder* decoders, const int64_t* lanes, const Rows& rows,
                        uint32_t* scratch, int32_t* symbols, Interval* intervals) {
  const FrequencyKernels& kernels = frequency_kernels();
  return for_each_row(rows, scratch, [&](int64_t row, const uint32_t* frequencies) {
    const uint32_t target = range_target(decoders[lanes[row]], rows.precision);
    symbols[row] =
        static_cast<int32_t>(kernels.locate(frequencies, rows.alphabet, target, &intervals[row]));
  });
}

Result range_decode_rows(RangeDecoder* decoder, ByteSource* source, const Rows& rows,
                         uint32_t* scratch, int32_t* symbols) {
  const FrequencyKernels& kernels = frequency_kernels();
  RangeDecoder state = *decoder;
  ByteSource input = *source;
  const Result result = for_each_row(rows, scratch, [&](int64_t row, const uint32_t* frequencies) {
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
Result range_encode_static(RangeEncoder* encoder, WordSink* sink, const uint32_t* starts,
                           uint32_t alphabet, uint32_t precision, const Symbol* symbols,
                           int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    // A negative symbol becomes a large one.
    if (static_cast<uint32_t>(symbols[i]) >= alphabet) {
      return {Status::symbol_out_of_range, i};
    }
  }
  RangeEncoder state = *encoder;
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t start = starts[symbols[i]];
    range_encode(&state, {start, starts[symbols[i] + 1] - start}, precision, sink);
  }
  *encoder = state;
  return {};
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
                         int64_t count) {
  RangeDecoder state = *decoder;
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t target = range_target(state, precision);
    uint32_t symbol = buckets[(static_cast<uint64_t>(target) << kBucketBits) >> precision];
    while (starts[symbol + 1] <= target) ++symbol;
    symbols[i] = static_cast<Symbol>(symbol);
    range_advance(&state, {starts[symbol], starts[symbol + 1] - starts[symbol]}, precision, source);
  }
  *decoder = state;
}

template Result range_encode_static(RangeEncoder*, WordSink*, const uint32_t*, uint32_t, uint32_t,
                                    const int32_t*, int64_t);
template void range_decode_static(RangeDecoder*, ByteSource*, const uint32_t*, uint32_t,
                                  const uint32_t*, int32_t*, int64_t);

Result range_encode_counted(RangeEncoder* encoder, WordSink* sink, IdCounts* all, uint32_t* starts,
                            const uint16_t* ids, int64_t count) {
  counted_starts(*all, starts);
  const Result result =
      range_encode_static(encoder, sink, starts, all->ids, kCountedPrecision, ids, count);
  if (result.status != Status::ok) return result;
  for (int64_t i = 0; i < count; ++i) count_id(all, ids[i]);
  return {};
}

void range_decode_counted(RangeDecoder* decoder, ByteSource* source, IdCounts* all,
                          uint32_t* starts, uint32_t* buckets, uint16_t* ids, int64_t count) {
  counted_starts(*all, starts);
  static_buckets(starts, all->ids, kCountedPrecision, buckets);
  range_decode_static(decoder, source, starts, kCountedPrecision, buckets, ids, count);
  for (int64_t i = 0; i < count; ++i) count_id(all, ids[i]);
}

}  // namespace eqinfo
