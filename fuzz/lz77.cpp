// Streams of lz77: any data come back; any stream fills its data or is refused.
#include "lz77.h"

#include "cpu/lz77/coder.h"
#include "cpu/lz77/find.h"
#include "expect.h"

namespace eqinfo::fuzz {
namespace {

constexpr uint32_t kIds = 512;
constexpr size_t kMaxBytes = 3000;

// Strings of the ids: nothing for 0, every byte, and two equal bytes. A string of one tail.
class SmallCodebook {
 public:
  SmallCodebook() : words_(kIds), sizes_(kIds), tails_(2 * kIds + kTailBytes) {
    for (uint32_t id = 0; id < kIds; ++id) {
      const uint32_t size = id == 0 ? 0 : id <= 256 ? 1 : 2;
      const auto byte = static_cast<uint8_t>(id - 1);
      tails_[2 * id] = tails_[2 * id + 1] = byte;
      words_[id] = 2 * id << kSizeBits | size;
      sizes_[id] = static_cast<uint8_t>(size);
    }
  }
  Strings strings() const { return {words_.data(), sizes_.data(), nullptr, tails_.data(), kIds}; }

 private:
  std::vector<uint32_t> words_;
  std::vector<uint8_t> sizes_;
  std::vector<uint8_t> tails_;
};

bool decode(const std::vector<uint8_t>& stream, const Strings* strings,
            std::vector<uint8_t>* data) {
  return lz77_decode(stream.data(), static_cast<int64_t>(stream.size()), strings, data->data(),
                     static_cast<int64_t>(data->size()))
             .status == Status::ok;
}

// The sequences give the data, and so does the stream made of them.
void round_trip(const std::vector<uint8_t>& data, const Strings* strings) {
  std::vector<Sequence> sequences;
  const auto size = static_cast<int64_t>(data.size());
  (strings != nullptr ? find_long_matches : find_matches)(data.data(), size, &sequences, nullptr);
  std::vector<uint16_t> ids;
  int64_t at = 0;
  for (const Sequence& sequence : sequences) {
    for (uint32_t i = 0; i < sequence.literals; ++i) ids.push_back(1 + data[at++]);
    at += sequence.length;
  }
  expect(at == size, "sequences have the size of the data");
  const LiteralIds literals{ids.data(), static_cast<int64_t>(ids.size()), kIds};
  std::vector<uint8_t> stream;
  lz77_encode({data.data(), size, sequences.data(), static_cast<int64_t>(sequences.size())},
              strings != nullptr ? &literals : nullptr, &stream);
  std::vector<uint8_t> back(data.size());
  expect(decode(stream, strings, &back) && back == data, "what is encoded decodes");
}

void check(const uint8_t* bytes, size_t size) {
  static const SmallCodebook codebook;
  const Strings all = codebook.strings();
  FuzzedDataProvider input(bytes, size);
  const Strings* const strings = input.ConsumeBool() ? &all : nullptr;
  std::vector<uint8_t> other(input.ConsumeIntegralInRange<size_t>(0, kMaxBytes));
  const std::vector<uint8_t> data = input.ConsumeRemainingBytes<uint8_t>();
  round_trip(data, strings);
  if (decode(data, strings, &other)) round_trip(other, strings);
}

}  // namespace
}  // namespace eqinfo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  eqinfo::fuzz::check(data, size);
  return 0;
}
