// Loops over the lines of a JSON-lines file.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/stop.h"

namespace eqinfo {

// A line that is left to a complete parser: where it begins and ends, without its line feed, and
// how many texts were found before it.
struct UnusualLine {
  int64_t begin;
  int64_t end;
  int64_t texts_before;
};

struct JsonTexts {
  std::vector<int64_t> offsets;  // text i is the bytes from offsets[i] to offsets[i + 1] of `out`
  std::vector<UnusualLine> unusual;
};

// Writes the texts of `field`, one after the other, to `out`, which has room for `bytes`.
void read_json_lines(const uint8_t* lines, int64_t bytes, const uint8_t* field, int64_t field_bytes,
                     uint8_t* out, JsonTexts* texts, Stop* stop = nullptr);

}  // namespace eqinfo
