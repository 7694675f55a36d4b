// One round of Codebook.fit: counts the strings at given starts exactly, length by length. A string
// is at most as frequent as its prefixes, so only those starts are kept whose string can still grow
// into a chosen one.
#include "cpu/codebook/fit.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "codebook.h"
#include "cpu/codebook/key_counter.h"
#include "cpu/codebook/node_trie.h"

namespace eqinfo {
namespace {

constexpr uint32_t kGone = ~uint32_t{0};
// Bytes or starts between two checks whether to stop.
constexpr int64_t kChecked = 1 << 14;

// A string: `key` is the index of its prefix among the strings one byte shorter, << 8 | its last
// byte.
struct Node {
  uint32_t key;
  int64_t count;
};
// The strings of one length in lexicographic order, which is the order of their keys; at most 2^20.
using Level = std::vector<Node>;

bool by_key(const Node& a, const Node& b) { return a.key < b.key; }

// Calls visit(position) for every start, in order of position.
template <typename Visit>
void for_each_start(const Documents& documents, const FitStarts& starts, Stop* stop, Visit visit) {
  StopChecks checks(stop);
  std::optional<NodeTrie> trie;
  if (starts.nodes != nullptr) trie.emplace(*starts.nodes);
  for (int64_t i = 0; i < documents.count; ++i) {
    const int64_t begin = documents.offsets[i];
    const int64_t end = documents.offsets[i + 1];
    uint32_t node = 0;
    for (int64_t at = begin; at < end;) {
      const int64_t part = std::min(end, at + kChecked);
      checks.after(part - at);
      if (!trie) {
        for (; at < part; at += starts.stride) visit(at);
        continue;
      }
      for (; at < part; ++at) {
        const uint32_t longer = trie->child(node, documents.text[at]);
        if (longer == 0 || at == begin) visit(at);
        node = longer == 0 ? trie->child(0, documents.text[at]) : longer;
      }
    }
  }
}

// Counts of strings by key.
using Counter = KeyCounter<uint32_t, int64_t>;

// Returns them by number, and starts over.
std::vector<Node> take(Counter* counter) {
  std::vector<Node> nodes(counter->distinct());
  counter->for_each(
      [&](uint32_t number, uint32_t key, int64_t count) { nodes[number] = {key, count}; });
  counter->clear();
  return nodes;
}

// The starts that are still followed: their positions, and the number of each one's string among
// those of the last length.
class Starts {
 public:
  Starts(const Documents& documents, const FitStarts& starts, Stop* stop)
      : documents_(documents), stop_(stop) {
    size_t count = 0;
    for_each_start(documents, starts, stop, [&](int64_t) { ++count; });
    positions_.reserve(count);
    strings_.assign(count, 0);
    for_each_start(documents, starts, stop,
                   [&](int64_t position) { positions_.push_back(position); });
  }

  // Makes every string one byte longer and counts it. `places[i]` is the index of string number i
  // in its level, or kGone. Starts whose string is gone, or that reach the end of their document,
  // are dropped.
  void extend(const std::vector<uint32_t>& places, uint32_t length, Counter* counter) {
    size_t kept = 0;
    int64_t document = 0;
    StopChecks checks(stop_);
    for (size_t i = 0; i < positions_.size(); ++i) {
      if (static_cast<int64_t>(i) % kChecked == 0) checks.after(4 * kChecked);
      const uint32_t place = places[strings_[i]];
      if (place == kGone) continue;
      const int64_t at = positions_[i] + length;
      while (documents_.offsets[document + 1] <= positions_[i]) ++document;
      if (at >= documents_.offsets[document + 1]) continue;
      positions_[kept] = positions_[i];
      strings_[kept++] =
          counter->add(place << 8 | documents_.text[at], documents_.weight(document));
    }
    positions_.resize(kept);
    strings_.resize(kept);
  }
  bool empty() const { return positions_.empty(); }

 private:
  Documents documents_;
  Stop* stop_;
  std::vector<int64_t> positions_;
  std::vector<uint32_t> strings_;
};

// The counts of the most frequent strings of at least 2 bytes so far.
class Best {
 public:
  explicit Best(size_t wanted) : wanted_(wanted) {}

  // What a string of this level needs to be among the best: a count greater than `above`, or a
  // count equal to it and a place among the first `ties` with that count.
  struct Bound {
    int64_t above;
    size_t ties;
  };
  Bound add(const std::vector<Node>& level) {
    const size_t before = counts_.size();
    for (const Node& node : level) counts_.push_back(node.count);
    if (counts_.size() <= wanted_) return {0, 0};
    std::vector<int64_t> earlier(counts_.begin(), counts_.begin() + static_cast<int64_t>(before));
    const auto last = counts_.begin() + static_cast<int64_t>(wanted_) - 1;
    std::nth_element(counts_.begin(), last, counts_.end(), std::greater<int64_t>());
    const int64_t bound = *last;
    counts_.resize(wanted_);
    const auto equal = [&](const std::vector<int64_t>& counts) {
      return static_cast<size_t>(std::count(counts.begin(), counts.end(), bound));
    };
    // Among strings with equal counts, shorter ones come first.
    const size_t ties = equal(counts_);
    const size_t taken = std::min(ties, equal(earlier));
    return {bound, ties - taken};
  }

