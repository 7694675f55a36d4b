#include <pybind11/stl.h>

#include <memory>
#include <vector>

#include "bind/arrays.h"
#include "bind/call_lock.h"
#include "bind/construct.h"
#include "bind/model.h"
#include "bind/register.h"
#include "cpu/mixer/coder.h"
#include "cpu/mixer/primed.h"
#include "range_coder.h"

namespace eqinfo::bind {
namespace {

constexpr int64_t kMaxMixerBytes = int64_t{1} << 31;
constexpr int64_t kMinKeptBytes = 256;

void require_table_bits(uint32_t table_bits) {
  require(8 <= table_bits && table_bits <= 16, "expected table_bits of 8 to 16, found ",
          static_cast<int64_t>(table_bits));
}

void require_mixable(int64_t size, const Model* model, uint32_t precision) {
  require(size <= kMaxMixerBytes, "expected at most 2^31 bytes, found ", size);
  if (model == nullptr) return;
  require(model->alphabet() == 256, "expected a model over bytes, found an alphabet of ",
          static_cast<int64_t>(model->alphabet()));
  require_precision(model->alphabet(), precision);
}

py::bytes bytes_of(const std::vector<uint8_t>& stream) {
  return copied_bytes(stream.data(), stream.size());
}

py::typing::List<py::bytes> mixed_streams(const std::vector<Array<uint8_t>>& data,
                                          const OptionalModel& given, uint32_t precision) {
  const Model* const model = pointer_to(given);
  std::vector<MixerInput> inputs;
  for (const Array<uint8_t>& each : data) {
    require_shape(each, "data", {-1});
    require_mixable(each.size(), model, precision);
    inputs.push_back({each.data(), each.size()});
  }
  std::vector<std::vector<uint8_t>> streams;
  run_without_gil(
      [&](Stop* stop) { return mixer_encode(inputs, model, precision, &streams, stop); });
  py::typing::List<py::bytes> out;
  for (const std::vector<uint8_t>& stream : streams) out.append(bytes_of(stream));
  return out;
}

void unmix_streams(const std::vector<Array<uint8_t>>& streams, std::vector<Array<uint8_t>>& rooms,
                   const OptionalModel& given, uint32_t precision) {
  const Model* const model = pointer_to(given);
  require(streams.size() == rooms.size(), "expected a room for each of ",
          static_cast<int64_t>(streams.size()), " streams, found ",
          static_cast<int64_t>(rooms.size()));
  std::vector<MixerOutput> outputs;
  for (size_t i = 0; i < streams.size(); ++i) {
    require_shape(streams[i], "stream", {-1});
    require_shape(rooms[i], "room", {-1});
    require_mixable(rooms[i].size(), model, precision);
    outputs.push_back(
        {streams[i].data(), streams[i].size(), rooms[i].mutable_data(), rooms[i].size()});
  }
  run_without_gil([&](Stop* stop) { return mixer_decode(outputs, model, precision, stop); });
}

Array<uint16_t> bit_probabilities(const Array<uint8_t>& data, const OptionalModel& given,
                                  uint32_t precision) {
  const Model* const model = pointer_to(given);
  require_shape(data, "data", {-1});
  require_mixable(data.size(), model, precision);
  Array<uint16_t> out({data.size(), int64_t{8}});
  uint16_t* values = out.mutable_data();
  run_without_gil([&](Stop* stop) {
    return mixer_probabilities({data.data(), data.size()}, model, precision, values, stop);
  });
  return out;
}

// A SolidMixer that threads may share; after an error it refuses to go on.
class SolidCoder {
 public:
  SolidCoder(const OptionalModel& model, uint32_t precision, uint32_t table_bits,
             int64_t kept_bytes, int64_t block_bytes)
      : owner_(model) {
    require_table_bits(table_bits);
    require(kMinKeptBytes <= kept_bytes && kept_bytes < kMaxMixerBytes,
            "expected kept_bytes of 256 to 2^31 - 1, found ", kept_bytes);
    require(1 <= block_bytes && block_bytes < kMaxMixerBytes - kept_bytes,
            "expected block_bytes of at least 1, and below 2^31 with kept_bytes, found ",
            block_bytes);
    require_mixable(block_bytes, pointer_to(owner_), precision);
    mixer_ = std::make_unique<SolidMixer>(pointer_to(owner_), precision, table_bits, kept_bytes,
                                          block_bytes);
  }

  py::bytes encode(const Array<uint8_t>& data) {
    require_shape(data, "data", {-1});
    std::vector<uint8_t> stream;
    run(data.size(),
        [&](Stop* stop) { return mixer_->encode({data.data(), data.size()}, &stream, stop); });
    return bytes_of(stream);
  }

  void decode(const Array<uint8_t>& stream, Array<uint8_t>& room) {
    require_shape(stream, "stream", {-1});
    require_shape(room, "room", {-1});
    const MixerOutput output = {stream.data(), stream.size(), room.mutable_data(), room.size()};
    run(room.size(), [&](Stop* stop) { return mixer_->decode(output, stop); });
  }

