// One line of a JSON-lines file: the text in one field of its object. Only lines in the plain form
// that nearly all have are read; every other line, valid or not, is reported as unusual, and the
// caller gives it to a complete parser. So this reader never has to explain a fault, and it must
// never accept what the complete parser (Python's json) refuses or reads differently.
#pragma once

#include <cstring>

#include "word.h"

namespace eqinfo {

enum class JsonLine {
  text,     // an object whose field is a string
  empty,    // white space
  unusual,  // anything else: for the complete parser
};

class JsonLineReader {
 public:
  JsonLineReader(const uint8_t* line, int64_t bytes) : at_(line), end_(line + bytes) {}

  // Writes the text of `field` and advances `out` to its end. `out` has room for the line.
  JsonLine read(const uint8_t* field, int64_t field_bytes, uint8_t** out) {
    skip_space();
    if (at_ == end_) return JsonLine::empty;
    uint8_t* text_end = nullptr;
    if (!take('{')) return JsonLine::unusual;
    do {
      skip_space();
      const uint8_t* key = at_ + 1;
      bool escaped = false;
      if (!take('"') || !skip_string(&escaped) || escaped) return JsonLine::unusual;
      const bool is_field = at_ - 1 - key == field_bytes &&
                            std::memcmp(key, field, static_cast<size_t>(field_bytes)) == 0;
      skip_space();
      if (!take(':')) return JsonLine::unusual;
      if (is_field) {  // for a second time, too: the last one counts
        skip_space();
        if (!take('"')) return JsonLine::unusual;
        text_end = copy_string(*out);
        if (text_end == nullptr) return JsonLine::unusual;
      } else if (!skip_value()) {
        return JsonLine::unusual;
      }
      skip_space();
    } while (take(','));
    if (!take('}') || text_end == nullptr) return JsonLine::unusual;
    skip_space();
    if (at_ != end_) return JsonLine::unusual;
    *out = text_end;
    return JsonLine::text;
  }

 private:
  static constexpr uint32_t kMaxDepth = 64;  // bits of `objects` in skip_value

  bool take(char expected) {
    if (at_ == end_ || *at_ != static_cast<uint8_t>(expected)) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }

  bool skip_key() {
    bool escaped = false;
    skip_space();
    if (!take('"') || !skip_string(&escaped)) return false;
    skip_space();
    return take(':');
  }

  bool skip_value() {
    uint64_t objects = 0;  // a bit for each open bracket, the innermost one lowest: 1 for an object
    uint32_t depth = 0;
    for (;;) {
      skip_space();
      bool opened = false;
      if (at_ != end_ && (*at_ == '{' || *at_ == '[')) {
        if (++depth > kMaxDepth) return false;
        const bool object = *at_++ == '{';
        objects = objects << 1 | (object ? 1 : 0);
        skip_space();
        opened = at_ != end_ && *at_ != (object ? '}' : ']');
        if (opened && object && !skip_key()) return false;
      } else if (!skip_scalar()) {
        return false;
      }
      if (opened) continue;
      // What follows a value, or an opening bracket without one.
      for (;;) {
        if (depth == 0) return true;
        skip_space();
        const bool object = (objects & 1) != 0;
        if (take(object ? '}' : ']')) {
          objects >>= 1;
          --depth;
        } else if (take(',')) {
          if (object && !skip_key()) return false;
          break;
        } else {
          return false;
        }
      }
    }
  }

  bool skip_scalar() {
    bool escaped = false;
    if (take('"')) return skip_string(&escaped);
    return skip_word("true") || skip_word("false") || skip_word("null") || skip_number();
  }
  bool skip_word(const char* word) {
    const size_t bytes = std::strlen(word);
    if (end_ - at_ < static_cast<int64_t>(bytes) || std::memcmp(at_, word, bytes) != 0)
      return false;
    at_ += bytes;
    return true;
  }
  bool skip_digits() {
    const uint8_t* begin = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != begin;
  }
  bool skip_number() {
    take('-');
    if (!take('0') && !skip_digits()) return false;
    if (take('.') && !skip_digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return skip_digits();
    }
    return true;
  }

