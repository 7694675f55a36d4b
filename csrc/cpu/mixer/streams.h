// What coders of streams share: M1's predictions, the loop over bits, and the range coder of bits.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "cpu/mixer/byte_mixer.h"
#include "cpu/mixer/coder.h"
#include "cpu/model/guessed_stream.h"
#include "range_coder.h"

namespace eqinfo {

constexpr uint32_t kMixerAlphabet = 256;
// Bytes of data that take about as long as the work of StopChecks.
constexpr int64_t kMixerWorkPerByte = 64;

inline Interval bit_interval(uint32_t probability, uint32_t bit) {
  return bit != 0 ? Interval{0, probability}
                  : Interval{probability, (1u << kBitPrecision) - probability};
}

// M1's distributions of the next bytes of streams.
class Predictions {
 public:
  Predictions(const Model* model, uint32_t precision, size_t streams)
      : model_(model), precision_(precision) {
    if (model_ == nullptr) return;
    stride_ = aligned_size(model_->context_bytes());
    contexts_ = aligned_bytes(streams * stride_);
    for (size_t i = 0; i < streams; ++i) model_->start(contexts_.get() + i * stride_);
    symbols_.assign(streams, kFresh);
    if (streams == 1) guessed_ = guessed_stream(model_, contexts_.get());
  }

  // Go on as `other`, which is between two steps and has the same model and number of streams.
  void become(const Predictions& other) {
    if (model_ == nullptr) return;
    std::copy_n(other.contexts_.get(), symbols_.size() * stride_, contexts_.get());
    symbols_ = other.symbols_;
    if (guessed_ != nullptr) guessed_->restart();
  }

  // The predictions of the next step begin here.
  void clear() {
    step_contexts_.clear();
    step_symbols_.clear();
  }
  // The next step predicts the next `count` bytes of a stream, at `data`; all but the last of them
  // are known.
  void add(size_t stream, const uint8_t* data, int64_t count) {
    if (model_ == nullptr) return;
    for (int64_t k = 0; k < count; ++k) {
      if (k > 0) symbols_[stream] = data[k - 1];
      step_contexts_.push_back(contexts_.get() + stream * stride_);
      step_symbols_.push_back(symbols_[stream]);
    }
  }
  // A stream that is not `known` stays so until `become`.
  Result step(bool known, Stop* stop) {
    if (model_ == nullptr) return {};
    row_ = 0;
    const int64_t count = static_cast<int64_t>(step_symbols_.size());
    if (guessed_ != nullptr && !known) {
      return guessed_->predict(step_symbols_[0], precision_, &rows_, stop);
    }
    frequencies_.resize(step_symbols_.size() * kMixerAlphabet);
    scratch_.resize(model_->scratch_bytes(count));
    rows_ = frequencies_.data();
    return model_->step(step_contexts_.data(), step_symbols_.data(), count, precision_,
                        frequencies_.data(), scratch_.data(), stop);
  }

  // The byte of the last prediction of a stream.
  void take(size_t stream, uint8_t byte) {
    if (model_ != nullptr) symbols_[stream] = byte;
  }
  // The next prediction of the step, in the order of `add`, becomes that of the next eight bits.
  void select_next() {
    if (model_ == nullptr) return;
    selected_ = rows_ + row_++ * kMixerAlphabet;
  }

  // M1's probability of a one at a node; those of a byte's bits, one after the other.
  uint32_t probability(uint32_t node, uint32_t shift) {
    if (model_ == nullptr) return kHalf;
    // The frequencies of the bytes that begin with the node, and of those that go on with a one.
    all_ = node == 1 ? 1u << precision_ : (node & 1) != 0 ? ones_ : all_ - ones_;
    const uint32_t middle = (2 * node + 1) << shift & (kMixerAlphabet - 1);
    ones_ = 0;
    for (uint32_t i = 0; i < 1u << shift; ++i) ones_ += selected_[middle + i];
    const uint64_t value = (uint64_t{ones_} << kBitPrecision) / all_;
    return static_cast<uint32_t>(std::clamp<uint64_t>(value, 1, (1u << kBitPrecision) - 1));
  }

