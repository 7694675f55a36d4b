#include "cpu/mixer/coder.h"

#include <algorithm>
#include <memory>

#include "cpu/mixer/byte_mixer.h"
#include "range_coder.h"

namespace eqinfo {
namespace {

constexpr uint32_t kAlphabet = 256;
// Bytes of data that take about as long as the work of StopChecks.
constexpr int64_t kWorkPerByte = 64;

Interval bit_interval(uint32_t probability, uint32_t bit) {
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
  Result step(Stop* stop) {
    if (model_ == nullptr) return {};
    row_ = 0;
    const int64_t count = static_cast<int64_t>(step_symbols_.size());
    frequencies_.resize(step_symbols_.size() * kAlphabet);
    scratch_.resize(model_->scratch_bytes(count));
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
    const uint32_t* frequencies = frequencies_.data() + row_++ * kAlphabet;
    starts_[0] = 0;
    for (uint32_t i = 0; i < kAlphabet; ++i) starts_[i + 1] = starts_[i] + frequencies[i];
  }

  // M1's probability of a one at a node.
  uint32_t probability(uint32_t node, uint32_t shift) const {
    if (model_ == nullptr) return kHalf;
    const uint32_t low = (node << (shift + 1)) & (kAlphabet - 1);
    const uint32_t middle = low + (1u << shift);
    const uint64_t high = starts_[low + (2u << shift)];
    const uint64_t value = ((high - starts_[middle]) << kBitPrecision) / (high - starts_[low]);
    return static_cast<uint32_t>(std::clamp<uint64_t>(value, 1, (1u << kBitPrecision) - 1));
  }

 private:
  const Model* model_;
  uint32_t precision_;
  size_t stride_ = 0;
  AlignedBytes contexts_;
  std::vector<int32_t> symbols_;  // that the contexts take next
  std::vector<uint32_t> frequencies_;
  std::vector<uint8_t> scratch_;
  std::vector<uint8_t*> step_contexts_;
  std::vector<int32_t> step_symbols_;
  size_t row_ = 0;
  uint32_t starts_[kAlphabet + 1] = {};
};

// Calls code_bit(stream, probability), which returns the bit, for all bits of all streams, and
// take_byte(stream, position) before the mixer learns what follows a byte. If all data are
// `known`, the model predicts several bytes of few streams at a time.
template <typename Stream, typename CodeBit, typename TakeByte>
Result mix(const std::vector<Stream>& streams, bool known, const Model* model, uint32_t precision,
           Stop* stop, const CodeBit& code_bit, const TakeByte& take_byte) {
  std::vector<std::unique_ptr<ByteMixer>> mixers;
  std::vector<size_t> active;
  for (size_t i = 0; i < streams.size(); ++i) {
    const uint64_t size = static_cast<uint64_t>(streams[i].size);
    mixers.push_back(std::make_unique<ByteMixer>(streams[i].data, size, model != nullptr));
    if (size > 0) active.push_back(i);
  }
  Predictions predictions(model, precision, streams.size());
  StopChecks checks(stop);
  int64_t next = 0;
  for (int64_t position = 0; !active.empty(); position = next) {
    const int64_t count = static_cast<int64_t>(active.size());
    next = position + (known ? std::max<int64_t>(kModelBlock / count, 1) : 1);
    const auto end = [&](size_t i) { return std::min<int64_t>(next, streams[i].size); };
    predictions.clear();
    for (const size_t i : active) predictions.add(i, streams[i].data + position, end(i) - position);
    const Result result = predictions.step(stop);
    if (result.status != Status::ok) return result;
    for (const size_t i : active) {
      ByteMixer& mixer = *mixers[i];
      for (int64_t at = position; at < end(i); ++at) {
        predictions.select_next();
        mixer.begin_byte(static_cast<uint32_t>(at));
        for (uint32_t shift = 8; shift-- > 0;) {
          const uint32_t expected = predictions.probability(mixer.node(), shift);
          mixer.update(code_bit(i, at, shift, mixer.predict(expected)));
        }
        const uint8_t byte = static_cast<uint8_t>(mixer.node());
        take_byte(i, at, byte);
        mixer.end_byte();
        predictions.take(i, byte);
      }
    }
    checks.after(kWorkPerByte * (next - position) * count);
    const auto ended = [&](size_t i) { return streams[i].size <= next; };
    active.erase(std::remove_if(active.begin(), active.end(), ended), active.end());
  }
  return {};
}

uint32_t bit_at(const MixerInput& input, int64_t position, uint32_t shift) {
  return input.data[position] >> shift & 1u;
}

}  // namespace

Result mixer_encode(const std::vector<MixerInput>& inputs, const Model* model, uint32_t precision,
                    std::vector<std::vector<uint8_t>>* streams, Stop* stop) {
  struct Coder {
    RangeEncoder encoder;
    std::vector<uint32_t> words;
    WordSink sink{nullptr, 0};

    // Room for one more word.
    void grow() {
      if (sink.count == static_cast<int64_t>(words.size())) words.resize(2 * words.size() + 64);
      sink.words = words.data();
    }
  };
  std::vector<Coder> coders(inputs.size());
  const auto code_bit = [&](size_t i, int64_t position, uint32_t shift, uint32_t probability) {
    const uint32_t bit = bit_at(inputs[i], position, shift);
    coders[i].grow();
    range_encode(&coders[i].encoder, bit_interval(probability, bit), kBitPrecision,
                 &coders[i].sink);
    return bit;
  };
  const Result result =
      mix(inputs, true, model, precision, stop, code_bit, [](size_t, int64_t, uint8_t) {});
  if (result.status != Status::ok) return result;
  streams->clear();
  for (Coder& coder : coders) {
    coder.grow();
    const int64_t size = (range_finish(coder.encoder, &coder.sink) + 7) / 8;
    std::vector<uint8_t>& stream = streams->emplace_back(static_cast<size_t>(size));
    for (size_t k = 0; k < stream.size(); ++k) {
      stream[k] = static_cast<uint8_t>(coder.words[k / 4] >> (24 - 8 * (k % 4)));
    }
  }
  return {};
}

Result mixer_decode(const std::vector<MixerOutput>& outputs, const Model* model, uint32_t precision,
                    Stop* stop) {
  struct Coder {
    RangeDecoder decoder;
    ByteSource source;
  };
  std::vector<Coder> coders;
  for (size_t i = 0; i < outputs.size(); ++i) {
    coders.push_back({{}, {outputs[i].stream, outputs[i].stream_size, 0}});
    range_start(&coders[i].decoder, &coders[i].source);
    if (!range_code_valid(coders[i].decoder)) {
      return {Status::corrupt_stream, static_cast<int64_t>(i)};
    }
  }
  const auto code_bit = [&](size_t i, int64_t, uint32_t, uint32_t probability) {
    Coder& coder = coders[i];
    const uint64_t ones = scale_range(coder.decoder.range, probability, kBitPrecision);
    const uint32_t bit = coder.decoder.offset < ones ? 1 : 0;
    range_advance(&coder.decoder, bit_interval(probability, bit), kBitPrecision, &coder.source);
    return bit;
  };
  const auto take_byte = [&](size_t i, int64_t position, uint8_t byte) {
    outputs[i].data[position] = byte;
  };
  const Result result = mix(outputs, false, model, precision, stop, code_bit, take_byte);
  if (result.status != Status::ok) return result;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int64_t bits = range_stream_bits(coders[i].decoder, coders[i].source);
    if (bits < 0 || (bits + 7) / 8 != outputs[i].stream_size) {
      return {Status::corrupt_stream, static_cast<int64_t>(i)};
    }
  }
  return {};
}

Result mixer_probabilities(const MixerInput& input, const Model* model, uint32_t precision,
                           uint16_t* probabilities, Stop* stop) {
  const auto code_bit = [&](size_t, int64_t position, uint32_t shift, uint32_t probability) {
    *probabilities++ = static_cast<uint16_t>(probability);
    return bit_at(input, position, shift);
  };
  return mix(std::vector<MixerInput>{input}, true, model, precision, stop, code_bit,
             [](size_t, int64_t, uint8_t) {});
}

}  // namespace eqinfo
