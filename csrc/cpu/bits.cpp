#include "bits.h"

#include <algorithm>

#include "cpu/bits_loops.h"

namespace eqinfo {
namespace {

// Collects bits and cuts them into tokens. Holds fewer than 16 bits between calls.
struct TokenWriter {
  uint16_t* next;
  uint32_t token_bits;
  uint64_t held = 0;
  uint32_t held_bits = 0;

  void put(uint32_t bits, uint32_t count) {
    held = held << count | bits;
    held_bits += count;
    while (held_bits >= token_bits) {
      held_bits -= token_bits;
      *next++ = static_cast<uint16_t>((held >> held_bits) & ((1u << token_bits) - 1u));
    }
  }
  void finish() {
    if (held_bits > 0) put(0, token_bits - held_bits);
  }
};

// Bytes or tokens between two checks.
constexpr int64_t kPart = 1 << 16;

bool token_fits(uint16_t token, uint32_t token_bits) { return (token >> token_bits) == 0; }

}  // namespace

void pack_codewords(const uint64_t* codewords, int64_t count, uint32_t window_bits,
                    uint32_t token_bits, uint16_t* tokens, Stop* stop) {
  TokenWriter writer{tokens, token_bits};
  StopChecks checks(stop);
  for (int64_t i = 0; i < count; ++i) {
    checks.after(sizeof(uint128));
    const uint128 codeword = load_codeword(codewords + 2 * i);
    for (uint32_t offset = 0; offset < window_bits;) {
      const uint32_t left = window_bits - offset;
      const uint32_t taken = left < 16 ? left : 16;
      writer.put(codeword_bits(codeword, window_bits, offset, taken), taken);
      offset += taken;
    }
  }
  writer.finish();
}

Result unpack_codewords(const uint16_t* tokens, int64_t count, uint32_t window_bits,
                        uint32_t token_bits, uint64_t* codewords, Stop* stop) {
  uint128 codeword = 0;
  uint32_t have = 0;
  StopChecks checks(stop);
  for (int64_t i = 0; i < count; ++i) {
    checks.after(1);
    if (!token_fits(tokens[i], token_bits)) return {Status::token_out_of_range, i};
    uint32_t left = token_bits;
    while (left > 0) {
      const uint32_t wanted = window_bits - have;
      const uint32_t taken = left < wanted ? left : wanted;
      left -= taken;
      codeword = codeword << taken | ((tokens[i] >> left) & ((1u << taken) - 1u));
      have += taken;
      if (have == window_bits) {
        store_codeword(codeword, codewords);
        codewords += 2;
        codeword = 0;
        have = 0;
      }
    }
  }
  // An encoder pads only the last token, so a whole token left over means a truncated window.
  if (have >= token_bits) return {Status::truncated_tokens, count};
  if (codeword != 0) return {Status::padding_not_zero, count - 1};
  return {};
}

void pack_bits(const uint8_t* bytes, int64_t bits, uint32_t token_bits, uint16_t* tokens,
               Stop* stop) {
  TokenWriter writer{tokens, token_bits};
  for (int64_t begin = 0; begin < bits / 8; begin += kPart) {
    if (stop != nullptr) stop->check();
    const int64_t end = std::min(bits / 8, begin + kPart);
    for (int64_t i = begin; i < end; ++i) writer.put(bytes[i], 8);
  }
  const uint32_t rest = static_cast<uint32_t>(bits % 8);
  if (rest > 0) writer.put(static_cast<uint32_t>(bytes[bits / 8]) >> (8 - rest), rest);
  writer.finish();
}

Result unpack_bits(const uint16_t* tokens, int64_t count, uint32_t token_bits, uint8_t* bytes,
                   Stop* stop) {
  uint32_t held = 0;
  uint32_t held_bits = 0;
  for (int64_t begin = 0; begin < count; begin += kPart) {
    if (stop != nullptr) stop->check();
    const int64_t end = std::min(count, begin + kPart);
    for (int64_t i = begin; i < end; ++i) {
      if (!token_fits(tokens[i], token_bits)) return {Status::token_out_of_range, i};
      held = held << token_bits | tokens[i];
      held_bits += token_bits;
      while (held_bits >= 8) {
        held_bits -= 8;
        *bytes++ = static_cast<uint8_t>(held >> held_bits);
      }
    }
  }
  if (held_bits > 0) *bytes = static_cast<uint8_t>(held << (8 - held_bits));
  return {};
}

}  // namespace eqinfo
