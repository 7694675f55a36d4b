// What the native model sees of a context: for every feature, a row of that feature's embedding
// table. The features are hashes of the last bytes (orders 1 to 6) and of the words, and what
// followed the last time that the text went like this (Mahoney's match model). All arithmetic is on
// integers. A context shorter than a feature's order hashes to a different row than a longer one,
// so that the model learns how texts begin.
#pragma once

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kOrders = 6;
constexpr uint32_t kMatches = 2;
constexpr uint32_t kTextFeatures = kOrders + 2;  // orders and words; the matches come after them
constexpr uint32_t kFeatures = kTextFeatures + kMatches;

// Rows of each feature's table. Order 1 and matches index by value (0 here), the others by hash.
constexpr uint32_t kHashBits[kFeatures] = {0, 14, 16, 17, 17, 17, 17, 17, 0, 0};
constexpr uint32_t kNoByte = 256;        // row of order 1 at the beginning of a text
constexpr uint32_t kLengthClasses = 16;  // classes of match lengths
constexpr uint32_t kNoMatch = 256 * kLengthClasses;

EQINFO_HD uint32_t feature_rows(uint32_t feature) {
  if (feature == 0) return kNoByte + 1;
  return feature < kTextFeatures ? 1u << kHashBits[feature] : kNoMatch + 1;
}

// The number of bytes that are hashed to find a match.
constexpr uint32_t kMatchBytes[kMatches] = {6, 4};
constexpr uint32_t kHistoryBytes = 1u << 16;
constexpr uint32_t kPositionBits = 13;
constexpr uint32_t kMaxMatchLength = 255;
// The most bytes that are compared backwards when a match begins.
constexpr uint32_t kVerifiedBytes = 32;

struct Match {
  uint32_t next;    // position in the text of the byte that it predicts
  uint32_t length;  // 0: no match
};

// The text so far, as far back as matches reach. Positions in the text are counted modulo 2^32.
struct History {
  Match matches[kMatches];
  uint32_t positions[kMatches][1u << kPositionBits];  // after the last such bytes; 0: none
  uint8_t bytes[kHistoryBytes];
};

struct TextContext {
  uint64_t recent;  // the last 8 bytes; the latest is the lowest
  uint64_t length;
  uint32_t word;      // hash of the word so far, 0 outside words
  uint32_t previous;  // hash of the previous word
};

EQINFO_HD uint64_t mix_bits(uint64_t x) {
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return x ^ x >> 32;
}

EQINFO_HD uint64_t last_bytes(uint64_t recent, uint32_t count) {
  return count == 0 ? 0 : recent & ~uint64_t{0} >> (64 - 8 * count);
}

EQINFO_HD uint32_t match_class(uint32_t length) {
  if (length < 4) return 0;
  if (length < 16) return length - 4;
  return length < 24 ? 12 : length < 32 ? 13 : length < 64 ? 14 : 15;
}

// Finds the row of every feature in its table. `history` may be null; then there are no matches.
EQINFO_HD void context_rows(const TextContext& context, const History* history, uint32_t* rows) {
  const uint32_t known = context.length < 8 ? static_cast<uint32_t>(context.length) : 8;
  const uint64_t begins = known == 0;
  rows[0] = begins ? kNoByte : static_cast<uint32_t>(context.recent & 255);
  for (uint32_t order = 2; order <= kOrders; ++order) {
    const uint32_t bytes = known < order ? known : order;
    const uint64_t kind = (order * 16 + bytes) * 0xD6E8FEB86659FD93u;
    rows[order - 1] = static_cast<uint32_t>(mix_bits(last_bytes(context.recent, bytes) + kind) >>
                                            (64 - kHashBits[order - 1]));
  }
  const uint64_t separator = context.word != 0 ? 0 : context.recent & 255;
  const uint64_t word = context.word;
  rows[kOrders] =
      static_cast<uint32_t>(mix_bits((word << 8 | separator) * 0x8CB92BA72F3D8DD7u + begins + 7) >>
                            (64 - kHashBits[kOrders]));
  rows[kOrders + 1] =
      static_cast<uint32_t>(mix_bits((word << 32 | context.previous) * 0x8CB92BA72F3D8DD7u +
                                     separator * 0x94D049BB133111EBu + begins + 9) >>
                            (64 - kHashBits[kOrders + 1]));
  for (uint32_t i = 0; i < kMatches; ++i) {
    uint32_t row = kNoMatch;
    if (history != nullptr && history->matches[i].length != 0) {
      const Match& match = history->matches[i];
      row = history->bytes[match.next % kHistoryBytes] * kLengthClasses + match_class(match.length);
    }
    rows[kTextFeatures + i] = row;
  }
}

// The byte that is predicted by a row of the table of a match.
EQINFO_HD uint32_t match_byte(uint32_t row) { return row / kLengthClasses; }

// How many bytes before `next` equal those before the end of the text, up to kVerifiedBytes.
EQINFO_HD uint32_t common_length(const History& history, uint64_t length, uint32_t next) {
  const uint32_t end = static_cast<uint32_t>(length);
  const uint32_t distance = end - next;
  uint32_t common = 0;
  while (common < kVerifiedBytes && common < next && distance + common < kHistoryBytes - 1 &&
         history.bytes[(next - 1 - common) % kHistoryBytes] ==
             history.bytes[(end - 1 - common) % kHistoryBytes]) {
    ++common;
  }
  return common;
}

EQINFO_HD void follow_match(const History& history, uint8_t byte, Match* match) {
  if (match->length != 0 && history.bytes[match->next % kHistoryBytes] == byte) {
    match->length += match->length < kMaxMatchLength;
    ++match->next;
  } else {
    match->length = 0;
  }
}

// Where the position after the last `bytes` bytes lies in a table of positions.
EQINFO_HD uint32_t position_place(uint64_t recent, uint32_t bytes) {
  return static_cast<uint32_t>(mix_bits(last_bytes(recent, bytes)) >> (64 - kPositionBits));
}

EQINFO_HD void find_match(const TextContext& context, uint32_t bytes, uint32_t* positions,
                          const History& history, Match* match) {
  if (context.length < bytes) return;
  const uint32_t end = static_cast<uint32_t>(context.length);
  uint32_t* position = positions + position_place(context.recent, bytes);
  if (match->length == 0 && *position != 0 && end - *position < kHistoryBytes) {
    const uint32_t common = common_length(history, context.length, *position);
    if (common >= bytes) *match = {*position, common};
  }
  if (end - match->next >= kHistoryBytes) match->length = 0;
  *position = end;
}

EQINFO_HD bool is_word_byte(uint8_t lower) {
  return (lower >= 'a' && lower <= 'z') || lower >= 128 || lower == '\'';
}

// Appends one byte to a context.
EQINFO_HD void context_push(TextContext* context, History* history, uint8_t byte) {
  if (history != nullptr) {
    history->bytes[context->length % kHistoryBytes] = byte;
    for (uint32_t i = 0; i < kMatches; ++i) follow_match(*history, byte, &history->matches[i]);
  }
  context->recent = context->recent << 8 | byte;
  ++context->length;
  if (history != nullptr) {
    for (uint32_t i = 0; i < kMatches; ++i) {
      find_match(*context, kMatchBytes[i], history->positions[i], *history, &history->matches[i]);
    }
  }
  const uint8_t lower = byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte + 32) : byte;
  if (is_word_byte(lower)) {
    context->word = (context->word + lower + 1) * 0x2F0B4C47u;
  } else {
    if (context->word != 0) context->previous = context->word;
    context->word = 0;
  }
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
