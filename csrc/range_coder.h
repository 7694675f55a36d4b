// Range coder with a 64-bit low and range and 32-bit words (Martin 1979; carries as in the coders
// of Schindler and of Witten, Neal and Cleary). A symbol is an interval [start, start + frequency)
// of T = 2^precision.
//
// The range is divided exactly: a symbol gets floor(range (start + frequency) / T) - floor(range
// start / T), so rounding wastes no part of the range, whatever the precision.
#pragma once

#include "divide.h"
#include "frequency.h"
#include "host_device.h"
#include "status.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kWordBits = 32;
constexpr uint64_t kMinRange = uint64_t{1} << kWordBits;

EQINFO_HD uint64_t scale_range(uint64_t range, uint32_t cumulative, uint32_t precision) {
  return static_cast<uint64_t>((static_cast<uint128>(range) * cumulative) >> precision);
}

// The words written so far, in the caller's memory, which must have room for one more word before
// every step. A carry is added to these words. The value of a stream stays below one, so a carry
// never leaves the first word. After a carry the words that it passed are zero, so all carries
// together cost at most one step per word.
struct WordSink {
  uint32_t* words;
  int64_t count;
};

EQINFO_HD void propagate_carry(WordSink* sink) {
  int64_t i = sink->count;
  while (i > 0 && ++sink->words[i - 1] == 0) --i;
}

struct RangeEncoder {
  uint64_t low = 0;
  uint64_t range = ~uint64_t{0};  // at least kMinRange between symbols
};

EQINFO_HD void range_encode(RangeEncoder* encoder, Interval interval, uint32_t precision,
                            WordSink* sink) {
  const uint64_t first = scale_range(encoder->range, interval.start, precision);
  const uint64_t last = scale_range(encoder->range, interval.start + interval.frequency, precision);
  encoder->low += first;
  if (encoder->low < first) propagate_carry(sink);
  encoder->range = last - first;
  // range >= 2^32 and precision <= 24 imply last - first >= 2^8 - 1, so one word is enough.
  if (encoder->range < kMinRange) {
    sink->words[sink->count++] = static_cast<uint32_t>(encoder->low >> kWordBits);
    encoder->low <<= kWordBits;
    encoder->range <<= kWordBits;
  }
}

// The end of a stream: the number in [low, low + range) with the fewest bits before its trailing
// zeros. The first `bits` <= 32 bits of `value` remain to be written; `carry` says that the number
// exceeds 64 bits.
struct StreamEnd {
  uint64_t value;
  uint32_t bits;
  bool carry;
};

EQINFO_HD StreamEnd range_end(uint64_t low, uint64_t range) {
  for (uint32_t bits = 0; bits < kWordBits; ++bits) {
    const uint128 unit = static_cast<uint128>(1) << (64 - bits);
    const uint128 value = (low + (unit - 1)) & ~(unit - 1);
    if (value - low < range) {
      return {static_cast<uint64_t>(value), bits, (value >> 64) != 0};
    }
  }
  // range >= 2^32, so some multiple of 2^32 lies inside.
  const uint128 value =
      (static_cast<uint128>(low) + (kMinRange - 1)) & ~static_cast<uint128>(kMinRange - 1);
  return {static_cast<uint64_t>(value), kWordBits, (value >> 64) != 0};
}

// Writes the end of a stream and returns the length of the stream in bits. The rest of the last
// word is zero.
EQINFO_HD int64_t range_finish(const RangeEncoder& encoder, WordSink* sink) {
  const StreamEnd end = range_end(encoder.low, encoder.range);
  if (end.carry) propagate_carry(sink);
  const int64_t bits = sink->count * kWordBits + end.bits;
  if (end.bits > 0) sink->words[sink->count++] = static_cast<uint32_t>(end.value >> kWordBits);
  return bits;
}

// A stream of bytes that is read as big-endian words, as if zeros followed its end.
struct ByteSource {
  const uint8_t* bytes;
  int64_t size;
  int64_t position;
};

EQINFO_HD uint32_t next_word(ByteSource* source) {
  uint32_t word = 0;
  for (int i = 0; i < 4; ++i, ++source->position) {
    const uint32_t byte = source->position < source->size ? source->bytes[source->position] : 0u;
    word = word << 8 | byte;
  }
  return word;
}

struct RangeDecoder {
  uint64_t offset = 0;  // code minus low; below range in every stream that an encoder writes
  uint64_t range = ~uint64_t{0};  // as in RangeEncoder
  uint64_t code = 0;              // the 64 bits of the stream that `offset` was computed from
};

EQINFO_HD void range_start(RangeDecoder* decoder, ByteSource* source) {
  decoder->code = static_cast<uint64_t>(next_word(source)) << kWordBits;
  decoder->code |= next_word(source);
  decoder->offset = decoder->code;
}

// The largest cumulative frequency C with floor(range C / T) <= offset.
EQINFO_HD uint32_t range_target(const RangeDecoder& decoder, uint32_t precision) {
  const uint128 product = (static_cast<uint128>(decoder.offset) + 1) << precision;
  return static_cast<uint32_t>(divide(product - 1, decoder.range));
}

EQINFO_HD void range_advance(RangeDecoder* decoder, Interval interval, uint32_t precision,
                             ByteSource* source) {
  const uint64_t first = scale_range(decoder->range, interval.start, precision);
  const uint64_t last = scale_range(decoder->range, interval.start + interval.frequency, precision);
  decoder->offset -= first;
  decoder->range = last - first;
  if (decoder->range < kMinRange) {
    const uint32_t word = next_word(source);
    decoder->offset = decoder->offset << kWordBits | word;
    decoder->code = decoder->code << kWordBits | word;
    decoder->range <<= kWordBits;
  }
}

// False for the only code that lies outside the first range. Every other code decodes to something,
// and range_stream_bits says whether an encoder wrote it.
EQINFO_HD bool range_code_valid(const RangeDecoder& decoder) {
  return decoder.offset < decoder.range;
}

// The length in bits of the stream that an encoder writes for the symbols decoded so far, or -1
// where an encoder would have ended the stream with different bits.
EQINFO_HD int64_t range_stream_bits(const RangeDecoder& decoder, const ByteSource& source) {
  const StreamEnd end = range_end(decoder.code - decoder.offset, decoder.range);
  if (end.value != decoder.code) return -1;
  return (source.position - 8) * 8 + end.bits;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