 private:
  size_t wanted_;
  std::vector<int64_t> counts_;
};

// Returns the strings that may be chosen, in order, and sets the places of those that can still
// grow.
Level keep(const std::vector<Node>& candidates, Best::Bound bound, std::vector<uint32_t>* places) {
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].count >= bound.above) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return by_key(candidates[a], candidates[b]); });
  places->assign(candidates.size(), kGone);
  Level level;
  for (const uint32_t i : order) {
    const bool tie = candidates[i].count == bound.above;
    if (tie && bound.ties == 0) continue;
    bound.ties -= tie;
    // A string that grows out of a tie comes after it, and there are enough strings up to the tie.
    if (!tie) (*places)[i] = static_cast<uint32_t>(level.size());
    level.push_back(candidates[i]);
  }
  return level;
}

// levels[i] holds the strings of i + 1 bytes.
std::vector<Level> count_strings(const Documents& documents, const FitStarts& where, size_t wanted,
                                 uint32_t max_length, Stop* stop) {
  Starts starts(documents, where, stop);
  Counter counter;
  starts.extend({0}, 0, &counter);
  std::vector<Node> candidates = take(&counter);
  std::vector<uint32_t> places;
  for (const Node& node : candidates) places.push_back(node.key);
  Level bytes(kBytes);
  for (uint32_t i = 0; i < kBytes; ++i) bytes[i] = {i, 0};
  std::vector<Level> levels{bytes};
  Best best(wanted);
  for (uint32_t length = 1; length < max_length && !starts.empty(); ++length) {
    starts.extend(places, length, &counter);
    candidates = take(&counter);
    levels.push_back(keep(candidates, best.add(candidates), &places));
  }
  return levels;
}

// Keeps the `wanted` best strings of 2 bytes or more, or all of them if there are fewer.
void choose(std::vector<Level>* levels, size_t wanted) {
  std::vector<int64_t> counts;
  for (size_t i = 1; i < levels->size(); ++i) {
    for (const Node& node : (*levels)[i]) counts.push_back(node.count);
  }
  if (counts.size() <= wanted) return;
  const auto last = counts.begin() + static_cast<int64_t>(wanted) - 1;
  std::nth_element(counts.begin(), last, counts.end(), std::greater<int64_t>());
  const int64_t bound = *last;
  int64_t ties = std::count(counts.begin(), last + 1, bound);
  std::vector<uint32_t> places(kBytes);
  for (uint32_t i = 0; i < kBytes; ++i) places[i] = i;
  for (size_t i = 1; i < levels->size(); ++i) {
    Level kept;
    std::vector<uint32_t> next((*levels)[i].size(), kGone);
    for (size_t k = 0; k < next.size(); ++k) {
      const Node& node = (*levels)[i][k];
      if (node.count < bound || (node.count == bound && ties-- <= 0)) continue;
      next[k] = static_cast<uint32_t>(kept.size());
      kept.push_back({places[node.key >> 8] << 8 | (node.key & 0xff), node.count});
    }
    (*levels)[i].swap(kept);
    places.swap(next);
  }
}

// Adds the first `missing` strings that are not there yet, shorter ones first. All of their
// prefixes are present, because a length is started only when the one before it is complete.
void fill(std::vector<Level>* levels, size_t missing, Stop* stop) {
  StopChecks checks(stop);
  for (size_t i = 1; missing > 0; ++i) {
    if (i == levels->size()) levels->emplace_back();
    const Level present = (*levels)[i];
    Level& level = (*levels)[i];
    level.clear();
    size_t at = 0;
    std::vector<uint32_t> places;
    for (uint32_t key = 0; key < (*levels)[i - 1].size() << 8; ++key) {
      if (key % kChecked == 0) checks.after(kChecked);
      if (at < present.size() && present[at].key == key) {
        places.push_back(static_cast<uint32_t>(level.size()));
        level.push_back(present[at++]);
      } else if (missing > 0) {
        level.push_back({key, 0});
        --missing;
      }
    }
    if (i + 1 == levels->size()) continue;
    for (Node& node : (*levels)[i + 1]) node.key = places[node.key >> 8] << 8 | (node.key & 0xff);
  }
}

// Writes the nodes in depth-first order: a node follows its parent and the subtrees of its earlier
// siblings.
void lay_out(const std::vector<Level>& levels, size_t count, NewNodes* result) {
  std::vector<std::vector<uint32_t>> sizes(levels.size());
  for (size_t i = levels.size(); i-- > 0;) {
    sizes[i].assign(levels[i].size(), 1);
    if (i + 1 == levels.size()) continue;
    for (size_t k = 0; k < levels[i + 1].size(); ++k) {
      sizes[i][levels[i + 1][k].key >> 8] += sizes[i + 1][k];
    }
  }
  result->depth.assign(count, 0);
  result->symbol.assign(count, 0);
  std::vector<uint32_t> next{1};  // by index in the level before: number of the next child
  for (size_t i = 0; i < levels.size(); ++i) {
    std::vector<uint32_t> ids(levels[i].size());
    for (size_t k = 0; k < ids.size(); ++k) {
      uint32_t& id = next[levels[i][k].key >> 8];
      result->depth[id] = static_cast<uint32_t>(i) + 1;
      result->symbol[id] = static_cast<uint8_t>(levels[i][k].key);
      ids[k] = id + 1;
      id += sizes[i][k];
    }
    next.swap(ids);
  }
}

}  // namespace

void fit_codebook(const Documents& documents, const FitStarts& starts, uint32_t window_bits,
                  uint32_t max_length, NewNodes* result, Stop* stop) {
  const size_t count = size_t{1} << window_bits;
  const size_t wanted = count - 1 - kBytes;
  std::vector<Level> levels = count_strings(documents, starts, wanted, max_length, stop);
  choose(&levels, wanted);
  size_t found = 0;
  for (size_t i = 1; i < levels.size(); ++i) found += levels[i].size();
  fill(&levels, wanted - found, stop);
  lay_out(levels, count, result);
}

}  // namespace eqinfo
