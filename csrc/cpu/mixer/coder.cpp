#include "cpu/mixer/coder.h"

#include <algorithm>

#include "cpu/mixer/streams.h"

namespace eqinfo {
namespace {

// How many streams step through the model together. Each has tables of up to 60 MB, so more streams
// wait for memory longer than their model gains. Those that are known need not step together.
constexpr size_t kTogether = 2;

// mix_on with new mixers.
template <typename Stream, typename CodeBit, typename TakeByte>
Result mix(const std::vector<Stream>& streams, bool known, const Model* model, uint32_t precision,
           Stop* stop, const CodeBit& code_bit, const TakeByte& take_byte) {
  const size_t together = known || model == nullptr ? 1 : kTogether;
  size_t end = 0;
  for (size_t first = 0; first < streams.size(); first = end) {
    end = std::min(first + together, streams.size());
    std::vector<std::unique_ptr<ByteMixer>> mixers;
    std::vector<MixerInput> data;
    for (size_t i = first; i < end; ++i) {
      const uint64_t size = static_cast<uint64_t>(streams[i].size);
      mixers.push_back(std::make_unique<ByteMixer>(streams[i].data, size, model != nullptr));
      data.push_back({streams[i].data, streams[i].size});
    }
    Predictions predictions(model, precision, data.size());
    const auto code_bit_of = [&](size_t i, int64_t position, uint32_t shift, uint32_t probability) {
      return code_bit(first + i, position, shift, probability);
    };
    const auto take_byte_of = [&](size_t i, int64_t position, uint8_t byte) {
      take_byte(first + i, position, byte);
    };
    const Result result =
        mix_on(data, mixers, 0, known, &predictions, stop, code_bit_of, take_byte_of);
    if (result.status != Status::ok) return result;
  }
  return {};
}

}  // namespace

Result mixer_encode(const std::vector<MixerInput>& inputs, const Model* model, uint32_t precision,
                    std::vector<std::vector<uint8_t>>* streams, Stop* stop) {
  std::vector<BitEncoder> coders(inputs.size());
  const auto code_bit = [&](size_t i, int64_t position, uint32_t shift, uint32_t probability) {
    const uint32_t bit = bit_at(inputs[i].data, position, shift);
    coders[i].code(bit, probability);
    return bit;
  };
  const Result result =
      mix(inputs, true, model, precision, stop, code_bit, [](size_t, int64_t, uint8_t) {});
  if (result.status != Status::ok) return result;
  streams->clear();
  for (BitEncoder& coder : coders) streams->push_back(coder.finish());
  return {};
}

Result mixer_decode(const std::vector<MixerOutput>& outputs, const Model* model, uint32_t precision,
                    Stop* stop) {
  std::vector<BitDecoder> coders;
  for (size_t i = 0; i < outputs.size(); ++i) {
    coders.emplace_back(outputs[i].stream, outputs[i].stream_size);
    if (!coders[i].valid()) return {Status::corrupt_stream, static_cast<int64_t>(i)};
  }
  const auto code_bit = [&](size_t i, int64_t, uint32_t, uint32_t probability) {
    return coders[i].code(probability);
  };
  const auto take_byte = [&](size_t i, int64_t position, uint8_t byte) {
    outputs[i].data[position] = byte;
  };
  const Result result = mix(outputs, false, model, precision, stop, code_bit, take_byte);
  if (result.status != Status::ok) return result;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!coders[i].complete()) return {Status::corrupt_stream, static_cast<int64_t>(i)};
  }
  return {};
}

Result mixer_probabilities(const MixerInput& input, const Model* model, uint32_t precision,
                           uint16_t* probabilities, Stop* stop) {
  const auto code_bit = [&](size_t, int64_t position, uint32_t shift, uint32_t probability) {
    *probabilities++ = static_cast<uint16_t>(probability);
    return bit_at(input.data, position, shift);
  };
  return mix(std::vector<MixerInput>{input}, true, model, precision, stop, code_bit,
             [](size_t, int64_t, uint8_t) {});
}

struct SolidMixer::State {
  State(const Model* model, uint32_t precision, uint32_t table_bits, int64_t kept, int64_t most)
      : kept_bytes(kept),
        block_bytes(most),
        history(static_cast<size_t>(kept + most)),
        predictions(model, precision, 1) {
    // Data of so many bytes have tables of `table_bits`.
    mixers.push_back(
        std::make_unique<ByteMixer>(history.data(), uint64_t{2} << table_bits, model != nullptr));
  }

  // Returns memory for the next block, behind the data before it.
  uint8_t* next() {
    if (size > kept_bytes) {
      const int64_t old = size - kept_bytes;
      std::copy(history.begin() + old, history.begin() + size, history.begin());
      mixers[0]->forget(static_cast<uint32_t>(old));
      size = kept_bytes;
    }
    return history.data() + size;
  }

  template <typename CodeBit, typename TakeByte>
  Result mix(MixerInput block, bool known, Stop* stop, const CodeBit& code_bit,
             const TakeByte& take_byte) {
    const uint32_t begin = static_cast<uint32_t>(size);
    const Result result =
        mix_on({block}, mixers, begin, known, &predictions, stop, code_bit, take_byte);
    size += block.size;
    return result;
  }

  int64_t kept_bytes;
  int64_t block_bytes;
  int64_t size = 0;
  std::vector<uint8_t> history;
  std::vector<std::unique_ptr<ByteMixer>> mixers;
  Predictions predictions;
};

SolidMixer::SolidMixer(const Model* model, uint32_t precision, uint32_t table_bits,
                       int64_t kept_bytes, int64_t block_bytes)
    : state_(std::make_unique<State>(model, precision, table_bits, kept_bytes, block_bytes)) {}

SolidMixer::~SolidMixer() = default;

int64_t SolidMixer::block_bytes() const { return state_->block_bytes; }

Result SolidMixer::encode(MixerInput input, std::vector<uint8_t>* stream, Stop* stop) {
  return encode_next(input, state_->next(), state_.get(), stream, stop);
}

Result SolidMixer::decode(const MixerOutput& output, Stop* stop) {
  return decode_next(output, state_->next(), state_.get(), stop);
}

}  // namespace eqinfo
