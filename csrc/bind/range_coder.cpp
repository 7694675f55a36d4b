#include "range_coder.h"

#include <pybind11/typing.h>

#include <algorithm>
#include <mutex>

#include "bind/arrays.h"
#include "bind/model.h"
#include "bind/register.h"
#include "cpu/codebook/tables.h"
#include "cpu/range_coder_loops.h"

namespace eqinfo::bind {
namespace {

using Lanes = Array<int64_t>;
using Symbols = Array<int32_t>;

std::string big_endian(const std::vector<uint32_t>& words, int64_t bits) {
  std::string bytes(static_cast<size_t>((bits + 7) / 8), '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(words[i / 4] >> (24 - 8 * (i % 4)));
  }
  return bytes;
}

// A stream under construction: a coder and the words that it has written.
struct EncoderLane {
  RangeEncoder encoder;
  std::vector<uint32_t> words;
  int64_t count = 0;

  // Room for `more` words; the vector is kept larger than the stream so that steps rarely allocate.
  WordSink sink(int64_t more) {
    const size_t needed = static_cast<size_t>(count + more);
    if (words.size() < needed) words.resize(std::max(needed, words.size() * 2));
    return {words.data(), count};
  }
  void encode(const Interval* intervals, int64_t symbols, uint32_t precision) {
    WordSink out = sink(symbols);
    range_encode_intervals(&encoder, &out, intervals, symbols, precision);
    count = out.count;
  }
  std::pair<std::string, int64_t> finish() {
    WordSink out = sink(1);
    const int64_t bits = range_finish(encoder, &out);
    std::string stream = big_endian(words, bits);
    *this = EncoderLane();
    return {std::move(stream), bits};
  }
};

// Cumulative frequencies of one fixed distribution. A large one takes as long as some thousand
// symbols, so it is built without the GIL.
struct StaticTable {
  std::vector<uint32_t> starts;

  Result build(const uint32_t* frequencies, uint32_t alphabet, uint32_t precision) {
    const Status status = check_frequencies(frequencies, alphabet, precision);
    if (status != Status::ok) return {status, 0};
    starts.resize(size_t{alphabet} + 1);
    for (uint32_t i = 0; i < alphabet; ++i) starts[i + 1] = starts[i] + frequencies[i];
    return {};
  }
};

// What the frequencies of counted ids are made of, and room for them.
struct CountedTable {
  std::vector<uint32_t> counts;
  std::vector<uint32_t> starts;
  IdCounts all;

  explicit CountedTable(uint32_t ids)
      : counts(ids), starts(size_t{ids} + 1), all{counts.data(), ids} {}
};

// Calls work(begin, end) for every run of ids, until it returns false.
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
  require(count >= 0 && count <= kMaxIds, "ids must be at most 2^31");
  require(window_bits >= kMinCodebookBits && window_bits <= kMaxTokenBits,
          "window_bits must be 9 to 16, found " + std::to_string(window_bits));
  require(precision == kCountedPrecision, "precision must be 24");
}

void require_static(const Array<uint32_t>& frequencies, uint32_t precision) {
  require_shape(frequencies, "frequencies", {-1});
  require_precision(frequencies.size(), precision);
}

class Encoder {
 public:
  Encoder(int64_t lanes, uint32_t precision) : precision_(precision) {
    require(lanes >= 1, "lanes must be at least 1");
    require(precision >= kMinPrecision && precision <= kMaxPrecision, "precision must be 8 to 24");
    lanes_.resize(static_cast<size_t>(lanes));
  }

  void step(const py::array& predictions, const Symbols& symbols, const Lanes& lanes) {
    const Rows rows = rows_of(predictions, precision_);
    require_shape(symbols, "symbols", {rows.count});
    require_shape(lanes, "lanes", {rows.count});
    check_lanes(lanes.data(), rows.count, static_cast<int64_t>(lanes_.size()));
    Result result;
    {
      const py::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(mutex_);
      const std::vector<Interval> intervals = intervals_of(rows, symbols, &result);
      if (result.status == Status::ok) {
        for (int64_t i = 0; i < rows.count; ++i) {
          lane(lanes.data()[i]).encode(&intervals[static_cast<size_t>(i)], 1, precision_);
        }
      }
    }
    check(result);
  }

