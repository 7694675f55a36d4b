// Calls and jumps of x86 machine code with the places that they lead to instead of distances, so
// that two calls of one function look the same (the E8 E9 transform of LZX and PAQ). Any data can
// be changed and changed back.
#pragma once

#include <cstdint>

namespace eqinfo {

// 24 bits of distance behind 0xe8 or 0xe9, before a byte of 0x00 or 0xff.
inline bool is_x86_call(const uint8_t* at) {
  return (at[0] & 0xfe) == 0xe8 && (at[4] == 0x00 || at[4] == 0xff);
}

inline void add_24(uint8_t* at, uint32_t value) {
  const uint32_t sum = (at[0] | at[1] << 8 | static_cast<uint32_t>(at[2]) << 16) + value;
  at[0] = static_cast<uint8_t>(sum);
  at[1] = static_cast<uint8_t>(sum >> 8);
  at[2] = static_cast<uint8_t>(sum >> 16);
}

// From the end to the beginning, so that x86_relative meets the bytes that decided.
inline void x86_absolute(uint8_t* data, int64_t size) {
  for (int64_t i = size - 5; i >= 0; --i) {
    if (is_x86_call(data + i)) add_24(data + i + 1, static_cast<uint32_t>(i));
  }
}

inline void x86_relative(uint8_t* data, int64_t size) {
  for (int64_t i = 0; i + 5 <= size; ++i) {
    if (is_x86_call(data + i)) add_24(data + i + 1, 0u - static_cast<uint32_t>(i));
  }
}

// Whether data look like x86 machine code: calls are frequent, and most occurrences of their first
// byte are calls. Readers of solid members ask this of stored blocks, so the rule is a part of the
// format (docs/format.md) and never changes.
inline bool looks_like_x86(const uint8_t* data, int64_t size) {
  int64_t calls = 0;
  int64_t others = 0;
  for (int64_t i = 0; i + 5 <= size; ++i) {
    if ((data[i] & 0xfe) != 0xe8) continue;
    ++(is_x86_call(data + i) ? calls : others);
  }
  return calls * 400 > size && calls > others;
}

}  // namespace eqinfo
