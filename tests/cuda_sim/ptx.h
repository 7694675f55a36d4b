// The meaning of PTX instructions, for the C++ that ptx_to_cpp.py writes. Registers are untyped
// bits, as in PTX; the type of an instruction says how to read them.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "fibers.h"

namespace cuda_sim {

template <typename T, typename Bits>
T as(Bits bits) {
  if constexpr (std::is_floating_point_v<T>) {
    using Same = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    const Same same = static_cast<Same>(bits);
    T value;
    std::memcpy(&value, &same, sizeof value);
    return value;
  } else {
    return static_cast<T>(bits);
  }
}

// A value that is narrower than the register is extended, with its sign if it has one; a wider one
// is truncated.
template <typename Register, typename T>
void set(Register& to, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(Register) == sizeof(T));
    std::memcpy(&to, &value, sizeof value);
  } else {
    to = static_cast<Register>(value);
  }
}

struct Poison {  // what a register holds before it is set
  template <typename T>
  operator T() const {
    return static_cast<T>(0xA5A5A5A5A5A5A5A5u);
  }
};
constexpr Poison poison;

template <typename T>
constexpr uint32_t kBits = sizeof(T) * 8;

// --- memory ---

inline bool within(const Regions& regions, uint64_t address, size_t bytes, bool writes) {
  for (size_t i = 0; i < regions.count; ++i) {
    const Region& region = regions.regions[i];
    if (address >= region.begin && address + bytes <= region.end) return !writes || region.writable;
  }
  return false;
}

// Memory of the translated module.
extern const Regions module_arrays;  // initialised constants
extern const Regions shared_arrays;  // addresses from 0, with gaps between
extern uint8_t shared_bytes[];

// A 32-bit base wraps at 2^32.
template <typename Base>
uint64_t offset_by(Base base, int64_t offset) {
  return static_cast<Base>(base + static_cast<uint64_t>(offset));
}

struct Global {
  static void* at(uint64_t address, size_t bytes, bool writes) {
    if (!within(arrays, address, bytes, writes) && !within(module_arrays, address, bytes, writes)) {
      return nullptr;
    }
    return reinterpret_cast<void*>(address);
  }
};
struct Shared {
  static void* at(uint64_t address, size_t bytes, bool writes) {
    return within(shared_arrays, address, bytes, writes) ? shared_bytes + address : nullptr;
  }
};
struct Local {
  static void* at(uint64_t address, size_t bytes, bool) {
    return is_local_memory(address, bytes) ? reinterpret_cast<void*>(address) : nullptr;
  }
};
struct Parameter {  // of the kernel, by pointer
  static void* at(uint64_t address, size_t bytes, bool writes) {
    const uint64_t begin = reinterpret_cast<uint64_t>(arguments.begin);
    const bool inside = address >= begin && address + bytes <= begin + arguments.bytes;
    return inside && !writes ? reinterpret_cast<void*>(address) : nullptr;
  }
};
struct Generic {
  static void* at(uint64_t address, size_t bytes, bool writes) {
    void* found = Global::at(address, bytes, writes);
    if (found == nullptr) found = Local::at(address, bytes, writes);
    const uint64_t shared = address - reinterpret_cast<uint64_t>(shared_bytes);
    return found == nullptr ? Shared::at(shared, bytes, writes) : found;
  }
};

template <typename Space, typename T, size_t count = 1>
T* pointer(uint64_t address, bool writes) {
  constexpr size_t bytes = sizeof(T) * count;
  if (address % bytes != 0) fail("misaligned: %zu bytes at %#lx", bytes, address);
  void* found = Space::at(address, bytes, writes);
  if (found == nullptr) {
    fail("%s out of bounds: %zu bytes at %#lx", writes ? "write" : "read", bytes, address);
  }
  return static_cast<T*>(found);
}

template <typename Space, typename T, typename Change>
T atomic(uint64_t address, Change change) {
  T* at = pointer<Space, T>(address, true);
  const T old = *at;
  *at = change(old);
  return old;
}

// Parameters have no address of their own; the translator has checked the bounds.
template <typename T>
T load_parameter(const uint8_t* parameter) {
  T value;
  std::memcpy(&value, parameter, sizeof value);
  return value;
}
template <typename T>
void store_parameter(uint8_t* parameter, T value) {
  std::memcpy(parameter, &value, sizeof value);
}

// --- integers ---