  void extend(const py::array& predictions, const Symbols& symbols, int64_t index) {
    const Rows rows = rows_of(predictions, precision_);
    require_shape(symbols, "symbols", {rows.count});
    check_lanes(&index, 1, static_cast<int64_t>(lanes_.size()));
    Result result;
    {
      const py::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(mutex_);
      const std::vector<Interval> intervals = intervals_of(rows, symbols, &result);
      if (result.status == Status::ok) {
        lane(index).encode(intervals.data(), rows.count, precision_);
      }
    }
    check(result);
  }

  void extend_static(const Array<uint32_t>& frequencies, const Symbols& symbols, int64_t index) {
    require_shape(symbols, "symbols", {-1});
    check_lanes(&index, 1, static_cast<int64_t>(lanes_.size()));
    require_static(frequencies, precision_);
    const uint32_t* rows = frequencies.data();
    const uint32_t alphabet = static_cast<uint32_t>(frequencies.size());
    const int32_t* in = symbols.data();
    const int64_t count = symbols.size();
    Result result;
    {
      const py::gil_scoped_release release;
      StaticTable table;
      result = table.build(rows, alphabet, precision_);
      if (result.status == Status::ok) {
        const std::lock_guard<std::mutex> lock(mutex_);
        EncoderLane& target = lane(index);
        WordSink sink = target.sink(count);
        result = range_encode_static(&target.encoder, &sink, table.starts.data(), alphabet,
                                     precision_, in, count);
        target.count = sink.count;
      }
    }
    check(result);
  }

  void extend_counted(const Array<uint16_t>& ids, uint32_t window_bits, int64_t index) {
    require_shape(ids, "ids", {-1});
    require_counted(ids.size(), window_bits, precision_);
    check_lanes(&index, 1, static_cast<int64_t>(lanes_.size()));
    const uint16_t* in = ids.data();
    const int64_t count = ids.size();
    Result result;
    {
      const py::gil_scoped_release release;
      CountedTable table(1u << window_bits);
      const std::lock_guard<std::mutex> lock(mutex_);
      EncoderLane& target = lane(index);
      in_runs(count, [&](int64_t begin, int64_t end) {
        WordSink sink = target.sink(end - begin);
        result = range_encode_counted(&target.encoder, &sink, &table.all, table.starts.data(),
                                      in + begin, end - begin);
        target.count = sink.count;
        if (result.status != Status::ok) result.row += begin;
        return result.status == Status::ok;
      });
    }
    check(result);
  }

  // Row i of `symbols` is the i-th symbol on every lane, as the native model predicts it there.
  void extend_lanes(PredictorLanes& contexts, const Symbols& symbols, const Lanes& lanes) {
    const int64_t count = lanes.size();
    require_shape(symbols, "symbols", {-1, count});
    check_lanes(lanes.data(), count,
                std::min(static_cast<int64_t>(lanes_.size()), contexts.lanes()));
    require_precision(contexts.alphabet(), precision_);
    Result result;
    {
      const py::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(mutex_);
      for (int64_t i = 0; i < symbols.size() && result.status == Status::ok; ++i) {
        const uint32_t symbol = static_cast<uint32_t>(symbols.data()[i]);
        if (symbol >= contexts.alphabet()) result = {Status::symbol_out_of_range, i};
      }
      const int32_t* row = symbols.data();
      for (int64_t i = 0; i < symbols.shape(0) && result.status == Status::ok; ++i, row += count) {
        result = encode_row(contexts, row, lanes.data(), count);
      }
    }
    check(result);
  }

  void put_bits(uint32_t value, uint32_t bits, int64_t index) {
    check_lanes(&index, 1, static_cast<int64_t>(lanes_.size()));
    require(bits >= 1 && bits <= kMaxPrecision && (value >> bits) == 0,
            "value must fit bits <= 24");
    const Interval interval{value, 1};
    const std::lock_guard<std::mutex> lock(mutex_);
    lane(index).encode(&interval, 1, bits);
  }

