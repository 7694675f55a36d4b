#include "cpu/mixer/primed.h"

#include "cpu/mixer/streams.h"

namespace eqinfo {

class PrimedMixer::Place {
 public:
  Place(const Model* model, uint32_t precision, uint32_t table_bits, MixerInput dictionary)
      : data(dictionary.data, dictionary.data + dictionary.size), predictions(model, precision, 1) {
    // Data of so many bytes have tables of `table_bits`.
    mixers.push_back(
        std::make_unique<ByteMixer>(data.data(), uint64_t{2} << table_bits, model != nullptr));
  }

  template <typename CodeBit, typename TakeByte>
  Result mix(MixerInput part, bool known, Stop* stop, const CodeBit& code_bit,
             const TakeByte& take_byte) {
    const uint32_t begin = static_cast<uint32_t>(part.data - data.data());
    return mix_on({part}, mixers, begin, known, &predictions, stop, code_bit, take_byte);
  }

  std::vector<uint8_t> data;  // the dictionary, and what follows it
  std::vector<std::unique_ptr<ByteMixer>> mixers;
  Predictions predictions;
};

void PrimedMixer::FreePlace::operator()(Place* place) const { delete place; }

PrimedMixer::PrimedMixer(const Model* model, uint32_t precision, uint32_t table_bits,
                         MixerInput dictionary)
    : model_(model),
      precision_(precision),
      table_bits_(table_bits),
      dictionary_(dictionary),
      read_(place()) {}

PrimedMixer::PlacePointer PrimedMixer::place() const {
  return PlacePointer(new Place(model_, precision_, table_bits_, dictionary_));
}

Result PrimedMixer::read(Stop* stop) {
  const uint8_t* const data = read_->data.data();
  const auto next_bit = [&](size_t, int64_t position, uint32_t shift, uint32_t) {
    return bit_at(data, position, shift);
  };
  return read_->mix({data, dictionary_.size}, true, stop, next_bit,
                    [](size_t, int64_t, uint8_t) {});
}

uint8_t* PrimedMixer::begin(int64_t size, Place* place) const {
  place->data.resize(static_cast<size_t>(dictionary_.size + size));
  place->mixers[0]->become(*read_->mixers[0], place->data.data());
  place->predictions.become(read_->predictions);
  return place->data.data() + dictionary_.size;
}

Result PrimedMixer::encode(MixerInput input, Place* place, std::vector<uint8_t>* stream,
                           Stop* stop) const {
  return encode_next(input, begin(input.size, place), place, stream, stop);
}

Result PrimedMixer::decode(const MixerOutput& output, Place* place, Stop* stop) const {
  return decode_next(output, begin(output.size, place), place, stop);
}

}  // namespace eqinfo
