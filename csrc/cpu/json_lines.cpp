#include "cpu/json_lines.h"

#include "cpu/json_line.h"

namespace eqinfo {

void read_json_lines(const uint8_t* lines, int64_t bytes, const uint8_t* field, int64_t field_bytes,
                     uint8_t* out, JsonTexts* texts, Stop* stop) {
  *texts = {{0}, {}};
  StopChecks checks(stop);
  uint8_t* next = out;
  for (int64_t begin = 0; begin < bytes;) {
    const void* found = std::memchr(lines + begin, '\n', static_cast<size_t>(bytes - begin));
    const int64_t end = found == nullptr ? bytes : static_cast<const uint8_t*>(found) - lines;
    switch (JsonLineReader(lines + begin, end - begin).read(field, field_bytes, &next)) {
      case JsonLine::text:
        texts->offsets.push_back(next - out);
        break;
      case JsonLine::unusual:
        texts->unusual.push_back({begin, end, static_cast<int64_t>(texts->offsets.size()) - 1});
        break;
      case JsonLine::empty:
        break;
    }
    checks.after(end + 1 - begin);
    begin = end + 1;
  }
}

}  // namespace eqinfo