  py::typing::Tuple<py::bytes, py::int_> finish(int64_t index) {
    check_lanes(&index, 1, static_cast<int64_t>(lanes_.size()));
    std::pair<std::string, int64_t> stream;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stream = lane(index).finish();
    }
    return py::make_tuple(py::bytes(stream.first), stream.second);
  }

 private:
  EncoderLane& lane(int64_t index) { return lanes_[static_cast<size_t>(index)]; }

  Result encode_row(PredictorLanes& contexts, const int32_t* symbols, const int64_t* lanes,
                    int64_t count) {
    const uint32_t* frequencies = nullptr;
    const Result result = contexts.predict(lanes, count, precision_, &frequencies);
    if (result.status != Status::ok) return result;
    for (int64_t i = 0; i < count; ++i, frequencies += contexts.alphabet()) {
      const Interval interval = symbol_interval(SerialRow{frequencies, contexts.alphabet()},
                                                static_cast<uint32_t>(symbols[i]));
      lane(lanes[i]).encode(&interval, 1, precision_);
      contexts.take(lanes[i], symbols[i]);
    }
    return {};
  }

  static std::vector<Interval> intervals_of(const Rows& rows, const Symbols& symbols,
                                            Result* result) {
    std::vector<Interval> intervals(static_cast<size_t>(rows.count));
    std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
    *result = symbol_intervals(rows, symbols.data(), scratch.data(), intervals.data());
    return intervals;
  }

  uint32_t precision_;
  std::vector<EncoderLane> lanes_;
  // Held around native work only: no Python object is made and nothing raised under it, since that
  // may wait for the GIL, which another thread may hold while it waits for the mutex.
  std::mutex mutex_;
};

class Decoder {
 public:
  Decoder(int64_t lanes, uint32_t precision) : precision_(precision) {
    require(lanes >= 1, "lanes must be at least 1");
    require(precision >= kMinPrecision && precision <= kMaxPrecision, "precision must be 8 to 24");
    decoders_.resize(static_cast<size_t>(lanes));
    inputs_.resize(static_cast<size_t>(lanes));
    for (int64_t lane = 0; lane < lanes; ++lane) start(py::bytes(), lane);
  }

