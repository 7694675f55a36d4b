// UTF-8 of a Python str, piece by piece; the interpreter's own encoder converts all of it at once.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

namespace eqinfo::bind {

constexpr int64_t kMaxUtf8Bytes = 4;  // of one character

// Writes `count` characters as UTF-8 and returns the end of what was written, or nullptr where one
// of them is a surrogate. `out` has room for kMaxUtf8Bytes per character.
template <typename Unit>
uint8_t* write_utf8(const Unit* units, int64_t count, uint8_t* out) {
  // ASCII, most of nearly every text, is narrowed in runs of kRun, unless other characters are
  // near. A run that is not all ASCII is written too, and overwritten afterwards.
  constexpr int64_t kFew = 8;
  constexpr int64_t kRun = 32;
  constexpr int64_t kUnitsPerWord = sizeof(uint64_t) / sizeof(Unit);
  constexpr uint64_t kNotAscii =
      ~uint64_t{0} / std::numeric_limits<Unit>::max() * (std::numeric_limits<Unit>::max() - 0x7f);
  for (int64_t i = 0; i < count;) {
    const int64_t few = std::min(count, i + kFew);
    while (i < few && units[i] < 0x80) *out++ = static_cast<uint8_t>(units[i++]);
    if (i == few) {
      for (; i + kRun <= count; i += kRun, out += kRun) {
        uint64_t any = 0;
        for (int64_t k = 0; k < kRun; k += kUnitsPerWord) {
          uint64_t word;
          std::memcpy(&word, units + i + k, sizeof word);
          any |= word;
        }
        for (int64_t k = 0; k < kRun; ++k) out[k] = static_cast<uint8_t>(units[i + k]);
        if ((any & kNotAscii) != 0) break;
      }
      while (i < count && units[i] < 0x80) *out++ = static_cast<uint8_t>(units[i++]);
    }
    for (; i < count && units[i] >= 0x80; ++i) {
      const uint32_t c = units[i];
      if (c >= 0x10000) {
        *out++ = static_cast<uint8_t>(0xf0 | c >> 18);
        *out++ = static_cast<uint8_t>(0x80 | (c >> 12 & 0x3f));
      } else if (c >= 0x800) {
        if (c >= 0xd800 && c < 0xe000) return nullptr;
        *out++ = static_cast<uint8_t>(0xe0 | c >> 12);
      }
      *out++ = static_cast<uint8_t>(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
      *out++ = static_cast<uint8_t>(0x80 | (c & 0x3f));
    }
  }
  return out;
}

// The same for the characters of a str from `first` on.
inline uint8_t* write_utf8(PyObject* text, int64_t first, int64_t count, uint8_t* out) {
  switch (PyUnicode_KIND(text)) {
    case PyUnicode_1BYTE_KIND:
      return write_utf8(PyUnicode_1BYTE_DATA(text) + first, count, out);
    case PyUnicode_2BYTE_KIND:
      return write_utf8(PyUnicode_2BYTE_DATA(text) + first, count, out);
    default:
      return write_utf8(PyUnicode_4BYTE_DATA(text) + first, count, out);
  }
}

}  // namespace eqinfo::bind
