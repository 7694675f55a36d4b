// Text features, rule 1: the hashed features of a token's text, from which its embedding is
// composed. `eqinfo.reference.text_features` is the same rule in plain Python, and
// docs/pipeline.md ("Text features") describes it.
#pragma once

#include "word.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// Of a longer text, only the first bytes count, so that the number of features is bounded.
constexpr int64_t kMaxFeatureBytes = 256;
constexpr int64_t kMaxAffix = 4;
constexpr int64_t kFeaturePlaces = 16;
constexpr int64_t kMaxCountedWords = 8;
// Prefixes, suffixes, trigrams and places; two of every word; the first, the last, their number.
constexpr int64_t kMaxTextFeatures =
    2 * kMaxAffix + kMaxFeatureBytes + kFeaturePlaces + 2 * kMaxFeatureBytes + 3;

// Sets of kinds are sums of these.
constexpr uint32_t kPrefixFeatures = 1;
constexpr uint32_t kSuffixFeatures = 2;
constexpr uint32_t kWordFeatures = 4;
constexpr uint32_t kTrigramFeatures = 8;
constexpr uint32_t kPlaceFeatures = 16;
constexpr uint32_t kAllTextFeatures = 31;

// What a feature says; the hashes of its bytes begin with it.
enum class TextFeature : uint8_t {
  prefix,
  suffix,
  word,
  folded_word,  // without spaces before it, its ASCII letters in lower case
  first_word,
  last_word,
  words,  // how many there are
  trigram,
  place,  // a byte and where it is
};

struct TextFeatureHash {
  static constexpr uint64_t kFactor = 0x9e3779b97f4a7c15u;
  uint64_t state;
  EQINFO_HD explicit TextFeatureHash(TextFeature feature)
      : state((static_cast<uint64_t>(feature) + 1) * kFactor) {}
  EQINFO_HD void add(uint8_t byte) {
    state = (state ^ byte) * kFactor;
    state ^= state >> 32;
  }
  EQINFO_HD uint32_t value() const { return static_cast<uint32_t>(state >> 32); }
};

// The bucket, below `buckets`, of a feature's hash.
EQINFO_HD uint32_t feature_bucket(uint32_t hash, uint32_t buckets) {
  return static_cast<uint32_t>(uint64_t{hash} * buckets >> 32);
}

EQINFO_HD uint32_t text_feature(TextFeature feature, const uint8_t* bytes, int64_t count) {
  TextFeatureHash hash(feature);
  for (int64_t i = 0; i < count; ++i) hash.add(bytes[i]);
  return hash.value();
}

EQINFO_HD uint32_t folded_word_feature(const uint8_t* word, int64_t bytes) {
  TextFeatureHash hash(TextFeature::folded_word);
  int64_t i = 0;
  while (i < bytes && word[i] == ' ') ++i;
  for (; i < bytes; ++i) {
    const bool is_upper = word[i] >= 'A' && word[i] <= 'Z';
    hash.add(static_cast<uint8_t>(word[i] + (is_upper ? 'a' - 'A' : 0)));
  }
  return hash.value();
}

// Calls visit(hash) for the features of the words of a text of at least one byte.
EQINFO_EITHER_SIDE
template <typename Visit>
EQINFO_HD void each_word_feature(const uint8_t* text, int64_t bytes, const Visit& visit) {
  int64_t begin = 0;  // of the word at `at`
  int64_t first_end = bytes;
  int64_t words = 0;
  WordClass before = WordClass::other;
  for (int64_t at = 0; at <= bytes;) {
    // One more step than there are characters: the last word ends with the text.
    const Character character =
        at < bytes ? read_character(text + at, bytes - at) : Character{1, WordClass::other};
    if (at == bytes || (at > 0 && word_ends(before, character.word_class))) {
      visit(text_feature(TextFeature::word, text + begin, at - begin));
      visit(folded_word_feature(text + begin, at - begin));
      if (words == 0) first_end = at;
      ++words;
      if (at < bytes) begin = at;
    }
    at += character.bytes;
    before = character.word_class;
  }
  visit(text_feature(TextFeature::first_word, text, first_end));
  visit(text_feature(TextFeature::last_word, text + begin, bytes - begin));
  const uint8_t counted = static_cast<uint8_t>(words < kMaxCountedWords ? words : kMaxCountedWords);
  visit(text_feature(TextFeature::words, &counted, 1));
}

// Calls visit(hash) for every feature of a text, in the order of the kinds; at most
// kMaxTextFeatures times, and never for an empty text.
EQINFO_EITHER_SIDE
template <typename Visit>
EQINFO_HD void each_text_feature(const uint8_t* text, int64_t bytes, uint32_t kinds,
                                 const Visit& visit) {
  if (bytes == 0) return;
  if (bytes > kMaxFeatureBytes) bytes = kMaxFeatureBytes;
  const int64_t affix = bytes < kMaxAffix ? bytes : kMaxAffix;
  if ((kinds & kPrefixFeatures) != 0) {
    for (int64_t k = 1; k <= affix; ++k) visit(text_feature(TextFeature::prefix, text, k));
  }
  if ((kinds & kSuffixFeatures) != 0) {
    for (int64_t k = 1; k <= affix; ++k) {
      visit(text_feature(TextFeature::suffix, text + bytes - k, k));
    }
  }
  if ((kinds & kWordFeatures) != 0) each_word_feature(text, bytes, visit);
  if ((kinds & kTrigramFeatures) != 0) {
    for (int64_t i = 0; i + 3 <= bytes; ++i) visit(text_feature(TextFeature::trigram, text + i, 3));
  }
  if ((kinds & kPlaceFeatures) != 0) {
    for (int64_t i = 0; i < bytes && i < kFeaturePlaces; ++i) {
      const uint8_t place[2] = {static_cast<uint8_t>(i), text[i]};
      visit(text_feature(TextFeature::place, place, 2));
    }
  }
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
