#include <algorithm>

#include "codebook.h"
#include "cpu/codebook/encode.h"
#include "cpu/threads.h"

namespace eqinfo {
namespace {

// Goes backwards through a text and finds, for every position, the fewest windows that code the
// rest, and the first of them.
template <typename Id>
class Shortest {
 public:
  explicit Shortest(const CodebookTables& tables)
      : trie_(tables.trie()), strings_(tables.strings()) {
    uint32_t longest = 0;
    for (const uint32_t word : tables.string_tables->words) {
      longest = std::max(longest, string_length(strings_, word));
    }
    size_t size = 1;
    while (size <= longest) size *= 2;
    windows_.resize(size);
  }

  void encode(const uint8_t* text, int64_t bytes, Growing<Id>* ids, StopChecks* checks) {
    const size_t mask = windows_.size() - 1;
    if (first_.size() < static_cast<size_t>(bytes)) first_.reserve(static_cast<size_t>(bytes));
    while (first_.size() < static_cast<size_t>(bytes)) {
      first_.resize(std::min(static_cast<size_t>(bytes), first_.size() + (size_t{1} << 18)));
      checks->after(int64_t{1} << 18);
    }
    windows_[static_cast<size_t>(bytes) & mask] = 0;
    for (int64_t i = bytes; i-- > 0;) {
      TrieSlot node = kTrieRoot;
      uint32_t fewest = ~uint32_t{0};
      uint32_t id = 0;
      int64_t at = i;
      while (at < bytes) {
        node = trie_.slots[slot_children(node) + text[at]];
        if (slot_byte(node) != text[at]) break;
        ++at;
        const uint32_t rest = windows_[static_cast<size_t>(at) & mask];
        // Among equal ones the longest, which comes last.
        if (slot_closing(trie_, node) >= kHasId && rest <= fewest) {
          fewest = rest;
          id = slot_value<Id>(node);
        }
      }
      checks->after(at - i);
      windows_[static_cast<size_t>(i) & mask] = fewest + 1;
      first_[static_cast<size_t>(i)] = id;
    }
    const int64_t count = bytes == 0 ? 0 : windows_[0];
    Id* out = ids->reserve(count);
    for (int64_t i = 0; i < bytes;) {
      checks->after(1);
      const uint32_t id = first_[static_cast<size_t>(i)];
      *out++ = static_cast<Id>(id);
      i += string_length(strings_, strings_.words[id]);
    }
    ids->advance(count);
  }

 private:
  Trie trie_;
  Strings strings_;
  std::vector<uint32_t> windows_;  // by position in the text, modulo the size: a ring
  std::vector<uint32_t> first_;    // by position in the text: an id
};

}  // namespace

template <typename Id>
void codebook_encode_shortest(const CodebookTables& tables, const Texts& texts, int threads,
                              Growing<Id>* ids, int64_t* ends, Stop* stop) {
  threads = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(threads, texts.count)));
  std::vector<Growing<Id>> own(static_cast<size_t>(threads));
  in_threads(threads, stop, [&](int k) {
    StopChecks checks(stop);
    Shortest<Id> shortest(tables);
    Growing<Id>* out = k == 0 ? ids : &own[static_cast<size_t>(k)];
    const int64_t end = part_begin(texts.count, threads, k + 1);
    for (int64_t i = part_begin(texts.count, threads, k); i < end; ++i) {
      shortest.encode(texts.text(i), texts.size(i), out, &checks);
      ends[i] = out->size();
    }
  });
  for (int k = 1; k < threads; ++k) {
    const Growing<Id>& part = own[static_cast<size_t>(k)];
    const int64_t before = ids->size();
    std::copy(part.data(), part.data() + part.size(), ids->reserve(part.size()));
    ids->advance(part.size());
    const int64_t end = part_begin(texts.count, threads, k + 1);
    for (int64_t i = part_begin(texts.count, threads, k); i < end; ++i) ends[i] += before;
  }
}

template void codebook_encode_shortest(const CodebookTables&, const Texts&, int, Growing<uint16_t>*,
                                       int64_t*, Stop*);
template void codebook_encode_shortest(const CodebookTables&, const Texts&, int, Growing<uint32_t>*,
                                       int64_t*, Stop*);

}  // namespace eqinfo