  void start(const py::bytes& stream, int64_t index) {
    check_lanes(&index, 1, static_cast<int64_t>(inputs_.size()));
    bool valid = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      Input& input = inputs_[static_cast<size_t>(index)];
      RangeDecoder& decoder = decoders_[static_cast<size_t>(index)];
      input.stream = std::string(stream);
      input.position = 0;
      decoder = RangeDecoder();
      ByteSource source = input.source();
      range_start(&decoder, &source);
      input.position = source.position;
      valid = range_code_valid(decoder);
      // Later steps rely on the invariant: an invalid lane reads zeros from here on.
      if (!valid) decoder.offset = 0;
    }
    if (!valid) check({Status::corrupt_stream, -1});
  }

  Symbols step(const py::array& predictions, const Lanes& lanes) {
    const Rows rows = rows_of(predictions, precision_);
    require_shape(lanes, "lanes", {rows.count});
    check_lanes(lanes.data(), rows.count, static_cast<int64_t>(inputs_.size()));
    Symbols symbols(rows.count);
    int32_t* out = symbols.mutable_data();
    Result result;
    {
      const py::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(mutex_);
      std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
      std::vector<Interval> intervals(static_cast<size_t>(rows.count));
      result = range_peek_lanes(decoders_.data(), lanes.data(), rows, scratch.data(), out,
                                intervals.data());
      if (result.status == Status::ok) {
        for (int64_t i = 0; i < rows.count; ++i) {
          advance(lanes.data()[i], intervals[static_cast<size_t>(i)], precision_);
        }
      }
    }
    check(result);
    return symbols;
  }

  Symbols extend(const py::array& predictions, int64_t index) {
    const Rows rows = rows_of(predictions, precision_);
    check_lanes(&index, 1, static_cast<int64_t>(inputs_.size()));
    Symbols symbols(rows.count);
    int32_t* out = symbols.mutable_data();
    Result result;
    {
      const py::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(mutex_);
      std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
      Input& input = inputs_[static_cast<size_t>(index)];
      ByteSource source = input.source();
      result = range_decode_rows(&decoders_[static_cast<size_t>(index)], &source, rows,
                                 scratch.data(), out);
      input.position = source.position;
    }
    check(result);
    return symbols;
  }

  Symbols extend_static(const Array<uint32_t>& frequencies, int64_t count, int64_t index) {
    require(count >= 0, "count must not be negative");
    check_lanes(&index, 1, static_cast<int64_t>(inputs_.size()));
    require_static(frequencies, precision_);
    const uint32_t* rows = frequencies.data();
    const uint32_t alphabet = static_cast<uint32_t>(frequencies.size());
    Symbols symbols(count);
    int32_t* out = symbols.mutable_data();
    Result result;
    {
      const py::gil_scoped_release release;
      StaticTable table;
      result = table.build(rows, alphabet, precision_);
      if (result.status == Status::ok) {
        std::vector<uint32_t> buckets((size_t{1} << kBucketBits) + 1);
        static_buckets(table.starts.data(), alphabet, precision_, buckets.data());
        const std::lock_guard<std::mutex> lock(mutex_);
        Input& input = inputs_[static_cast<size_t>(index)];
        ByteSource source = input.source();
        range_decode_static(&decoders_[static_cast<size_t>(index)], &source, table.starts.data(),
                            precision_, buckets.data(), out, count);
        input.position = source.position;
      }
    }
    check(result);
    return symbols;
  }

  // The ids of the runs up to the one in which the stream was overrun, if it was.
  Array<uint16_t> extend_counted(int64_t count, uint32_t window_bits, int64_t index) {
    require_counted(count, window_bits, precision_);
    check_lanes(&index, 1, static_cast<int64_t>(inputs_.size()));
    Array<uint16_t> ids(count);
    uint16_t* out = ids.mutable_data();
    int64_t decoded = 0;
    {
      const py::gil_scoped_release release;
      CountedTable table(1u << window_bits);
      std::vector<uint32_t> buckets((size_t{1} << kBucketBits) + 1);
      const std::lock_guard<std::mutex> lock(mutex_);
      Input& input = inputs_[static_cast<size_t>(index)];
      ByteSource source = input.source();
      in_runs(count, [&](int64_t begin, int64_t end) {
        range_decode_counted(&decoders_[static_cast<size_t>(index)], &source, &table.all,
                             table.starts.data(), buckets.data(), out + begin, end - begin);
        input.position = source.position;
        decoded = end;
        return !input.overrun();
      });
    }
    if (decoded < count) ids.resize({decoded});
    return ids;
  }

  // Row i is the i-th symbol on every lane, as the native model predicts it there.
  Symbols extend_lanes(PredictorLanes& contexts, int64_t rounds, const Lanes& lanes) {
    const int64_t count = lanes.size();
    require(rounds >= 0, "rounds must not be negative");
    check_lanes(lanes.data(), count,
                std::min(static_cast<int64_t>(inputs_.size()), contexts.lanes()));
    require_precision(contexts.alphabet(), precision_);
    Symbols symbols({rounds, count});
    int32_t* row = symbols.mutable_data();
    Result result;
    {
      const py::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(mutex_);
      for (int64_t i = 0; i < rounds && result.status == Status::ok; ++i, row += count) {
        result = decode_row(contexts, row, lanes.data(), count);
      }
    }
    check(result);
    return symbols;
  }

  uint32_t get_bits(uint32_t bits, int64_t index) {
    check_lanes(&index, 1, static_cast<int64_t>(inputs_.size()));
    require(bits >= 1 && bits <= kMaxPrecision, "bits must be 1 to 24");
    const std::lock_guard<std::mutex> lock(mutex_);
    const uint32_t value = range_target(decoders_[static_cast<size_t>(index)], bits);
    advance(index, {value, 1}, bits);
    return value;
  }

  // Whether more has been read than any encoder writes for the symbols decoded so far.
  bool overrun(int64_t index) {
    check_lanes(&index, 1, static_cast<int64_t>(inputs_.size()));
    const std::lock_guard<std::mutex> lock(mutex_);
    return inputs_[static_cast<size_t>(index)].overrun();
  }

  // The bits that an encoder writes for the symbols decoded so far; raises where the stream is
  // another.
  int64_t end(int64_t index) {
    check_lanes(&index, 1, static_cast<int64_t>(inputs_.size()));
    int64_t bits = -1;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const Input& input = inputs_[static_cast<size_t>(index)];
      bits = range_stream_bits(decoders_[static_cast<size_t>(index)], input.source());
    }
    if (bits < 0) check({Status::corrupt_stream, -1});
    return bits;
  }

 private:
  struct Input {
    std::string stream;
    int64_t position = 0;
    bool overrun() const { return position > static_cast<int64_t>(stream.size()) + 8; }
    ByteSource source() const {
      return {reinterpret_cast<const uint8_t*>(stream.data()), static_cast<int64_t>(stream.size()),
              position};
    }
  };

  Result decode_row(PredictorLanes& contexts, int32_t* symbols, const int64_t* lanes,
                    int64_t count) {
    Rows rows{nullptr, nullptr, count, contexts.alphabet(), precision_};
    const Result result = contexts.predict(lanes, count, precision_, &rows.frequencies);
    if (result.status != Status::ok) return result;
    intervals_.resize(static_cast<size_t>(count));
    const Result peeked =
        range_peek_lanes(decoders_.data(), lanes, rows, nullptr, symbols, intervals_.data());
    if (peeked.status != Status::ok) return peeked;
    for (int64_t i = 0; i < count; ++i) {
      advance(lanes[i], intervals_[static_cast<size_t>(i)], precision_);
      contexts.take(lanes[i], symbols[i]);
    }
    return {};
  }

  void advance(int64_t index, Interval interval, uint32_t precision) {
    Input& input = inputs_[static_cast<size_t>(index)];
    ByteSource source = input.source();
    range_advance(&decoders_[static_cast<size_t>(index)], interval, precision, &source);
    input.position = source.position;
  }

  uint32_t precision_;
  std::vector<RangeDecoder> decoders_;
  std::vector<Input> inputs_;
  std::vector<Interval> intervals_;
  std::mutex mutex_;
};

}  // namespace

