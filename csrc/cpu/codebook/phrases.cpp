// Counts phrases exactly, word by word. A phrase is at most as frequent as the phrase without its
// last word, so only those places are kept whose phrase can still grow into a chosen one.
#include "cpu/codebook/phrases.h"

#include <algorithm>
#include <functional>

#include "cpu/codebook/key_counter.h"

namespace eqinfo {
namespace {

constexpr uint32_t kGone = ~uint32_t{0};
constexpr int64_t kLeastCount = 2;
// Words between two checks whether to stop.
constexpr size_t kChecked = 1 << 12;

struct Phrase {
  int64_t count;
  size_t place;  // of its first occurrence, in words
  uint32_t words;
  uint32_t bytes;
};

bool is_well_formed(const uint8_t* text, int64_t bytes) {
  for (int64_t at = 0; at < bytes;) {
    const Character character = read_character(text + at, bytes - at);
    if (character.word_class == WordClass::ill_formed) return false;
    at += character.bytes;
  }
  return true;
}

class PhraseCounter {
 public:
  PhraseCounter(const Documents& documents, uint32_t max_length, Stop* stop)
      : max_length_(max_length), stop_(stop) {
    number_words(documents, &words_, &numbers_, stop);
    lengths_.resize(words_.counts.size(), kGone);
    for (uint32_t i = 0; i < lengths_.size(); ++i) {
      const int64_t bytes = words_.offsets[i + 1] - words_.offsets[i];
      if (words_.counts[i] >= kLeastCount && bytes < max_length &&
          is_well_formed(words_.text.data() + words_.offsets[i], bytes)) {
        lengths_[i] = static_cast<uint32_t>(bytes);
      }
    }
  }

  // All phrases that may be among the `wanted` best ones.
  std::vector<Phrase> count(uint32_t most_words, size_t wanted) {
    std::vector<Phrase> found;
    std::vector<int64_t> best;  // the greatest counts so far
    start();
    for (uint32_t words = 2; words <= most_words && !places_.empty(); ++words) {
      std::vector<Phrase> level = extend(words);
      for (const Phrase& phrase : level) {
        if (phrase.count >= kLeastCount) best.push_back(phrase.count);
      }
      int64_t least = kLeastCount;
      if (best.size() >= wanted) {
        const auto last = best.begin() + static_cast<int64_t>(wanted) - 1;
        std::nth_element(best.begin(), last, best.end(), std::greater<int64_t>());
        best.resize(wanted);
        least = *last;
      }
      lengths_of_phrases_.assign(level.size(), kGone);
      for (uint32_t i = 0; i < level.size(); ++i) {
        if (level[i].count < least) continue;
        lengths_of_phrases_[i] = level[i].bytes;
        found.push_back(level[i]);
      }
    }
    return found;
  }

  void append_text(const Phrase& phrase, std::vector<uint8_t>* text) const {
    for (size_t at = phrase.place; at < phrase.place + phrase.words; ++at) {
      const int64_t begin = words_.offsets[numbers_[at]];
      const int64_t end = words_.offsets[numbers_[at] + 1];
      text->insert(text->end(), words_.text.data() + begin, words_.text.data() + end);
    }
  }

 private:
  // Every word is a phrase of one word.
  void start() {
    for (size_t at = 0; at < numbers_.size(); ++at) {
      if (numbers_[at] == kNoWord || lengths_[numbers_[at]] == kGone) continue;
      places_.push_back(at);
      phrases_.push_back(numbers_[at]);
    }
    lengths_of_phrases_ = lengths_;
  }

  // Makes every phrase one word longer and counts it. Places whose phrase cannot grow are dropped.
  std::vector<Phrase> extend(uint32_t words) {
    KeyCounter<uint64_t, uint32_t> counter;
    std::vector<Phrase> level;
    StopChecks checks(stop_);
    size_t kept = 0;
    for (size_t i = 0; i < places_.size(); ++i) {
      if (i % kChecked == 0) checks.after(int64_t{1} << 16);
      const uint32_t shorter = phrases_[i];
      const size_t place = places_[i];
      const size_t last = place + words - 1;
      if (lengths_of_phrases_[shorter] == kGone || numbers_[last] == kNoWord) continue;
      const uint32_t length = lengths_[numbers_[last]];
      if (length == kGone || length > max_length_ - lengths_of_phrases_[shorter]) continue;
      const uint32_t phrase = counter.add(uint64_t{shorter} << 32 | numbers_[last], 1);
      if (phrase == level.size()) {
        level.push_back({0, place, words, lengths_of_phrases_[shorter] + length});
      }
      places_[kept] = place;
      phrases_[kept++] = phrase;
    }
    places_.resize(kept);
    phrases_.resize(kept);
    counter.for_each(
        [&](uint32_t number, uint64_t, uint32_t count) { level[number].count = count; });
    return level;
  }

  uint32_t max_length_;
  Stop* stop_;
  WordCounts words_;
  std::vector<uint32_t> numbers_;  // of the words of the documents; kNoWord ends a document
  std::vector<uint32_t> lengths_;  // by word, in bytes; kGone: of no phrase
  std::vector<uint32_t> lengths_of_phrases_;  // the same by phrase, of those that were counted last
  // The places that are still followed: where a phrase begins, in words, and its number among the
  // phrases that were counted last.
  std::vector<size_t> places_;
  std::vector<uint32_t> phrases_;
};

}  // namespace

void count_phrases(const Documents& documents, uint32_t most_words, uint32_t max_length,
                   size_t wanted, WordCounts* phrases, Stop* stop) {
  PhraseCounter counter(documents, max_length, stop);
  std::vector<Phrase> found = counter.count(most_words, wanted);
  // More frequent and then shorter ones come first; equals are in one group, to be told by text.
  const auto by_worth = [](const Phrase& a, const Phrase& b) {
    return a.count != b.count ? a.count > b.count : a.bytes < b.bytes;
  };
  if (found.size() > wanted) {
    const auto last = found.begin() + static_cast<int64_t>(wanted) - 1;
    std::nth_element(found.begin(), last, found.end(), by_worth);
    const Phrase bound = *last;
    found.erase(std::remove_if(found.begin(), found.end(),
                               [&](const Phrase& phrase) { return by_worth(bound, phrase); }),
                found.end());
  }
  WordCounts all{{}, {0}, {}};
  for (const Phrase& phrase : found) {
    counter.append_text(phrase, &all.text);
    all.offsets.push_back(static_cast<int64_t>(all.text.size()));
  }
  const auto before = [&](uint32_t a, uint32_t b) {
    const uint8_t* text = all.text.data();
    return std::lexicographical_compare(text + all.offsets[a], text + all.offsets[a + 1],
                                        text + all.offsets[b], text + all.offsets[b + 1]);
  };
  std::vector<uint32_t> order(found.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    if (by_worth(found[a], found[b])) return true;
    return !by_worth(found[b], found[a]) && before(a, b);
  });
  if (order.size() > wanted) order.resize(wanted);
  std::sort(order.begin(), order.end(), before);
  *phrases = {{}, {0}, {}};
  for (const uint32_t i : order) {
    phrases->text.insert(phrases->text.end(), all.text.data() + all.offsets[i],
                         all.text.data() + all.offsets[i + 1]);
    phrases->offsets.push_back(static_cast<int64_t>(phrases->text.size()));
    phrases->counts.push_back(found[i].count);
  }
}

}  // namespace eqinfo
