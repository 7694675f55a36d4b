#include "bind/range_coder.h"

#include <algorithm>

#include "bind/construct.h"
#include "bind/register.h"

namespace eqinfo::bind {
namespace {

void write_big_endian(const std::vector<uint32_t>& words, int64_t size, uint8_t* bytes) {
  for (int64_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(words[static_cast<size_t>(i / 4)] >> (24 - 8 * (i % 4)));
  }
}

// Intervals of symbols[i] in row i; calls `use` with them unless there is a fault.
template <typename Use>
Result with_intervals(const Rows& rows, const Symbols& symbols, Stop* stop, const Use& use) {
  std::vector<Interval> intervals(static_cast<size_t>(rows.count));
  std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
  const Result result =
      symbol_intervals(rows, symbols.data(), scratch.data(), intervals.data(), stop);
  if (result.status == Status::ok) use(intervals.data());
  return result;
}

}  // namespace

Encoder::Encoder(int64_t lanes, uint32_t precision)
    : CoderLanes(lanes, precision), streams_(static_cast<size_t>(lanes)) {}

void Encoder::encode(int64_t lane, Interval interval, uint32_t bits) {
  write(lane, 1, [&](RangeEncoder* encoder, WordSink* sink) {
    range_encode(encoder, interval, bits, sink);
    return Result{};
  });
}

void Encoder::step(const py::array& predictions, const Symbols& symbols, const Lanes& lanes) {
  const Rows rows = rows_of(predictions, precision());
  require_shape(symbols, "symbols", {rows.count});
  check_lanes(lanes, rows.count);
  run_without_gil([&](Stop* stop) {
    return with_intervals(rows, symbols, stop, [&](const Interval* intervals) {
      const CallTurn turn(lock(), stop);
      for (int64_t i = 0; i < rows.count; ++i) reserve(lanes.data()[i], 1);
      for (int64_t i = 0; i < rows.count; ++i) {
        encode(lanes.data()[i], intervals[i], precision());
      }
    });
  });
}

void Encoder::extend(const py::array& predictions, const Symbols& symbols, int64_t lane) {
  const Rows rows = rows_of(predictions, precision());
  require_shape(symbols, "symbols", {rows.count});
  check_lane(lane);
  run_without_gil([&](Stop* stop) {
    return with_intervals(rows, symbols, stop, [&](const Interval* intervals) {
      const CallTurn turn(lock(), stop);
      write_in_parts(lane, rows.count, stop,
                     [&](RangeEncoder* encoder, WordSink* sink, int64_t begin, int64_t end) {
                       range_encode_intervals(encoder, sink, intervals + begin, end - begin,
                                              precision());
                     });
    });
  });
}

void Encoder::extend_lanes(ModelLanes& contexts, const Symbols& symbols, const Lanes& lanes) {
  const int64_t count = lanes.size();
  require_shape(symbols, "symbols", {-1, count});
  check_model_lanes(lanes, contexts);
  run_without_gil([&](Stop* stop) {
    const CallTurn turn(lock(), stop);
    const CallTurn of_contexts(contexts.lock(), stop);
    const int32_t* const in = symbols.data();
    Result result = check_symbols(in, symbols.size(), contexts.alphabet(), stop);
    try {
      // Of few lanes, the model predicts several symbols at a time.
      const int64_t at_once = std::max<int64_t>(contexts.block() / std::max<int64_t>(count, 1), 1);
      const int64_t total = symbols.shape(0);
      for (int64_t i = 0; i < total && result.status == Status::ok; i += at_once) {
        result = encode_rounds(contexts, in + i * count, std::min(at_once, total - i), lanes.data(),
                               count, stop);
      }
    } catch (...) {
      for (int64_t k = 0; k < count; ++k) {
        streams_[static_cast<size_t>(lanes.data()[k])].whole = false;
      }
      throw;
    }
    return result;
  });
}

Result Encoder::encode_rounds(ModelLanes& contexts, const int32_t* symbols, int64_t rounds,
                              const int64_t* lanes, int64_t count, Stop* stop) {
  const uint32_t* frequencies = nullptr;
  const Result result =
      contexts.predict(lanes, count, symbols, rounds, precision(), &frequencies, stop);
  if (result.status != Status::ok) return result;
  for (int64_t i = 0; i < rounds * count; ++i, frequencies += contexts.alphabet()) {
    const Interval interval = symbol_interval(SerialRow{frequencies, contexts.alphabet()},
                                              static_cast<uint32_t>(symbols[i]));
    encode(lanes[i % count], interval, precision());
    contexts.take(lanes[i % count], symbols[i]);
  }
  return {};
}

void Encoder::put_bits(uint32_t value, uint32_t bits, int64_t lane) {
  check_lane(lane);
  require(bits >= 1 && bits <= kMaxPrecision, "expected 1 to 24 bits, found ", bits);
  require((value >> bits) == 0, "expected a value of ", bits, " bits, found ", value);
  const Interval interval{value, 1};
  const CallTurn turn(lock());
  encode(lane, interval, bits);
}

py::typing::Tuple<py::bytes, py::int_> Encoder::finish(int64_t lane) {
  check_lane(lane);
  const CallTurn turn(lock());
  Stream& stream = streams_[static_cast<size_t>(lane)];
  if (!stream.whole) {
    stream = Stream();
    require_whole(false);
  }
  reserve(lane, 1);
  // Whatever needs memory comes first, so that a failure changes nothing.
  const int64_t bits =
      stream.count * kWordBits +
      static_cast<int64_t>(range_end(stream.encoder.low, stream.encoder.range).bits);
  const int64_t size = (bits + 7) / 8;
  const py::bytes bytes = new_bytes(size);
  py::typing::Tuple<py::bytes, py::int_> result = py::make_tuple(bytes, bits);
  write(lane, 1,
        [](RangeEncoder* encoder, WordSink* sink) { return range_finish(*encoder, sink); });
  write_big_endian(stream.words, size, memory_of(bytes));
  stream = Stream();
  return result;
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
    const CallTurn turn(lock());
    inputs_[static_cast<size_t>(lane)] = {std::string(stream)};
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
  run_without_gil([&](Stop* stop) {
    std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
    const CallTurn turn(lock(), stop);
    return decode_rows(rows, lanes.data(), scratch.data(), out, stop);
  });
  return symbols;
}

Symbols Decoder::extend(const py::array& predictions, int64_t lane) {
  const Rows rows = rows_of(predictions, precision());
  check_lane(lane);
  Symbols symbols(rows.count);
  int32_t* const out = symbols.mutable_data();
  run_without_gil([&](Stop* stop) {
    std::vector<uint32_t> scratch(kRowBlock * rows.alphabet);
    const CallTurn turn(lock(), stop);
    return read(lane, [&](RangeDecoder* decoder, ByteSource* source) {
      return range_decode_rows(decoder, source, rows, scratch.data(), out, stop);
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
  run_without_gil([&](Stop* stop) {
    const CallTurn turn(lock(), stop);
    const CallTurn of_contexts(contexts.lock(), stop);
    Result result;
    try {
      for (int64_t i = 0; count > 0 && i < rounds && result.status == Status::ok; ++i) {
        result = decode_row(contexts, lanes.data(), count, out + i * count, stop);
      }
    } catch (...) {
      for (int64_t k = 0; k < count; ++k) {
        inputs_[static_cast<size_t>(lanes.data()[k])].whole = false;
      }
      throw;
    }
    return result;
  });
  return symbols;
}

// No lane advances unless all rows are good.
Result Decoder::decode_rows(const Rows& rows, const int64_t* lanes, uint32_t* scratch,
                            int32_t* symbols, Stop* stop) {
  for (int64_t i = 0; i < rows.count; ++i) {
    require_whole(inputs_[static_cast<size_t>(lanes[i])].whole);
  }
  intervals_.resize(static_cast<size_t>(rows.count));
  const Result result =
      range_peek_lanes(decoders_.data(), lanes, rows, scratch, symbols, intervals_.data(), stop);
  if (result.status != Status::ok) return result;
  for (int64_t i = 0; i < rows.count; ++i) {
    advance(lanes[i], intervals_[static_cast<size_t>(i)], precision());
  }
  return {};
}

Result Decoder::decode_row(ModelLanes& contexts, const int64_t* lanes, int64_t count,
                           int32_t* symbols, Stop* stop) {
  Rows rows{nullptr, nullptr, count, contexts.alphabet(), precision()};
  Result result = contexts.predict(lanes, count, precision(), &rows.frequencies, stop);
  if (result.status == Status::ok) result = decode_rows(rows, lanes, nullptr, symbols, stop);
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
  const CallTurn turn(lock());
  return read(lane, [&](RangeDecoder* decoder, ByteSource* source) {
    const uint32_t value = range_target(*decoder, bits);
    range_advance(decoder, {value, 1}, bits, source);
    return value;
  });
}

bool Decoder::overrun(int64_t lane) {
  check_lane(lane);
  const CallTurn turn(lock());
  return is_overrun(inputs_[static_cast<size_t>(lane)].source());
}

int64_t Decoder::end(int64_t lane) {
  check_lane(lane);
  int64_t bits = -1;
  {
    const CallTurn turn(lock());
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
  define_constructor<Encoder, int64_t, uint32_t>(encoder, py::arg("lanes"), py::arg("precision"))
      .def("step", &Encoder::step, rows, symbols, lanes)
      .def("extend", &Encoder::extend, rows, symbols, lane)
      .def("extend_lanes", &Encoder::extend_lanes, py::arg("contexts"), symbols, lanes)
      .def("put_bits", &Encoder::put_bits, py::arg("value"), py::arg("bits"), lane)
      .def("finish", &Encoder::finish, lane);
  py::class_<Decoder> decoder(module, "RangeDecoder");
  define_constructor<Decoder, int64_t, uint32_t>(decoder, py::arg("lanes"), py::arg("precision"))
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
