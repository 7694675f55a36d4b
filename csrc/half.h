// Exact conversion of float16 and bfloat16 to float32 from their bits, the same on every processor.
#pragma once

#include <cstring>

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

struct Float16 {
  uint16_t bits;
};

struct BFloat16 {
  uint16_t bits;
};

EQINFO_HD float float_of_bits(uint32_t bits) {
  float value = 0;
  memcpy(&value, &bits, sizeof value);
  return value;
}

EQINFO_HD float to_float(float value) { return value; }

EQINFO_HD float to_float(BFloat16 value) { return float_of_bits(uint32_t{value.bits} << 16); }

EQINFO_HD float to_float(Float16 value) {
  const uint32_t sign = uint32_t{value.bits & 0x8000u} << 16;
  const uint32_t magnitude = value.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return float_of_bits(sign | 0x7f800000u | magnitude << 13);
  if (magnitude >= 0x0400u) return float_of_bits(sign | ((magnitude << 13) + (112u << 23)));
  // Subnormal: magnitude * 2^-24, which is a normal float32.
  return float_of_bits(sign | 0x3f800000u) * static_cast<float>(magnitude) * 0x1p-24f;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
