// Streams whose frequencies are known beforehand: one distribution for all symbols (extend_static),
// or one that follows the counts of the ids before (extend_counted).
#include <algorithm>

#include "bind/range_coder.h"
#include "counted_frequency.h"
#include "cpu/codebook/tables.h"

namespace eqinfo::bind {
namespace {

std::vector<uint32_t> room_for_buckets() {
  return std::vector<uint32_t>((size_t{1} << kBucketBits) + 1);
}

// Cumulative frequencies of one distribution. A large table takes as long to build as some thousand
// symbols take to code, so it is built without the GIL and without the lock.
struct StaticTable {
  const uint32_t* frequencies;
  uint32_t alphabet;
  uint32_t precision;
  std::vector<uint32_t> starts;

  StaticTable(const Array<uint32_t>& array, uint32_t precision_of_lanes)
      : frequencies(array.data()),
        alphabet(static_cast<uint32_t>(array.size())),
        precision(precision_of_lanes) {
    require_shape(array, "frequencies", {-1});
    require_precision(array.size(), precision);
  }
  Result build() {
    const Status status = check_frequencies(frequencies, alphabet, precision);
    if (status != Status::ok) return {status, 0};
    starts.resize(size_t{alphabet} + 1);
    for (uint32_t i = 0; i < alphabet; ++i) starts[i + 1] = starts[i] + frequencies[i];
    return {};
  }
};

void encode_static(Encoder& encoder, const Array<uint32_t>& frequencies, const Symbols& symbols,
                   int64_t lane) {
  require_shape(symbols, "symbols", {-1});
  encoder.check_lane(lane);
  StaticTable table(frequencies, encoder.precision());
  run_without_gil([&](Stop* stop) {
    const Result built = table.build();
    if (built.status != Status::ok) return built;
    const Result checked = check_symbols(symbols.data(), symbols.size(), table.alphabet, stop);
    if (checked.status != Status::ok) return checked;
    const CallTurn turn(encoder.lock(), stop);
    encoder.write_in_parts(lane, symbols.size(), stop,
                           [&](RangeEncoder* state, WordSink* sink, int64_t begin, int64_t end) {
                             range_encode_static(state, sink, table.starts.data(), table.precision,
                                                 symbols.data() + begin, end - begin);
                           });
    return Result{};
  });
}

Symbols decode_static(Decoder& decoder, const Array<uint32_t>& frequencies, int64_t count,
                      int64_t lane) {
  require(count >= 0, "expected at least 0 symbols, found ", count);
  decoder.check_lane(lane);
  StaticTable table(frequencies, decoder.precision());
  Symbols symbols(count);
  int32_t* const out = symbols.mutable_data();
  run_without_gil([&](Stop* stop) {
    const Result built = table.build();
    if (built.status != Status::ok) return built;
    std::vector<uint32_t> buckets = room_for_buckets();
    static_buckets(table.starts.data(), table.alphabet, table.precision, buckets.data());
    const CallTurn turn(decoder.lock(), stop);
    return decoder.read(lane, [&](RangeDecoder* state, ByteSource* source) {
      range_decode_static(state, source, table.starts.data(), table.precision, buckets.data(), out,
                          count, stop);
      return Result{};
    });
  });
  return symbols;
}

// The counts of all ids, and room for the cumulative frequencies that follow from them.
struct CountedTable {
  std::vector<uint32_t> counts;
  std::vector<uint32_t> starts;
  IdCounts all;

  explicit CountedTable(uint32_t ids)
      : counts(ids), starts(size_t{ids} + 1), all{counts.data(), ids} {}
};

// Calls work(begin, end) for every run of ids that shares one table, until it returns false.
template <typename Work>
void in_runs(int64_t count, const Work& work) {
  int64_t run = kFirstRun;
  for (int64_t begin = 0; begin < count; run = std::min(2 * run, kLastRun)) {
    const int64_t end = std::min(count, begin + run);
    if (!work(begin, end)) return;
    begin = end;
  }
}

void require_counted(int64_t count, uint32_t window_bits, uint32_t precision) {
  constexpr int64_t kMaxIds = int64_t{1} << 31;
  require(count >= 0 && count <= kMaxIds, "expected 0 to 2^31 ids, found ", count);
  require(window_bits >= kMinCodebookBits && window_bits <= kMaxTokenBits,
          "expected window_bits of 9 to 16, found ", window_bits);
  require(precision == kCountedPrecision, "expected precision of 24, found ", precision);
}

void encode_counted(Encoder& encoder, const Array<uint16_t>& ids, uint32_t window_bits,
                    int64_t lane) {
  require_shape(ids, "ids", {-1});
  require_counted(ids.size(), window_bits, encoder.precision());
  encoder.check_lane(lane);
  run_without_gil([&](Stop* stop) {
    const Result checked = check_symbols(ids.data(), ids.size(), 1u << window_bits, stop);
    if (checked.status != Status::ok) return checked;
    CountedTable table(1u << window_bits);
    const CallTurn turn(encoder.lock(), stop);
    in_runs(ids.size(), [&](int64_t begin, int64_t end) {
      encoder.code_part(lane, begin == 0, [&] {
        stop->check();
        encoder.write(lane, end - begin, [&](RangeEncoder* state, WordSink* sink) {
          range_encode_counted(state, sink, &table.all, table.starts.data(), ids.data() + begin,
                               end - begin);
          return Result{};
        });
      });
      return true;
    });
    return Result{};
  });
}

// The ids of all runs up to the one in which the stream was overrun, if it was.
Array<uint16_t> decode_counted(Decoder& decoder, int64_t count, uint32_t window_bits,
                               int64_t lane) {
  require_counted(count, window_bits, decoder.precision());
  decoder.check_lane(lane);
  Array<uint16_t> ids(count);
  uint16_t* const out = ids.mutable_data();
  int64_t decoded = 0;
  run_without_gil([&](Stop* stop) {
    CountedTable table(1u << window_bits);
    std::vector<uint32_t> buckets = room_for_buckets();
    const CallTurn turn(decoder.lock(), stop);
    return decoder.read(lane, [&](RangeDecoder* state, ByteSource* source) {
      in_runs(count, [&](int64_t begin, int64_t end) {
        stop->check();
        range_decode_counted(state, source, &table.all, table.starts.data(), buckets.data(),
                             out + begin, end - begin);
        decoded = end;
        return !Decoder::is_overrun(*source);
      });
      return Result{};
    });
  });
  if (decoded < count) ids.resize({decoded});
  return ids;
}

}  // namespace

void define_table_streams(py::class_<Encoder>& encoder, py::class_<Decoder>& decoder) {
  const auto frequencies = py::arg("frequencies").noconvert();
  const auto window_bits = py::arg("window_bits");
  const auto lane = py::arg("lane");
  encoder.def("extend_static", &encode_static, frequencies, py::arg("symbols").noconvert(), lane)
      .def("extend_counted", &encode_counted, py::arg("ids").noconvert(), window_bits, lane);
  decoder.def("extend_static", &decode_static, frequencies, py::arg("count"), lane)
      .def("extend_counted", &decode_counted, py::arg("count"), window_bits, lane);
}

}  // namespace eqinfo::bind
