#include "word.h"

#include <cstring>

#include "cpu/word_loops.h"

namespace eqinfo {
namespace {

// Calls visit(begin, end) for every word of a text.
template <typename Visit>
void for_each_word(const uint8_t* text, int64_t bytes, Visit visit) {
  int64_t begin = 0;
  WordClass before = WordClass::other;
  for (int64_t at = 0; at < bytes;) {
    const Character character = read_character(text + at, bytes - at);
    if (at > 0 && word_ends(before, character.word_class)) {
      visit(begin, at);
      begin = at;
    }
    at += character.bytes;
    before = character.word_class;
  }
  if (begin < bytes) visit(begin, bytes);
}

uint64_t hash_of(const uint8_t* word, int64_t bytes) {
  uint64_t hash = static_cast<uint64_t>(bytes);
  for (int64_t i = 0; i < bytes; ++i) {
    hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return hash;
}

// Numbers words in order of first appearance and counts them, in an open-addressing hash table.
class Counter {
 public:
  explicit Counter(WordCounts* words) : words_(words), slots_(size_t{1} << 16, kFree) {
    *words_ = {{}, {0}, {}};
  }

  // Returns the number of the word.
  uint32_t add(const uint8_t* word, int64_t bytes, int64_t count) {
    uint32_t* slot = find(word, bytes);
    if (*slot != kFree) {
      words_->counts[*slot] += count;
      return *slot;
    }
    const uint32_t number = *slot = static_cast<uint32_t>(words_->counts.size());
    words_->text.insert(words_->text.end(), word, word + bytes);
    words_->offsets.push_back(static_cast<int64_t>(words_->text.size()));
    words_->counts.push_back(count);
    if (2 * words_->counts.size() > slots_.size()) grow();
    return number;
  }

 private:
  static constexpr uint32_t kFree = ~uint32_t{0};

  uint32_t* find(const uint8_t* word, int64_t bytes) {
    const size_t mask = slots_.size() - 1;
    size_t at = hash_of(word, bytes) & mask;
    while (slots_[at] != kFree && !same(slots_[at], word, bytes)) at = (at + 1) & mask;
    return &slots_[at];
  }
  bool same(uint32_t number, const uint8_t* word, int64_t bytes) const {
    const int64_t begin = words_->offsets[number];
    return words_->offsets[number + 1] - begin == bytes &&
           std::memcmp(words_->text.data() + begin, word, static_cast<size_t>(bytes)) == 0;
  }
  void grow() {
    slots_.assign(slots_.size() * 2, kFree);
    for (uint32_t i = 0; i < words_->counts.size(); ++i) {
      const int64_t begin = words_->offsets[i];
      *find(words_->text.data() + begin, words_->offsets[i + 1] - begin) = i;
    }
  }

  WordCounts* words_;
  std::vector<uint32_t> slots_;  // a power of two in size, at most half full
};

}  // namespace

void find_word_ends(const uint8_t* text, int64_t bytes, std::vector<int64_t>* ends, Stop* stop) {
  ends->clear();
  StopChecks checks(stop);
  for_each_word(text, bytes, [&](int64_t begin, int64_t end) {
    checks.after(end - begin);
    ends->push_back(end);
  });
}

void count_words(const Documents& documents, WordCounts* words, Stop* stop) {
  StopChecks checks(stop);
  Counter counter(words);
  for (int64_t i = 0; i < documents.count; ++i) {
    const uint8_t* text = documents.text + documents.offsets[i];
    for_each_word(text, documents.offsets[i + 1] - documents.offsets[i],
                  [&](int64_t begin, int64_t end) {
                    checks.after(end - begin);
                    counter.add(text + begin, end - begin, documents.weight(i));
                  });
  }
}

void number_words(const Documents& documents, WordCounts* words, std::vector<uint32_t>* numbers,
                  Stop* stop) {
  StopChecks checks(stop);
  Counter counter(words);
  numbers->clear();
  for (int64_t i = 0; i < documents.count; ++i) {
    const uint8_t* text = documents.text + documents.offsets[i];
    for_each_word(text, documents.offsets[i + 1] - documents.offsets[i],
                  [&](int64_t begin, int64_t end) {
                    checks.after(end - begin);
                    numbers->push_back(counter.add(text + begin, end - begin, 1));
                  });
    numbers->push_back(kNoWord);
  }
}

void find_strings_within_words(const Nodes& nodes, uint8_t* allowed, Stop* stop) {
  StopChecks checks(stop);
  std::vector<uint8_t> path;  // the string of the current node
  for (uint32_t i = 0; i < nodes.count; ++i) {
    const uint32_t length = nodes.depth[i];
    checks.after(1 + length);
    if (length > 0) {
      path.resize(length - 1);
      path.push_back(nodes.symbol[i]);
    }
    bool within = true;
    WordClass before = WordClass::other;
    for (uint32_t at = 0; at < length && within;) {
      const Character character = read_character(&path[at], length - at);
      const bool goes_on = at == 0 || !word_ends(before, character.word_class);
      within = goes_on && character.word_class != WordClass::ill_formed;
      at += character.bytes;
      before = character.word_class;
    }
    allowed[i] = within || length == 1 || is_piece_of_character(path.data(), length);
  }
}

}  // namespace eqinfo
