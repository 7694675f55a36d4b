// Range coders on lanes, one stream per lane. What a lane does with frequencies that are known
// beforehand is in range_coder_tables.cpp, the rest in range_coder.cpp.
#pragma once

#include <pybind11/typing.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bind/arrays.h"
#include "bind/model.h"
#include "cpu/range_coder_loops.h"

namespace eqinfo::bind {

using Lanes = Array<int64_t>;
using Symbols = Array<int32_t>;

// What encoders and decoders share: a number of lanes, a precision, and a lock.
class CoderLanes {
 public:
  uint32_t precision() const { return precision_; }
  void check_lane(int64_t lane) const {
    if (lane < 0 || lane >= lanes_) check({Status::lane_out_of_range, 0});
  }
  // Hold it around native work only. Under it, make no Python object and raise nothing: both may
  // wait for the GIL, which another thread may hold while it waits for this lock.
  std::unique_lock<std::mutex> lock() { return std::unique_lock<std::mutex>(mutex_); }

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
  std::mutex mutex_;
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

  // Calls work(&encoder, &sink) with room for `words` more words on a lane, under the lock.
  template <typename Work>
  auto write(int64_t lane, int64_t words, const Work& work) {
    Stream& stream = streams_[static_cast<size_t>(lane)];
    // Larger than the stream, so that steps rarely allocate.
    const size_t needed = static_cast<size_t>(stream.count + words);
    if (stream.words.size() < needed) {
      stream.words.resize(std::max(needed, stream.words.size() * 2));
    }
    WordSink sink{stream.words.data(), stream.count};
    const auto result = work(&stream.encoder, &sink);
    stream.count = sink.count;
    return result;
  }

 private:
  // A stream under construction.
  struct Stream {
    RangeEncoder encoder;
    std::vector<uint32_t> words;
    int64_t count = 0;  // of the words that are written
  };

  Result encode(int64_t lane, const Interval* intervals, int64_t count, uint32_t bits);
  Result encode_row(ModelLanes& contexts, const int32_t* symbols, const int64_t* lanes,
                    int64_t count);

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

  // Calls work(&decoder, &source) for the stream of a lane, under the lock.
  template <typename Work>
  auto read(int64_t lane, const Work& work) {
    Input& input = inputs_[static_cast<size_t>(lane)];
    ByteSource source = input.source();
    const auto result = work(&decoders_[static_cast<size_t>(lane)], &source);
    input.position = source.position;
    return result;
  }
  // overrun without checks, under the lock.
  bool is_overrun(int64_t lane) const {
    const Input& input = inputs_[static_cast<size_t>(lane)];
    return input.position > static_cast<int64_t>(input.stream.size()) + 8;
  }

 private:
  struct Input {
    std::string stream;
    int64_t position = 0;
    ByteSource source() const {
      return {reinterpret_cast<const uint8_t*>(stream.data()), static_cast<int64_t>(stream.size()),
              position};
    }
  };

  Result decode_rows(const Rows& rows, const int64_t* lanes, uint32_t* scratch, int32_t* symbols);
  Result decode_row(ModelLanes& contexts, const int64_t* lanes, int64_t count, int32_t* symbols);
  void advance(int64_t lane, Interval interval, uint32_t bits);

  std::vector<RangeDecoder> decoders_;
  std::vector<Input> inputs_;
  std::vector<Interval> intervals_;
};

// Defines the methods extend_static and extend_counted.
void define_table_streams(py::class_<Encoder>& encoder, py::class_<Decoder>& decoder);

}  // namespace eqinfo::bind