 private:
  template <typename Work>
  void run(int64_t size, const Work& work) {
    require(size <= mixer_->block_bytes(), "expected a block of at most ", mixer_->block_bytes(),
            " bytes, found ", size);
    run_without_gil([&](Stop* stop) {
      const CallTurn turn(&lock_, stop);
      if (!whole_) {
        throw std::runtime_error("expected a solid coder in use, found one after an error");
      }
      whole_ = false;
      const Result result = work(stop);
      whole_ = result.status == Status::ok;
      return result;
    });
  }

  OptionalModel owner_;
  CallLock lock_;
  bool whole_ = true;
  std::unique_ptr<SolidMixer> mixer_;
};

// A PrimedMixer that threads may share, each call with a place of its own.
class PrimedCoder {
 public:
  PrimedCoder(const OptionalModel& model, uint32_t precision, uint32_t table_bits,
              const Array<uint8_t>& dictionary)
      : owner_(model) {
    require_shape(dictionary, "dictionary", {-1});
    require(1 <= dictionary.size() && dictionary.size() <= kMaxDictionaryBytes,
            "expected a dictionary of 1 to ", kMaxDictionaryBytes, " bytes, found ",
            dictionary.size());
    require_table_bits(table_bits);
    require_mixable(dictionary.size(), pointer_to(owner_), precision);
    dictionary_.assign(dictionary.data(), dictionary.data() + dictionary.size());
    run_without_gil([&](Stop* stop) {
      mixer_ = std::make_unique<PrimedMixer>(
          pointer_to(owner_), precision, table_bits,
          MixerInput{dictionary_.data(), static_cast<int64_t>(dictionary_.size())});
      return mixer_->read(stop);
    });
  }

  py::bytes encode(const Array<uint8_t>& data) {
    require_shape(data, "data", {-1});
    std::vector<uint8_t> stream;
    run(data.size(), [&](PrimedMixer::Place* place, Stop* stop) {
      return mixer_->encode({data.data(), data.size()}, place, &stream, stop);
    });
    return bytes_of(stream);
  }

  void decode(const Array<uint8_t>& stream, Array<uint8_t>& room) {
    require_shape(stream, "stream", {-1});
    require_shape(room, "room", {-1});
    const MixerOutput output = {stream.data(), stream.size(), room.mutable_data(), room.size()};
    run(room.size(),
        [&](PrimedMixer::Place* place, Stop* stop) { return mixer_->decode(output, place, stop); });
  }

 private:
  static constexpr int64_t kMaxDictionaryBytes = 1 << 20;

  template <typename Work>
  void run(int64_t size, const Work& work) {
    require(size <= kMaxMixerBytes - kMaxDictionaryBytes, "expected at most ",
            kMaxMixerBytes - kMaxDictionaryBytes, " bytes, found ", size);
    // Whoever changes the list of free places has the GIL, so a fork finds it whole.
    PrimedMixer::PlacePointer place;
    if (!free_.empty()) {
      place = std::move(free_.back());
      free_.pop_back();
    }
    run_without_gil([&](Stop* stop) {
      if (place == nullptr) place = mixer_->place();
      return work(place.get(), stop);
    });
    free_.push_back(std::move(place));
  }

  OptionalModel owner_;
  std::vector<uint8_t> dictionary_;
  std::unique_ptr<PrimedMixer> mixer_;
  std::vector<PrimedMixer::PlacePointer> free_;
};

}  // namespace

void register_mixer(py::module_& module) {
  module.def("mixer_encode", &mixed_streams, py::arg("data").noconvert(), py::arg("model"),
             py::arg("precision"));
  module.def("mixer_decode", &unmix_streams, py::arg("streams").noconvert(),
             py::arg("rooms").noconvert(), py::arg("model"), py::arg("precision"));
  py::class_<SolidCoder> solid(module, "SolidMixer");
  define_constructor<SolidCoder, const OptionalModel&, uint32_t, uint32_t, int64_t, int64_t>(
      solid, py::arg("model"), py::arg("precision"), py::arg("table_bits"), py::arg("kept_bytes"),
      py::arg("block_bytes"));
  solid.def("encode", &SolidCoder::encode, py::arg("data").noconvert());
  solid.def("decode", &SolidCoder::decode, py::arg("stream").noconvert(),
            py::arg("room").noconvert());
  py::class_<PrimedCoder> primed(module, "PrimedMixer");
  define_constructor<PrimedCoder, const OptionalModel&, uint32_t, uint32_t, const Array<uint8_t>&>(
      primed, py::arg("model"), py::arg("precision"), py::arg("table_bits"),
      py::arg("dictionary").noconvert());
  primed.def("encode", &PrimedCoder::encode, py::arg("data").noconvert());
  primed.def("decode", &PrimedCoder::decode, py::arg("stream").noconvert(),
             py::arg("room").noconvert());
  module.def("mixer_probabilities", &bit_probabilities, py::arg("data").noconvert(),
             py::arg("model"), py::arg("precision"));
}

}  // namespace eqinfo::bind
