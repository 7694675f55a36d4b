// Streams of the mixer: any data come back, at every instruction set; any stream decodes to data
// that encode to it, or is refused.
#include "mixer.h"

#include <algorithm>

#include "cpu/dispatch.h"
#include "cpu/mixer/coder.h"
#include "cpu/mixer/primed.h"
#include "cpu/model/static_model.h"
#include "cpu/x86_calls.h"
#include "expect.h"

namespace eqinfo::fuzz {
namespace {

constexpr uint32_t kPrecision = 16;
constexpr size_t kMaxBytes = 600;
constexpr size_t kMaxBlock = 4096;

// All at once.
std::vector<std::vector<uint8_t>> encode_all(const std::vector<std::vector<uint8_t>>& data,
                                             const Model* model) {
  std::vector<MixerInput> inputs;
  for (const auto& each : data) inputs.push_back({each.data(), static_cast<int64_t>(each.size())});
  std::vector<std::vector<uint8_t>> streams;
  const Result result = mixer_encode(inputs, model, kPrecision, &streams);
  expect(result.status == Status::ok, "any data can be encoded");
  return streams;
}

std::vector<uint8_t> encode(const std::vector<uint8_t>& data, const Model* model) {
  return encode_all({data}, model)[0];
}

bool decode(const std::vector<uint8_t>& stream, const Model* model, std::vector<uint8_t>* data) {
  const MixerOutput output{stream.data(), static_cast<int64_t>(stream.size()), data->data(),
                           static_cast<int64_t>(data->size())};
  return mixer_decode({output}, model, kPrecision).status == Status::ok;
}

// Streams that are coded together are those that are coded one at a time.
void check_together(const std::vector<std::vector<uint8_t>>& parts, const Model* model) {
  const std::vector<std::vector<uint8_t>> streams = encode_all(parts, model);
  std::vector<MixerOutput> outputs;
  std::vector<std::vector<uint8_t>> back;
  for (const auto& part : parts) back.emplace_back(part.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    expect(streams[i] == encode(parts[i], model), "streams do not depend on one another");
    outputs.push_back({streams[i].data(), static_cast<int64_t>(streams[i].size()), back[i].data(),
                       static_cast<int64_t>(back[i].size())});
  }
  expect(mixer_decode(outputs, model, kPrecision).status == Status::ok && back == parts,
         "what is encoded together decodes together");
}

// The rest of the data, after a dictionary, is what a second block of one mixer is; and again,
// after a longer stream with the same memory.
void check_primed(const std::vector<uint8_t>& data, size_t first, const Model* model) {
  const MixerInput dictionary{data.data(), static_cast<int64_t>(first)};
  const MixerInput all{data.data(), static_cast<int64_t>(data.size())};
  const MixerInput rest{data.data() + first, all.size - dictionary.size};
  SolidMixer solid(model, kPrecision, 8, kMaxBlock, kMaxBlock);
  std::vector<uint8_t> expected;
  expect(solid.encode(dictionary, &expected).status == Status::ok, "the dictionary as a block");
  expect(solid.encode(rest, &expected).status == Status::ok, "a block after it");
  PrimedMixer primed(model, kPrecision, 8, dictionary);
  expect(primed.read().status == Status::ok, "a dictionary is read");
  const auto place = primed.place();
  std::vector<uint8_t> stream;
  for (const MixerInput& part : {rest, all, rest}) {
    expect(primed.encode(part, place.get(), &stream).status == Status::ok, "a primed stream");
  }
  expect(stream == expected, "a primed stream is a second block");
  std::vector<uint8_t> back(data.size() - first);
  const MixerOutput output{stream.data(), static_cast<int64_t>(stream.size()), back.data(),
                           rest.size};
  expect(primed.decode(output, place.get()).status == Status::ok &&
             std::equal(back.begin(), back.end(), data.begin() + static_cast<int64_t>(first)),
         "a primed stream decodes");
}

void check(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider input(bytes, size);
  std::vector<float> logits(256);
  for (float& logit : logits) logit = input.ConsumeFloatingPointInRange<float>(-20, 20);
  const StaticModel some(logits);
  const Model* const model = input.ConsumeBool() ? &some : nullptr;

  std::vector<uint8_t> other(input.ConsumeIntegralInRange<size_t>(0, kMaxBytes));
  const size_t part = input.ConsumeIntegralInRange<size_t>(0, kMaxBytes);
  const std::vector<uint8_t> data = input.ConsumeRemainingBytes<uint8_t>();
  set_instruction_set(InstructionSet::scalar);
  const std::vector<uint8_t> stream = encode(data, model);
  set_instruction_set(best_instruction_set());
  expect(encode(data, model) == stream, "instruction sets agree");
  std::vector<uint8_t> back(data.size());
  expect(decode(stream, model, &back) && back == data, "what is encoded decodes");

  const auto middle = data.begin() + static_cast<int64_t>(std::min(part, data.size()));
  check_together({data, {data.begin(), middle}, {middle, data.end()}}, model);

  // The data as a stream.
  if (decode(data, model, &other)) expect(encode(other, model) == data, "one stream per data");

  // In two blocks of one mixer, which forgets most of the first.
  const size_t first = data.size() / 2 + 1;  // of one byte, all is the dictionary
  SolidMixer writer(model, kPrecision, 8, 256, kMaxBlock);
  SolidMixer reader(model, kPrecision, 8, 256, kMaxBlock);
  for (size_t begin = 0; begin < data.size() && data.size() <= kMaxBlock; begin += first) {
    const int64_t count = static_cast<int64_t>(std::min(first, data.size() - begin));
    std::vector<uint8_t> part;
    expect(writer.encode({data.data() + begin, count}, &part).status == Status::ok, "a block");
    const MixerOutput output{part.data(), static_cast<int64_t>(part.size()), back.data() + begin,
                             count};
    expect(reader.decode(output).status == Status::ok, "blocks of one mixer decode in order");
  }
  expect(data.size() > kMaxBlock || back == data, "blocks come back");

  if (!data.empty() && data.size() <= kMaxBlock) check_primed(data, first, model);

  x86_absolute(back.data(), static_cast<int64_t>(back.size()));
  x86_relative(back.data(), static_cast<int64_t>(back.size()));
  expect(back == data, "calls change back");
}

}  // namespace
}  // namespace eqinfo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  eqinfo::fuzz::check(data, size);
  return 0;
}
