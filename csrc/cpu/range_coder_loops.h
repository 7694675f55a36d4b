// Loops of the range coder: many symbols of one stream, or one symbol on each of many lanes.
#pragma once

#include "counted_frequency.h"
#include "cpu/frequency_loops.h"
#include "range_coder.h"

namespace eqinfo {

// One stream, one interval or row per symbol. The sink has room for `count` words.
void range_encode_intervals(RangeEncoder* encoder, WordSink* sink, const Interval* intervals,
                            int64_t count, uint32_t precision);
Result range_decode_rows(RangeDecoder* decoder, ByteSource* source, const Rows& rows,
                         uint32_t* scratch, int32_t* symbols, Stop* stop = nullptr);
// The next symbol and its interval of decoders[lanes[i]] with row i; the decoder does not advance
// yet.
Result range_peek_lanes(const RangeDecoder* decoders, const int64_t* lanes, const Rows& rows,
                        uint32_t* scratch, int32_t* symbols, Interval* intervals,
                        Stop* stop = nullptr);
// One distribution for all symbols: `starts` holds its alphabet + 1 cumulative frequencies.
template <typename Symbol>
void range_encode_static(RangeEncoder* encoder, WordSink* sink, const uint32_t* starts,
                         uint32_t precision, const Symbol* symbols, int64_t count);
// A lookup table for decoding: `buckets` has 2^kBucketBits + 1 values, written by static_buckets.
constexpr uint32_t kBucketBits = 12;
void static_buckets(const uint32_t* starts, uint32_t alphabet, uint32_t precision,
                    uint32_t* buckets);
template <typename Symbol>
void range_decode_static(RangeDecoder* decoder, ByteSource* source, const uint32_t* starts,
                         uint32_t precision, const uint32_t* buckets, Symbol* symbols,
                         int64_t count, Stop* stop = nullptr);
// A run of ids with the frequencies that follow from `all`; the ids are added to `all` afterwards.
// `starts` has room for all->ids + 1 values, `buckets` for 2^kBucketBits + 1.
void range_encode_counted(RangeEncoder* encoder, WordSink* sink, IdCounts* all, uint32_t* starts,
                          const uint16_t* ids, int64_t count);
void range_decode_counted(RangeDecoder* decoder, ByteSource* source, IdCounts* all,
                          uint32_t* starts, uint32_t* buckets, uint16_t* ids, int64_t count);

}  // namespace eqinfo