void register_range_coder(py::module_& module) {
  const auto rows = py::arg("rows");
  const auto symbols = py::arg("symbols").noconvert();
  const auto lanes = py::arg("lanes").noconvert();
  const auto lane = py::arg("lane");
  const auto frequencies = py::arg("frequencies").noconvert();
  py::class_<Encoder>(module, "RangeEncoder")
      .def(py::init<int64_t, uint32_t>(), py::arg("lanes"), py::arg("precision"))
      .def("step", &Encoder::step, rows, symbols, lanes)
      .def("extend", &Encoder::extend, rows, symbols, lane)
      .def("extend_static", &Encoder::extend_static, frequencies, symbols, lane)
      .def("extend_counted", &Encoder::extend_counted, py::arg("ids").noconvert(),
           py::arg("window_bits"), lane)
      .def("extend_lanes", &Encoder::extend_lanes, py::arg("contexts"), symbols, lanes)
      .def("put_bits", &Encoder::put_bits, py::arg("value"), py::arg("bits"), lane)
      .def("finish", &Encoder::finish, lane);
  py::class_<Decoder>(module, "RangeDecoder")
      .def(py::init<int64_t, uint32_t>(), py::arg("lanes"), py::arg("precision"))
      .def("start", &Decoder::start, py::arg("stream"), lane)
      .def("step", &Decoder::step, rows, lanes)
      .def("extend", &Decoder::extend, rows, lane)
      .def("extend_lanes", &Decoder::extend_lanes, py::arg("contexts"), py::arg("rounds"), lanes)
      .def("extend_static", &Decoder::extend_static, frequencies, py::arg("count"), lane)
      .def("extend_counted", &Decoder::extend_counted, py::arg("count"), py::arg("window_bits"),
           lane)
      .def("get_bits", &Decoder::get_bits, py::arg("bits"), lane)
      .def("overrun", &Decoder::overrun, lane)
      .def("end", &Decoder::end, lane);
}

}  // namespace eqinfo::bind
