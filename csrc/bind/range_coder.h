// Range coders on lanes, one stream per lane. What a lane does with frequencies that are known
// beforehand is in range_coder_tables.cpp, the rest in range_coder.cpp.
#pragma once

#include <pybind11/typing.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "bind/arrays.h"
#include "bind/call_lock.h"
#include "bind/model.h"
#include "cpu/range_coder_loops.h"

namespace eqinfo::bind {

using Lanes = Array<int64_t>;
using Symbols = Array<int32_t>;

// Raises RuntimeError for what an earlier call has left half done, because it was ended early or
// memory ran out.
inline void require_whole(bool whole) {
  if (whole) return;
  throw std::runtime_error(
      "expected lanes that no failed call has left half coded, found one; begin a new stream, with "
      "new contexts of a native model");
}

// What encoders and decoders share: a number of lanes, a precision, and a lock.
class CoderLanes {
 public:
  uint32_t precision() const { return precision_; }
  void check_lane(int64_t lane) const {
    if (lane < 0 || lane >= lanes_) check({Status::lane_out_of_range, 0});
  }
  CallLock* lock() { return &lock_; }

 protected:
  CoderLanes(int64_t lanes, uint32_t precision) : lanes_(lanes), precision_(precision) {
    require(lanes >= 1, "expected at least 1 lane, found ", lanes);
    require(precision >= kMinPrecision && precision <= kMaxPrecision,
            "expected precision of 8 to 24, found ", precision);
  }
  void check_lanes(const Lanes& lanes, int64_t count) const {
    require_shape(lanes, "lanes", {count});
    bind::check_lanes(lanes.data(), count, lanes_);
  }
  // The checks of extend_lanes.
  void check_model_lanes(const Lanes& lanes, const ModelLanes& contexts) const {
    bind::check_lanes(lanes.data(), lanes.size(), std::min(lanes_, contexts.lanes()));
    require_precision(contexts.alphabet(), precision_);
  }

 private:
  int64_t lanes_;
  uint32_t precision_;
  CallLock lock_;
};

class Encoder : public CoderLanes {
 public:
  Encoder(int64_t lanes, uint32_t precision);

  // One symbol on each of some lanes, with row i of `predictions` for symbols[i].
  void step(const py::array& predictions, const Symbols& symbols, const Lanes& lanes);
  // Several symbols on one lane, with one row each.
  void extend(const py::array& predictions, const Symbols& symbols, int64_t lane);
  // Row i of `symbols` holds the i-th symbol of every lane; the native model predicts them.
  void extend_lanes(ModelLanes& contexts, const Symbols& symbols, const Lanes& lanes);
  void put_bits(uint32_t value, uint32_t bits, int64_t lane);
  // The stream of a lane and its length in bits; the lane begins a new stream.
  py::typing::Tuple<py::bytes, py::int_> finish(int64_t lane);

  // Calls work(), a part of what a call codes. If it throws after the first part, the lane is half
  // coded.
  template <typename Work>
  void code_part(int64_t lane, bool first, const Work& work) {
    try {
      work();
    } catch (...) {
      if (!first) streams_[static_cast<size_t>(lane)].whole = false;
      throw;
    }
  }
  // Codes `count` symbols in parts, by work(&encoder, &sink, begin, end), so that memory for them
  // grows with what is written. Calls without the GIL, under the lock.
  template <typename Work>
  void write_in_parts(int64_t lane, int64_t count, Stop* stop, const Work& work) {
    constexpr int64_t kPart = 1 << 16;
    for (int64_t begin = 0; begin < count; begin += kPart) {
      const int64_t end = std::min(count, begin + kPart);
      code_part(lane, begin == 0, [&] {
        stop->check();
        write(lane, end - begin, [&](RangeEncoder* encoder, WordSink* sink) {
          work(encoder, sink, begin, end);
          return Result{};
        });
      });
    }
  }
  // Calls work(&encoder, &sink) with room for `words` more words on a lane, under the lock. Where
  // `work` throws, the lane is half coded: a carry may have changed words that were written before.
  template <typename Work>
  auto write(int64_t lane, int64_t words, const Work& work) {
    Stream& stream = reserve(lane, words);
    WordSink sink{stream.words.data(), stream.count};
    stream.whole = false;
    const auto result = work(&stream.encoder, &sink);
    stream.whole = true;
    stream.count = sink.count;
    return result;
  }

 private:
  // A stream under construction.
  struct Stream {
    RangeEncoder encoder;
    std::vector<uint32_t> words;
    int64_t count = 0;  // of the words that are written
    bool whole = true;  // no call has left it half coded
  };

  // A lane with room for `words` more words.
  Stream& reserve(int64_t lane, int64_t words) {
    Stream& stream = streams_[static_cast<size_t>(lane)];
    require_whole(stream.whole);
    // Larger than the stream, so that steps rarely allocate.
    const size_t needed = static_cast<size_t>(stream.count + words);
    if (stream.words.size() < needed) {
      stream.words.resize(std::max(needed, stream.words.size() * 2));
    }
    return stream;
  }

  void encode(int64_t lane, Interval interval, uint32_t bits);
  Result encode_rounds(ModelLanes& contexts, const int32_t* symbols, int64_t rounds,
                       const int64_t* lanes, int64_t count, Stop* stop);

  std::vector<Stream> streams_;
};

class Decoder : public CoderLanes {
 public:
  Decoder(int64_t lanes, uint32_t precision);

  void start(const py::bytes& stream, int64_t lane);
  // The inverse of the encoder's methods of the same names.
  Symbols step(const py::array& predictions, const Lanes& lanes);
  Symbols extend(const py::array& predictions, int64_t lane);
  Symbols extend_lanes(ModelLanes& contexts, int64_t rounds, const Lanes& lanes);
  uint32_t get_bits(uint32_t bits, int64_t lane);
  // Whether more has been read than any encoder writes for the symbols decoded so far.
  bool overrun(int64_t lane);
  // The number of bits that an encoder writes for the symbols decoded so far; raises FormatError
  // where the stream is another one.
  int64_t end(int64_t lane);

  // Calls work(&decoder, &source) for the stream of a lane, under the lock. Where `work` throws,
  // the lane stays as it was.
  template <typename Work>
  auto read(int64_t lane, const Work& work) {
    Input& input = inputs_[static_cast<size_t>(lane)];
    require_whole(input.whole);
    RangeDecoder decoder = decoders_[static_cast<size_t>(lane)];
    ByteSource source = input.source();
    const auto result = work(&decoder, &source);
    decoders_[static_cast<size_t>(lane)] = decoder;
    input.position = source.position;
    return result;
  }
  static bool is_overrun(const ByteSource& source) { return source.position > source.size + 8; }

 private:
  struct Input {
    std::string stream;
    int64_t position = 0;
    bool whole = true;  // no call has left it half decoded
    ByteSource source() const {
      return {reinterpret_cast<const uint8_t*>(stream.data()), static_cast<int64_t>(stream.size()),
              position};
    }
  };

  Result decode_rows(const Rows& rows, const int64_t* lanes, uint32_t* scratch, int32_t* symbols,
                     Stop* stop);
  Result decode_row(ModelLanes& contexts, const int64_t* lanes, int64_t count, int32_t* symbols,
                    Stop* stop);
  void advance(int64_t lane, Interval interval, uint32_t bits);

  std::vector<RangeDecoder> decoders_;
  std::vector<Input> inputs_;
  std::vector<Interval> intervals_;
};

// Defines the methods extend_static and extend_counted.
void define_table_streams(py::class_<Encoder>& encoder, py::class_<Decoder>& decoder);

}  // namespace eqinfo::bind
