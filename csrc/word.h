// Word rule 1: where words end. Whether a word ends between two adjacent characters depends only on
// the classes of the two, so a piece of text has the same words wherever it occurs, and a string
// without a word end inside never crosses one. `eqinfo.reference.word` is the same rule in plain
// Python.
#pragma once

#include "tables/word_classes.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

enum class WordClass : uint8_t {
  letter,      // and combining marks
  ideograph,   // scripts without spaces: Han, kana, Bopomofo, Yi, Tangut, Nushu
  digit,       // all numbers
  apostrophe,  // ' and U+2019
  hyphen,      // -, U+2010 and U+2011
  space,       // within a line: U+0020, tab, no-break space, ...
  line_end,    // CR, LF, U+2028, U+2029
  other,       // punctuation, symbols, controls, unassigned
  ill_formed,  // a byte that is not part of a UTF-8 character
};

// For each class, the classes (bit 1 << class) that continue the word when they follow it. Spaces
// belong to what follows, line ends to the punctuation before them, hyphens to the letters after
// them, and apostrophes to the letters on both sides.
#if defined(__CUDA_ARCH__)
__device__
#endif
    constexpr uint16_t kWordGoesOn[9] = {
        0b000001001,  // letter: letter, apostrophe
        0b000000010,  // ideograph: ideograph
        0b000000100,  // digit: digit
        0b001001001,  // apostrophe: letter, apostrophe, line_end
        0b011011001,  // hyphen: letter, apostrophe, hyphen, line_end, other
        0b111111111,  // space: everything
        0b001000000,  // line_end: line_end
        0b011011000,  // other: apostrophe, hyphen, line_end, other
        0b100000000,  // ill_formed: ill_formed
};

EQINFO_HD bool word_ends(WordClass before, WordClass after) {
  return (kWordGoesOn[static_cast<uint32_t>(before)] >> static_cast<uint32_t>(after) & 1) == 0;
}

EQINFO_HD WordClass word_class(uint32_t code_point) {
  if (code_point < 128) return static_cast<WordClass>(kAsciiClasses[code_point]);
  uint32_t first = 0;  // of the `count` runs that may contain it
  uint32_t count = kClassRunCount;
  while (count > 1) {
    const uint32_t half = count / 2;
    const bool later = kClassRuns[first + half] >> 8 <= code_point;
    first += later ? half : 0;
    count = later ? count - half : half;
  }
  return static_cast<WordClass>(kClassRuns[first] & 0xff);
}

EQINFO_HD bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// For a character of more than one byte that begins with `lead`: its length, and the least and the
// greatest second byte (Unicode Standard, table 3-7). The length is 0 where no such character
// exists.
struct LeadByte {
  uint32_t length;
  uint8_t least;
  uint8_t greatest;
};
EQINFO_HD LeadByte lead_byte(uint8_t lead) {
  if (lead < 0xc2 || lead > 0xf4) return {0, 0, 0};
  return {lead < 0xe0   ? 2u
          : lead < 0xf0 ? 3u
                        : 4u,
          static_cast<uint8_t>(lead == 0xe0   ? 0xa0
                               : lead == 0xf0 ? 0x90
                                              : 0x80),
          static_cast<uint8_t>(lead == 0xed   ? 0x9f
                               : lead == 0xf4 ? 0x8f
                                              : 0xbf)};
}

struct Character {
  uint32_t bytes;
  WordClass word_class;
};

// The character at the beginning of a text of at least one byte.
EQINFO_HD Character read_character(const uint8_t* text, int64_t bytes) {
  if (text[0] < 0x80) return {1, word_class(text[0])};
  const LeadByte lead = lead_byte(text[0]);
  const Character ill_formed{1, WordClass::ill_formed};
  if (lead.length == 0 || bytes < lead.length) return ill_formed;
  if (text[1] < lead.least || text[1] > lead.greatest) return ill_formed;
  uint32_t code_point = text[0] & (0x7fu >> lead.length);
  for (uint32_t i = 1; i < lead.length; ++i) {
    if (!is_continuation(text[i])) return ill_formed;
    code_point = code_point << 6 | (text[i] & 0x3fu);
  }
  return {lead.length, word_class(code_point)};
}

// Whether a string of 2 or more bytes is an incomplete piece of one character.
EQINFO_HD bool is_piece_of_character(const uint8_t* string, uint32_t bytes) {
  const LeadByte lead = lead_byte(string[0]);
  const bool begins = lead.length > bytes && string[1] >= lead.least && string[1] <= lead.greatest;
  if (!begins && (bytes > 3 || !is_continuation(string[0]))) return false;
  for (uint32_t i = 1; i < bytes; ++i) {
    if (!is_continuation(string[i])) return false;
  }
  return true;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
