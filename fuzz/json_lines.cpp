// Lines of any bytes: what is read fits the line that it came from, and is UTF-8.
#include "cpu/json_lines.h"

#include "expect.h"
#include "word.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace eqinfo;
  const std::vector<uint8_t> lines(data, data + size);
  std::vector<uint8_t> out(size);
  JsonTexts texts;
  read_json_lines(lines.data(), static_cast<int64_t>(size), reinterpret_cast<const uint8_t*>("a"),
                  1, out.data(), &texts);
  for (size_t i = 0; i + 1 < texts.offsets.size(); ++i) {
    fuzz::expect(texts.offsets[i] <= texts.offsets[i + 1], "offsets do not fall");
    for (int64_t at = texts.offsets[i]; at < texts.offsets[i + 1];) {
      const Character character = read_character(&out[at], texts.offsets[i + 1] - at);
      fuzz::expect(character.word_class != WordClass::ill_formed, "texts are UTF-8");
      at += character.bytes;
    }
  }
  int64_t end = -1;
  for (const UnusualLine& line : texts.unusual) {
    fuzz::expect(end < line.begin && line.begin <= line.end, "unusual lines are in order");
    end = line.end;
  }
  return 0;
}
