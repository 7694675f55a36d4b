#include "bind/range_coder.h"

#include "bind/register.h"

namespace eqinfo::bind {
namespace {

std::string big_endian(const std::vector<uint32_t>& words, int64_t bits) {
  std::string bytes(static_cast<size_t>((bits + 7) / 8), '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(words[i / 4] >> (24 - 8 * (i % 4)));
  }
  return bytes;
}

// Intervals of symbols[i] in row i; calls `use` with them unless there is a fault.
template <typename Use>
Result with_intervals(const Rows& rows, const Symbols& symbols, const Use& use) {
  std::vector<Interval> intervals(static_cast<size_t>(rows.count));
  std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
  const Result result = symbol_intervals(rows, symbols.data(), scratch.data(), intervals.data());
  if (result.status == Status::ok) use(intervals.data());
  return result;
}

}  // namespace

Encoder::Encoder(int64_t lanes, uint32_t precision)
    : CoderLanes(lanes, precision), streams_(static_cast<size_t>(lanes)) {}

Result Encoder::encode(int64_t lane, const Interval* intervals, int64_t count, uint32_t bits) {
  return write(lane, count, [&](RangeEncoder* encoder, WordSink* sink) {
    range_encode_intervals(encoder, sink, intervals, count, bits);
    return Result{};
  });
}

void Encoder::step(const py::array& predictions, const Symbols& symbols, const Lanes& lanes) {
  const Rows rows = rows_of(predictions, precision());
  require_shape(symbols, "symbols", {rows.count});
  check_lanes(lanes, rows.count);
  run_without_gil([&] {
    const auto held = lock();
    return with_intervals(rows, symbols, [&](const Interval* intervals) {
      for (int64_t i = 0; i < rows.count; ++i) {
        encode(lanes.data()[i], &intervals[i], 1, precision());
      }
    });
  });
}

void Encoder::extend(const py::array& predictions, const Symbols& symbols, int64_t lane) {
  const Rows rows = rows_of(predictions, precision());
  require_shape(symbols, "symbols", {rows.count});
  check_lane(lane);
  run_without_gil([&] {
    const auto held = lock();
    return with_intervals(rows, symbols, [&](const Interval* intervals) {
      encode(lane, intervals, rows.count, precision());
    });
  });
}

void Encoder::extend_lanes(ModelLanes& contexts, const Symbols& symbols, const Lanes& lanes) {
  const int64_t count = lanes.size();
  require_shape(symbols, "symbols", {-1, count});
  check_model_lanes(lanes, contexts);
  run_without_gil([&] {
    const auto held = lock();
    const int32_t* const in = symbols.data();
    const int64_t size = symbols.size();
    for (int64_t i = 0; i < size; ++i) {
      // A negative symbol becomes a large one.
      if (static_cast<uint32_t>(in[i]) >= contexts.alphabet()) {
        return Result{Status::symbol_out_of_range, i};
      }
    }
    Result result;
    for (int64_t i = 0; i < symbols.shape(0) && result.status == Status::ok; ++i) {
      result = encode_row(contexts, in + i * count, lanes.data(), count);
    }
    return result;
  });
}

Result Encoder::encode_row(ModelLanes& contexts, const int32_t* symbols, const int64_t* lanes,
                           int64_t count) {
  const uint32_t* frequencies = nullptr;
  const Result result = contexts.predict(lanes, count, precision(), &frequencies);
  if (result.status != Status::ok) return result;
  for (int64_t i = 0; i < count; ++i, frequencies += contexts.alphabet()) {
    const Interval interval = symbol_interval(SerialRow{frequencies, contexts.alphabet()},
                                              static_cast<uint32_t>(symbols[i]));
    encode(lanes[i], &interval, 1, precision());
    contexts.take(lanes[i], symbols[i]);
  }
  return {};
}

void Encoder::put_bits(uint32_t value, uint32_t bits, int64_t lane) {
  check_lane(lane);
  require(bits >= 1 && bits <= kMaxPrecision, "expected 1 to 24 bits, found ", bits);
  require((value >> bits) == 0, "expected a value of ", bits, " bits, found ", value);
  const Interval interval{value, 1};
  const auto held = lock();
  encode(lane, &interval, 1, bits);
}

py::typing::Tuple<py::bytes, py::int_> Encoder::finish(int64_t lane) {
  check_lane(lane);
  std::string stream;
  int64_t bits = 0;
  {
    const auto held = lock();
    bits = write(lane, 1, [](RangeEncoder* encoder, WordSink* sink) {
      return range_finish(*encoder, sink);
    });
    Stream& finished = streams_[static_cast<size_t>(lane)];
    stream = big_endian(finished.words, bits);
    finished = Stream();
  }
  return py::make_tuple(py::bytes(stream), bits);
}

Decoder::Decoder(int64_t lanes, uint32_t precision)
    : CoderLanes(lanes, precision),
      decoders_(static_cast<size_t>(lanes)),
      inputs_(static_cast<size_t>(lanes)) {
  for (int64_t lane = 0; lane < lanes; ++lane) start(py::bytes(), lane);
}

void Decoder::start(const py::bytes& stream, int64_t lane) {
  check_lane(lane);
  bool valid = false;
  {
    const auto held = lock();
    inputs_[static_cast<size_t>(lane)] = {std::string(stream), 0};
    valid = read(lane, [](RangeDecoder* decoder, ByteSource* source) {
      *decoder = RangeDecoder();
      range_start(decoder, source);
      const bool begins = range_code_valid(*decoder);
      // Later steps rely on the invariant: a lane that is not valid reads zeros from here on.
      if (!begins) decoder->offset = 0;
      return begins;
    });
  }
  if (!valid) check({Status::corrupt_stream, -1});
}

Symbols Decoder::step(const py::array& predictions, const Lanes& lanes) {
  const Rows rows = rows_of(predictions, precision());
  check_lanes(lanes, rows.count);
  Symbols symbols(rows.count);
  int32_t* const out = symbols.mutable_data();
  run_without_gil([&] {
    const auto held = lock();
    std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
    return decode_rows(rows, lanes.data(), scratch.data(), out);
  });
  return symbols;
}

Symbols Decoder::extend(const py::array& predictions, int64_t lane) {
  const Rows rows = rows_of(predictions, precision());
  check_lane(lane);
  Symbols symbols(rows.count);
  int32_t* const out = symbols.mutable_data();
  run_without_gil([&] {
    const auto held = lock();
    std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
    return read(lane, [&](RangeDecoder* decoder, ByteSource* source) {
      return range_decode_rows(decoder, source, rows, scratch.data(), out);
    });
  });
  return symbols;
}

Symbols Decoder::extend_lanes(ModelLanes& contexts, int64_t rounds, const Lanes& lanes) {
  const int64_t count = lanes.size();
  require(rounds >= 0, "expected at least 0 rounds, found ", rounds);
  check_model_lanes(lanes, contexts);
  Symbols symbols({rounds, count});
  int32_t* const out = symbols.mutable_data();
  run_without_gil([&] {
    const auto held = lock();
    Result result;
    for (int64_t i = 0; i < rounds && result.status == Status::ok; ++i) {
      result = decode_row(contexts, lanes.data(), count, out + i * count);
    }
    return result;
  });
  return symbols;
}

// No lane advances unless all rows are good.
Result Decoder::decode_rows(const Rows& rows, const int64_t* lanes, uint32_t* scratch,
                            int32_t* symbols) {
  intervals_.resize(static_cast<size_t>(rows.count));
  const Result result =
      range_peek_lanes(decoders_.data(), lanes, rows, scratch, symbols, intervals_.data());
  if (result.status != Status::ok) return result;
  for (int64_t i = 0; i < rows.count; ++i) {
    advance(lanes[i], intervals_[static_cast<size_t>(i)], precision());
  }
  return {};
}

Result Decoder::decode_row(ModelLanes& contexts, const int64_t* lanes, int64_t count,
                           int32_t* symbols) {
  Rows rows{nullptr, nullptr, count, contexts.alphabet(), precision()};
  Result result = contexts.predict(lanes, count, precision(), &rows.frequencies);
  if (result.status == Status::ok) result = decode_rows(rows, lanes, nullptr, symbols);
  if (result.status != Status::ok) return result;
  for (int64_t i = 0; i < count; ++i) contexts.take(lanes[i], symbols[i]);
  return {};
}

void Decoder::advance(int64_t lane, Interval interval, uint32_t bits) {
  read(lane, [&](RangeDecoder* decoder, ByteSource* source) {
    range_advance(decoder, interval, bits, source);
    return Result{};
  });
}

uint32_t Decoder::get_bits(uint32_t bits, int64_t lane) {
  check_lane(lane);
  require(bits >= 1 && bits <= kMaxPrecision, "expected 1 to 24 bits, found ", bits);
  const auto held = lock();
  const uint32_t value = range_target(decoders_[static_cast<size_t>(lane)], bits);
  advance(lane, {value, 1}, bits);
  return value;
}

bool Decoder::overrun(int64_t lane) {
  check_lane(lane);
  const auto held = lock();
  return is_overrun(lane);
}

int64_t Decoder::end(int64_t lane) {
  check_lane(lane);
  int64_t bits = -1;
  {
    const auto held = lock();
    bits = read(lane, [](const RangeDecoder* decoder, const ByteSource* source) {
      return range_stream_bits(*decoder, *source);
    });
  }
  if (bits < 0) check({Status::corrupt_stream, -1});
  return bits;
}

void register_range_coder(py::module_& module) {
  const auto rows = py::arg("rows");
  const auto symbols = py::arg("symbols").noconvert();
  const auto lanes = py::arg("lanes").noconvert();
  const auto lane = py::arg("lane");
  py::class_<Encoder> encoder(module, "RangeEncoder");
  encoder.def(py::init<int64_t, uint32_t>(), py::arg("lanes"), py::arg("precision"))
      .def("step", &Encoder::step, rows, symbols, lanes)
      .def("extend", &Encoder::extend, rows, symbols, lane)
      .def("extend_lanes", &Encoder::extend_lanes, py::arg("contexts"), symbols, lanes)
      .def("put_bits", &Encoder::put_bits, py::arg("value"), py::arg("bits"), lane)
      .def("finish", &Encoder::finish, lane);
  py::class_<Decoder> decoder(module, "RangeDecoder");
  decoder.def(py::init<int64_t, uint32_t>(), py::arg("lanes"), py::arg("precision"))
      .def("start", &Decoder::start, py::arg("stream"), lane)
      .def("step", &Decoder::step, rows, lanes)
      .def("extend", &Decoder::extend, rows, lane)
      .def("extend_lanes", &Decoder::extend_lanes, py::arg("contexts"), py::arg("rounds"), lanes)
      .def("get_bits", &Decoder::get_bits, py::arg("bits"), lane)
      .def("overrun", &Decoder::overrun, lane)
      .def("end", &Decoder::end, lane);
  define_table_streams(encoder, decoder);
}

}  // namespace eqinfo::bind