 private:
  const Model* model_;
  uint32_t precision_;
  std::unique_ptr<GuessedStream> guessed_;  // of a single stream
  const uint32_t* rows_ = nullptr;
  size_t stride_ = 0;
  AlignedBytes contexts_;
  std::vector<int32_t> symbols_;  // that the contexts take next
  std::vector<uint32_t> frequencies_;
  std::vector<uint8_t> scratch_;
  std::vector<uint8_t*> step_contexts_;
  std::vector<int32_t> step_symbols_;
  size_t row_ = 0;
  const uint32_t* selected_ = nullptr;
  uint32_t all_ = 0;
  uint32_t ones_ = 0;
};

// Calls code_bit(stream, position, shift, probability), which returns the bit, for all bits of all
// streams, and take_byte(stream, position, byte) before the mixer learns what follows a byte.
// Positions count from 0; the mixers have seen `begin` bytes before them. If all data are `known`,
// the model predicts several bytes of few streams at a time.
template <typename CodeBit, typename TakeByte>
Result mix_on(const std::vector<MixerInput>& streams,
              const std::vector<std::unique_ptr<ByteMixer>>& mixers, uint32_t begin, bool known,
              Predictions* predictions, Stop* stop, const CodeBit& code_bit,
              const TakeByte& take_byte) {
  std::vector<size_t> active;
  for (size_t i = 0; i < streams.size(); ++i) {
    if (streams[i].size > 0) active.push_back(i);
  }
  StopChecks checks(stop);
  int64_t next = 0;
  for (int64_t position = 0; !active.empty(); position = next) {
    const int64_t count = static_cast<int64_t>(active.size());
    next = position + (known ? std::max<int64_t>(kModelBlock / count, 1) : 1);
    const auto end = [&](size_t i) { return std::min<int64_t>(next, streams[i].size); };
    predictions->clear();
    for (const size_t i : active) {
      predictions->add(i, streams[i].data + position, end(i) - position);
    }
    const Result result = predictions->step(known, stop);
    if (result.status != Status::ok) return result;
    for (const size_t i : active) {
      ByteMixer& mixer = *mixers[i];
      for (int64_t at = position; at < end(i); ++at) {
        predictions->select_next();
        mixer.begin_byte(begin + static_cast<uint32_t>(at), known);
        for (uint32_t shift = 8; shift-- > 0;) {
          const uint32_t expected = predictions->probability(mixer.node(), shift);
          mixer.update(code_bit(i, at, shift, mixer.predict(expected)));
        }
        const uint8_t byte = static_cast<uint8_t>(mixer.node());
        take_byte(i, at, byte);
        mixer.end_byte();
        predictions->take(i, byte);
      }
    }
    checks.after(kMixerWorkPerByte * (next - position) * count);
    const auto ended = [&](size_t i) { return streams[i].size <= next; };
    active.erase(std::remove_if(active.begin(), active.end(), ended), active.end());
  }
  return {};
}

inline uint32_t bit_at(const uint8_t* data, int64_t position, uint32_t shift) {
  return data[position] >> shift & 1u;
}

class BitEncoder {
 public:
  void code(uint32_t bit, uint32_t probability) {
    grow();
    range_encode(&encoder_, bit_interval(probability, bit), kBitPrecision, &sink_);
  }

  std::vector<uint8_t> finish() {
    grow();
    const int64_t size = (range_finish(encoder_, &sink_) + 7) / 8;
    std::vector<uint8_t> stream(static_cast<size_t>(size));
    for (size_t k = 0; k < stream.size(); ++k) {
      stream[k] = static_cast<uint8_t>(words_[k / 4] >> (24 - 8 * (k % 4)));
    }
    return stream;
  }

 private:
  // Room for one more word.
  void grow() {
    if (sink_.count == static_cast<int64_t>(words_.size())) words_.resize(2 * words_.size() + 64);
    sink_.words = words_.data();
  }

  RangeEncoder encoder_;
  std::vector<uint32_t> words_;
  WordSink sink_{nullptr, 0};
};

class BitDecoder {
 public:
  BitDecoder(const uint8_t* stream, int64_t size) : source_{stream, size, 0}, size_(size) {
    range_start(&decoder_, &source_);
  }

  // Whether an encoder could write this beginning.
  bool valid() const { return range_code_valid(decoder_); }

  uint32_t code(uint32_t probability) {
    const uint64_t ones = scale_range(decoder_.range, probability, kBitPrecision);
    const uint32_t bit = decoder_.offset < ones ? 1 : 0;
    range_advance(&decoder_, bit_interval(probability, bit), kBitPrecision, &source_);
    return bit;
  }

  // Whether the stream ends as an encoder ends it.
  bool complete() const {
    const int64_t bits = range_stream_bits(decoder_, source_);
    return bits >= 0 && (bits + 7) / 8 == size_;
  }

 private:
  RangeDecoder decoder_;
  ByteSource source_;
  int64_t size_;
};

// Code the next stream of a `place`, whose mix(part, known, stop, code_bit, take_byte) is mix_on
// from where it stands. The place has memory for the stream's bytes at `data`.
template <typename Place>
Result encode_next(MixerInput input, uint8_t* data, Place* place, std::vector<uint8_t>* stream,
                   Stop* stop) {
  std::copy_n(input.data, input.size, data);
  BitEncoder coder;
  const auto code_bit = [&](size_t, int64_t position, uint32_t shift, uint32_t probability) {
    const uint32_t bit = bit_at(data, position, shift);
    coder.code(bit, probability);
    return bit;
  };
  const Result result =
      place->mix({data, input.size}, true, stop, code_bit, [](size_t, int64_t, uint8_t) {});
  if (result.status == Status::ok) *stream = coder.finish();
  return result;
}

template <typename Place>
Result decode_next(const MixerOutput& output, uint8_t* data, Place* place, Stop* stop) {
  BitDecoder coder(output.stream, output.stream_size);
  if (!coder.valid()) return {Status::corrupt_stream, 0};
  const auto code_bit = [&](size_t, int64_t, uint32_t, uint32_t probability) {
    return coder.code(probability);
  };
  const auto take_byte = [&](size_t, int64_t position, uint8_t byte) { data[position] = byte; };
  const Result result = place->mix({data, output.size}, false, stop, code_bit, take_byte);
  if (result.status != Status::ok) return result;
  if (!coder.complete()) return {Status::corrupt_stream, 0};
  std::copy_n(data, output.size, output.data);
  return {};
}

}  // namespace eqinfo