  // Skips bytes of a string that stand for themselves and are ASCII.
  void skip_plain() {
    constexpr uint64_t kOnes = 0x0101010101010101u;
    constexpr uint64_t kHigh = kOnes << 7;
    const auto below = [](uint64_t word, uint64_t least) { return (word - kOnes * least) & ~word; };
    while (end_ - at_ >= 8) {
      uint64_t word;
      std::memcpy(&word, at_, 8);
      const uint64_t special =
          word | below(word, 0x20) | below(word ^ kOnes * '"', 1) | below(word ^ kOnes * '\\', 1);
      if ((special & kHigh) != 0) break;  // or a byte that only looks so, after a special one
      at_ += 8;
    }
    while (at_ != end_ && *at_ >= 0x20 && *at_ < 0x80 && *at_ != '"' && *at_ != '\\') ++at_;
  }
  // Skips a character of more than one byte.
  bool skip_character() {
    const LeadByte lead = lead_byte(*at_);
    if (lead.length == 0 || end_ - at_ < lead.length) return false;
    if (at_[1] < lead.least || at_[1] > lead.greatest) return false;
    for (uint32_t i = 2; i < lead.length; ++i) {
      if (!is_continuation(at_[i])) return false;
    }
    at_ += lead.length;
    return true;
  }
  // Stops at a quotation mark or backslash; false where the string is not one.
  bool skip_characters() {
    for (;;) {
      skip_plain();
      if (at_ == end_ || *at_ < 0x20) return false;
      if (*at_ < 0x80) return true;
      if (!skip_character()) return false;
    }
  }

  // Skips the rest of a string and its quotation mark.
  bool skip_string(bool* escaped) {
    for (;;) {
      if (!skip_characters()) return false;
      if (take('"')) return true;
      *escaped = true;
      uint32_t code = 0;
      if (!read_escape(&code)) return false;
    }
  }

  // Copies the rest of a string, without its quotation mark, and returns the end of the copy;
  // nullptr where the string is not one, or has a surrogate without its other half.
  uint8_t* copy_string(uint8_t* out) {
    for (;;) {
      const uint8_t* begin = at_;
      if (!skip_characters()) return nullptr;
      std::memcpy(out, begin, static_cast<size_t>(at_ - begin));
      out += at_ - begin;
      if (take('"')) return out;
      uint32_t code = 0;
      if (!read_escape(&code)) return nullptr;
      if (code >= 0xd800 && code < 0xe000) {
        uint32_t low = 0;
        if (code >= 0xdc00 || at_ == end_ || *at_ != '\\' || !read_escape(&low)) return nullptr;
        if (low < 0xdc00 || low >= 0xe000) return nullptr;
        code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
      }
      out = write_character(code, out);
    }
  }

  // Reads an escape from its backslash on.
  bool read_escape(uint32_t* code) {
    ++at_;
    if (at_ == end_) return false;
    const uint8_t kind = *at_++;
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        *code = kind;
        return true;
      case 'b':
        *code = '\b';
        return true;
      case 'f':
        *code = '\f';
        return true;
      case 'n':
        *code = '\n';
        return true;
      case 'r':
        *code = '\r';
        return true;
      case 't':
        *code = '\t';
        return true;
      case 'u':
        return read_four_digits(code);
      default:
        return false;
    }
  }
  bool read_four_digits(uint32_t* code) {
    if (end_ - at_ < 4) return false;
    *code = 0;
    for (int i = 0; i < 4; ++i) {
      const uint32_t digit = *at_++;
      const uint32_t letter = digit | 0x20;
      if (digit >= '0' && digit <= '9') {
        *code = *code << 4 | (digit - '0');
      } else if (letter >= 'a' && letter <= 'f') {
        *code = *code << 4 | (letter - 'a' + 10);
      } else {
        return false;
      }
    }
    return true;
  }

  static uint8_t* write_character(uint32_t code, uint8_t* out) {
    if (code < 0x80) {
      *out++ = static_cast<uint8_t>(code);
      return out;
    }
    if (code < 0x800) {
      *out++ = static_cast<uint8_t>(0xc0 | code >> 6);
    } else {
      if (code < 0x10000) {
        *out++ = static_cast<uint8_t>(0xe0 | code >> 12);
      } else {
        *out++ = static_cast<uint8_t>(0xf0 | code >> 18);
        *out++ = static_cast<uint8_t>(0x80 | (code >> 12 & 0x3f));
      }
      *out++ = static_cast<uint8_t>(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = static_cast<uint8_t>(0x80 | (code & 0x3f));
    return out;
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace eqinfo
