// The contexts of the mixer: what it knows of the data before a byte.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mixer.h"

namespace eqinfo {

class ByteContexts {
 public:
  // A value per context, for `hash`.
  void values(uint32_t position, uint64_t* out) const {
    const uint64_t orders = bytes_;
    const uint64_t last = word_ == 0 ? orders & 0xff : 0;
    const uint64_t column = std::min<uint32_t>(position - line_, 255);
    const uint64_t own[kMixerContexts] = {
        orders & 0xff,
        orders & 0xffff,
        orders & 0xffffff,
        orders & 0xffffffff,
        orders & 0xffffffffffff,
        static_cast<uint64_t>(word_) << 8 | last,
        (static_cast<uint64_t>(word_) << 32 | previous_word_) * 0x9E3779B97F4A7C15u + last,
        column << 8 | above_,
        static_cast<uint64_t>(field_) << 32 | field_hash_,
        orders & 0xf0f0ff,
        orders & 0xffff00,
        orders & 0xff0000,
    };
    for (uint32_t i = 0; i < kMixerContexts; ++i) {
      out[i] = own[i] + (static_cast<uint64_t>(i + 1) << 56);
    }
  }

  // The byte follows the data before `position`, which may be all that is known.
  void append(uint8_t byte, const uint8_t* data, uint32_t position) {
    bytes_ = bytes_ << 8 | byte;
    const uint32_t letter = byte | 32u;
    if ((letter >= 'a' && letter <= 'z') || byte >= 128) {
      word_ = (word_ + letter + 1) * kWordFactor;
    } else if (word_ != 0) {
      previous_word_ = word_;
      word_ = 0;
    }
    if (byte == '\n') {
      previous_line_ = line_;
      line_ = position + 1;
      field_ = field_hash_ = 0;
    } else if (byte == ',' || byte == '\t' || byte == ';' || byte == '|' || byte == '"' ||
               byte == ' ') {
      ++field_;
      field_hash_ = 0;
    } else {
      field_hash_ = (field_hash_ + byte + 1) * kWordFactor;
    }
    look_above(data, position + 1, byte);
  }

  uint64_t bytes() const { return bytes_; }

  // The data lose their first `count` bytes. A line that began among them begins after them now.
  // `size` bytes are left.
  void forget(uint32_t count, const uint8_t* data, uint32_t size) {
    line_ = line_ > count ? line_ - count : 0;
    previous_line_ = previous_line_ > count ? previous_line_ - count : 0;
    look_above(data, size, size > 0 ? data[size - 1] : uint8_t{0});
  }

 private:
  static constexpr uint32_t kWordFactor = 0x2F0B4C47;

  // `size` bytes are known, of which `last` is the last.
  void look_above(const uint8_t* data, uint32_t size, uint8_t last) {
    const uint32_t up = previous_line_ + (size - line_);
    above_ = line_ > previous_line_ && up < line_ ? (up + 1 == size ? last : data[up]) : uint8_t{0};
  }

  uint64_t bytes_ = 0;          // the last eight bytes, the last one lowest
  uint32_t word_ = 0;           // a hash of the letters since the last other byte
  uint32_t previous_word_ = 0;  // of the word before
  uint32_t line_ = 0;           // where the line begins
  uint32_t previous_line_ = 0;
  uint32_t field_ = 0;  // the number of separators in the line
  uint32_t field_hash_ = 0;
  uint8_t above_ = 0;  // the byte above, in the line before
};

// The place after the last occurrence of the last kMinLength bytes, and for how long the data have
// agreed with those there.
class Match {
 public:
  // `places` has 2^bits entries, all 0.
  Match(uint32_t min_length, uint32_t* places, uint32_t bits)
      : min_length_(min_length), bits_(bits), places_(places) {}

  uint32_t length() const { return length_; }
  uint32_t place() const { return place_; }
  void drop() { length_ = 0; }

  // The entry that `append` needs if `last` is the last byte of `size`. Lets memory bring it.
  uint32_t* expect(uint8_t last, const uint8_t* data, uint32_t size) const {
    if (size < min_length_) return nullptr;
    uint64_t value = last + uint64_t{1};
    for (uint32_t i = 1; i < min_length_; ++i) value = value * kFactor + data[size - 1 - i] + 1;
    uint32_t* const entry = &places_[hash(value) >> (64 - bits_)];
    __builtin_prefetch(entry, 1);
    return entry;
  }

  // Later, before `append`: lets memory bring what it compares.
  void expect_data(const uint32_t* expected, const uint8_t* data) const {
    if (length_ == 0 && expected != nullptr && *expected > 0) {
      __builtin_prefetch(data + *expected - 1);
    }
  }

  // `size` bytes of data are known, the last of which is new.
  void append(uint32_t* expected, const uint8_t* data, uint32_t size) {
    if (length_ > 0) {
      ++place_;
      length_ = std::min(length_ + 1, kMaxLength);
    }
    if (size < min_length_) return;
    uint32_t& entry = *expected;
    if (length_ == 0 && entry > 0) {
      uint32_t length = 0;
      while (length < kMaxCompared && length < entry &&
             data[entry - 1 - length] == data[size - 1 - length]) {
        ++length;
      }
      if (length >= min_length_) {
        place_ = entry;
        length_ = length;
      }
    }
    entry = size;
  }

  // Goes on as `other`; the entries are copied elsewhere.
  void become(const Match& other) {
    place_ = other.place_;
    length_ = other.length_;
  }

  // The data lose their first `count` bytes; a match that continues in the rest stays.
  void forget(uint32_t count) {
    for (size_t i = 0; i < size_t{1} << bits_; ++i) {
      places_[i] = places_[i] > count ? places_[i] - count : 0;
    }
    if (length_ > 0 && place_ < count) length_ = 0;
    place_ -= std::min(place_, count);
  }

 private:
  static constexpr uint64_t kFactor = uint64_t{0x2F0B4C47} * 8;
  static constexpr uint32_t kMaxCompared = 400;
  static constexpr uint32_t kMaxLength = 65535;

  uint32_t min_length_;
  uint32_t bits_;
  uint32_t* places_;
  uint32_t place_ = 0;
  uint32_t length_ = 0;
};

}  // namespace eqinfo