template <typename T>
T invert(T value) {
  if constexpr (std::is_same_v<T, bool>) return !value;
  return static_cast<T>(~value);
}
template <typename T>
using Twice = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;
template <typename T>
Twice<T> multiply_wide(T a, T b) {
  return static_cast<Twice<T>>(a) * static_cast<Twice<T>>(b);
}
template <typename T>
T multiply_high(T a, T b) {
  return static_cast<T>(multiply_wide(a, b) >> kBits<T>);
}
template <typename T>
T divide(T a, T b) {
  if (b == 0) fail("division by zero");
  return static_cast<T>(a / b);
}
template <typename T>
T remainder(T a, T b) {
  if (b == 0) fail("division by zero");
  return static_cast<T>(a % b);
}
template <typename T>
T add_with_carry(T a, T b, bool carry_in, bool* carry) {
  using Word = std::make_unsigned_t<T>;
  const auto sum =
      static_cast<unsigned __int128>(static_cast<Word>(a)) + static_cast<Word>(b) + carry_in;
  *carry = (sum >> kBits<T>) != 0;
  return static_cast<T>(sum);
}
template <typename T>
T shift_left(T value, uint32_t amount) {
  return amount >= kBits<T> ? T{0} : static_cast<T>(value << amount);
}
template <typename T>
T shift_right(T value, uint32_t amount) {
  if (amount < kBits<T>) return static_cast<T>(value >> amount);
  return static_cast<T>(value < 0 ? -1 : 0);
}
inline uint64_t funnel(uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; }
inline uint32_t funnel_left(uint32_t low, uint32_t high, uint32_t amount) {
  return static_cast<uint32_t>(funnel(low, high) << amount >> 32);
}
// c + the products of four signed numbers of 8 bits; the sum wraps.
inline int32_t add_products(uint32_t a, uint32_t b, uint32_t c) {
  for (uint32_t i = 0; i < 32; i += 8) {
    c += static_cast<uint32_t>(static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i));
  }
  return static_cast<int32_t>(c);
}
template <typename T>
uint32_t leading_zeros(T value) {
  uint32_t zeros = kBits<T>;
  for (; value != 0; value = static_cast<T>(value >> 1)) --zeros;
  return zeros;
}
template <typename T>
T insert_bits(T field, T into, uint32_t position, uint32_t length) {
  const T ones = shift_left(invert(shift_left(invert(T{0}), length & 255)), position & 255);
  return (into & invert(ones)) | (shift_left(field, position & 255) & ones);
}
inline uint32_t permute_bytes(uint32_t low, uint32_t high, uint32_t selectors) {
  uint32_t result = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    const uint32_t selector = selectors >> (4 * i);
    uint32_t byte = static_cast<uint32_t>(funnel(low, high) >> (8 * (selector & 7))) & 255;
    if ((selector & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;  // the sign instead
    result |= byte << (8 * i);
  }
  return result;
}
// --- floating point ---

template <typename T>
T minimum(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::fmin(a, b);
  return a < b ? a : b;
}
template <typename T>
T maximum(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::fmax(a, b);
  return a > b ? a : b;
}
// A value out of range becomes the nearest integer, NaN becomes 0.
template <typename Integer, typename Float>
Integer saturate(Float value) {
  using Limits = std::numeric_limits<Integer>;
  if (std::isnan(value)) return 0;
  if (value >= std::ldexp(Float{1}, Limits::digits)) return Limits::max();
  if (value <= static_cast<Float>(Limits::min())) return Limits::min();
  return static_cast<Integer>(value);
}
// rcp.approx, with which nvcc's own division of 128-bit numbers begins. A GPU may err in the last
// bit where this does not; nothing else here differs from a GPU.
inline float reciprocal(float value) { return 1.0f / value; }

// --- warp operations ---

enum class Shuffle { up, down, bfly, idx };

// PTX ISA, shfl.sync: `bounds` holds the last lane of a segment and the mask of segments.
inline uint32_t shuffle(Shuffle mode, uint32_t value, uint32_t b, uint32_t bounds, uint32_t mask,
                        bool* within_segment, Site site) {
  const uint32_t lane = lane_index();
  const uint32_t segments = bounds >> 8 & 31;
  const uint32_t first = lane & segments;
  const uint32_t last = first | (bounds & 31 & ~segments);
  uint32_t source = lane;
  b &= 31;
  switch (mode) {
    case Shuffle::up:
      source = lane - b;
      break;
    case Shuffle::down:
      source = lane + b;
      break;
    case Shuffle::bfly:
      source = lane ^ b;
      break;
    case Shuffle::idx:
      source = first | (b & ~segments);
      break;
  }
  *within_segment =
      mode == Shuffle::up ? static_cast<int>(source) >= static_cast<int>(last) : source <= last;
  if (!*within_segment) source = lane;
  return static_cast<uint32_t>(shuffle(mask, value, source, site));
}

}  // namespace cuda_sim
