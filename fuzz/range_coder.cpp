// Range coder streams: what a stream decodes to is encoded to a stream that decodes to the same,
// and it is the same stream where the decoder says that an encoder wrote it.
#include "range_coder.h"

#include "cpu/range_coder_loops.h"
#include "expect.h"

namespace eqinfo::fuzz {
namespace {

std::vector<uint8_t> stream_of(const std::vector<uint32_t>& words, int64_t bits) {
  std::vector<uint8_t> bytes;
  for (const uint32_t word : words) {
    for (uint32_t shift = kWordBits; shift > 0; shift -= 8) {
      bytes.push_back(static_cast<uint8_t>(word >> (shift - 8)));
    }
  }
  bytes.resize(static_cast<size_t>((bits + 7) / 8));
  return bytes;
}

// The symbols of a stream, and its length in bits; no symbols where the stream has no valid
// beginning.
std::vector<int32_t> decode(const std::vector<uint8_t>& stream, const Rows& rows, int64_t* bits) {
  ByteSource source{stream.data(), static_cast<int64_t>(stream.size()), 0};
  RangeDecoder decoder;
  range_start(&decoder, &source);
  if (!range_code_valid(decoder)) return {};
  std::vector<int32_t> symbols(static_cast<size_t>(rows.count));
  const Result result = range_decode_rows(&decoder, &source, rows, nullptr, symbols.data());
  expect(result.status == Status::ok, "good rows decode");
  *bits = range_stream_bits(decoder, source);
  return symbols;
}

void decode_static(const std::vector<uint8_t>& stream, const Rows& rows,
                   const std::vector<int32_t>& expected) {
  std::vector<uint32_t> starts{0};
  for (uint32_t i = 0; i < rows.alphabet; ++i) starts.push_back(starts[i] + rows.frequencies[i]);
  std::vector<uint32_t> buckets((size_t{1} << kBucketBits) + 1);
  static_buckets(starts.data(), rows.alphabet, rows.precision, buckets.data());
  ByteSource source{stream.data(), static_cast<int64_t>(stream.size()), 0};
  RangeDecoder decoder;
  range_start(&decoder, &source);
  std::vector<int32_t> symbols(expected.size());
  range_decode_static(&decoder, &source, starts.data(), rows.precision, buckets.data(),
                      symbols.data(), static_cast<int64_t>(symbols.size()));
  expect(symbols == expected, "a fixed table decodes as its rows do");
}

constexpr int64_t kCountedRun = 50;
constexpr int kCountedRuns = 3;

std::vector<uint16_t> decode_counted(const std::vector<uint8_t>& stream, uint32_t ids) {
  ByteSource source{stream.data(), static_cast<int64_t>(stream.size()), 0};
  RangeDecoder decoder;
  range_start(&decoder, &source);
  if (!range_code_valid(decoder)) return {};
  std::vector<uint32_t> counts(ids);
  std::vector<uint32_t> starts(size_t{ids} + 1);
  std::vector<uint32_t> buckets((size_t{1} << kBucketBits) + 1);
  IdCounts all{counts.data(), ids};
  std::vector<uint16_t> found(kCountedRun * kCountedRuns);
  for (int run = 0; run < kCountedRuns; ++run) {
    range_decode_counted(&decoder, &source, &all, starts.data(), buckets.data(),
                         found.data() + run * kCountedRun, kCountedRun);
  }
  return found;
}

// Ids whose frequencies follow from the ids before them, in runs: any stream decodes to some ids,
// and those are encoded to a stream that decodes to them again.
void counted(const std::vector<uint8_t>& stream) {
  const uint32_t ids = 1u << (1 + stream.size() % 12);
  const std::vector<uint16_t> found = decode_counted(stream, ids);
  if (found.empty()) return;
  for (const uint16_t id : found) expect(id < ids, "ids are those that are counted");
  std::vector<uint32_t> counts(ids);
  std::vector<uint32_t> starts(size_t{ids} + 1);
  std::vector<uint32_t> words(found.size() + 2);
  IdCounts all{counts.data(), ids};
  RangeEncoder encoder;
  WordSink sink{words.data(), 0};
  for (int run = 0; run < kCountedRuns; ++run) {
    range_encode_counted(&encoder, &sink, &all, starts.data(), found.data() + run * kCountedRun,
                         kCountedRun);
  }
  const int64_t bits = range_finish(encoder, &sink);
  words.resize(static_cast<size_t>(sink.count));
  expect(decode_counted(stream_of(words, bits), ids) == found, "what is encoded decodes");
}

void run(FuzzedDataProvider* input) {
  const uint32_t alphabet = input->ConsumeIntegralInRange<uint32_t>(kMinAlphabet, 260);
  const uint32_t precision =
      input->ConsumeIntegralInRange<uint32_t>(min_precision(alphabet), kMaxPrecision);
  const bool fixed = input->ConsumeBool();
  const int64_t count = input->ConsumeIntegralInRange<int64_t>(0, fixed ? 200 : 8);
  std::vector<uint32_t> frequencies = frequency_rows(input, fixed ? 1 : count, alphabet, precision);
  for (int64_t row = 1; fixed && row < count; ++row) {
    frequencies.insert(frequencies.end(), frequencies.begin(), frequencies.begin() + alphabet);
  }
  const Rows rows{nullptr, frequencies.data(), count, alphabet, precision};
  const auto stream = input->ConsumeRemainingBytes<uint8_t>();
  counted(stream);

  int64_t bits = -1;
  const std::vector<int32_t> symbols = decode(stream, rows, &bits);
  if (symbols.empty()) return;
  if (fixed) decode_static(stream, rows, symbols);

  std::vector<Interval> intervals(symbols.size());
  const Result found = symbol_intervals(rows, symbols.data(), nullptr, intervals.data());
  expect(found.status == Status::ok, "symbols are in the alphabet");
  std::vector<uint32_t> words(symbols.size() + 2);
  RangeEncoder encoder;
  WordSink sink{words.data(), 0};
  range_encode_intervals(&encoder, &sink, intervals.data(), count, precision);
  const int64_t written = range_finish(encoder, &sink);
  words.resize(static_cast<size_t>(sink.count));
  const std::vector<uint8_t> again = stream_of(words, written);
  int64_t again_bits = -1;
  expect(decode(again, rows, &again_bits) == symbols, "what is encoded decodes");
  expect(again_bits == written, "an encoder's stream has an encoder's length");
  if (bits >= 0 && bits <= static_cast<int64_t>(8 * stream.size())) {
    expect(bits == written, "one text has one stream");
    expect(std::equal(again.begin(), again.end(), stream.begin()), "one text has one stream");
  }
}

}  // namespace
}  // namespace eqinfo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  eqinfo::fuzz::run(&input);
  return 0;
}
