// Codebook.fit: what each string is worth to the greedy parse. The candidates do not change during
// pruning, so the longest one that matches at each position is found once; a round then looks up
// its longest prefix that has an id.
#include <algorithm>

#include "cpu/codebook/fit.h"
#include "cpu/codebook/node_trie.h"
#include "cpu/threads.h"
#include "cpu/word_loops.h"

namespace eqinfo {
namespace {

// Calls work(k, first, last) on thread k for its documents; all threads get about as many bytes.
template <typename Work>
void in_parts(const Documents& documents, int threads, Stop* stop, const Work& work) {
  const int64_t* offsets = documents.offsets;
  const auto first = [&](int k) {
    const int64_t byte = part_begin(offsets[documents.count], threads, k);
    return std::lower_bound(offsets, offsets + documents.count, byte) - offsets;
  };
  in_threads(threads, stop,
             [&](int k) { work(k, first(k), k + 1 == threads ? documents.count : first(k + 1)); });
}

}  // namespace

Pruner::Pruner(const Documents& documents, const Nodes& nodes, const uint8_t* phrases, int threads,
               Stop* stop)
    : documents_(documents),
      threads_(threads),
      depth_(nodes.depth, nodes.depth + nodes.count),
      longest_(static_cast<size_t>(documents.offsets[documents.count])) {
  const NodeTrie trie(nodes);
  parents_ = trie.parents();
  if (phrases != nullptr) {
    phrases_.assign(phrases, phrases + nodes.count);
    word_ends_.assign(longest_.size() + 1, false);
    std::vector<int64_t> ends;
    for (int64_t i = 0; i < documents.count; ++i) {
      const int64_t begin = documents.offsets[i];
      find_word_ends(documents.text + begin, documents.offsets[i + 1] - begin, &ends, stop);
      for (const int64_t end : ends) word_ends_[static_cast<size_t>(begin + end)] = true;
    }
  }
  // By node: the longest node that is a prefix of its string without the first byte. Where it is
  // all of that string, the match at the next position continues from there; otherwise it ends
  // there.
  std::vector<uint32_t> next(nodes.count, 0);
  for (uint32_t i = 1; i < nodes.count; ++i) {
    const uint32_t parent = parents_[i];
    next[i] = next[parent];
    if (parent == 0 || depth_[next[i]] + 1 < depth_[parent]) continue;
    const uint32_t longer = trie.child(next[i], nodes.symbol[i]);
    if (longer != 0) next[i] = longer;
  }
  in_parts(documents_, threads_, stop, [&](int, int64_t first, int64_t last) {
    StopChecks checks(stop);
    for (int64_t i = first; i < last; ++i) {
      const int64_t end = documents_.offsets[i + 1];
      checks.after(end - documents_.offsets[i]);
      uint32_t node = 0;
      int64_t at = documents_.offsets[i];  // past the string of `node`
      for (int64_t start = at; start < end; ++start) {
        while (at < end) {
          const uint32_t longer = trie.child(node, documents_.text[at]);
          if (longer == 0) break;
          node = longer;
          ++at;
        }
        longest_[start] = node;
        at = start + 1 + depth_[next[node]];
        node = next[node];
      }
    }
  });
}

int64_t Pruner::measure(const uint8_t* has_id, int64_t* losses, int64_t* gains, Stop* stop) const {
  // By node: its longest prefix with an id, and the length of that.
  std::vector<uint32_t> nearest(depth_.size(), 0);
  std::vector<uint8_t> lengths(depth_.size(), 0);
  for (uint32_t i = 1; i < nearest.size(); ++i) {
    nearest[i] = has_id[i] ? i : nearest[parents_[i]];
    lengths[i] = static_cast<uint8_t>(depth_[nearest[i]]);
  }
  struct Part {
    std::vector<int64_t> losses;
    std::vector<int64_t> gains;
    int64_t windows = 0;
  };
  std::vector<Part> parts(static_cast<size_t>(threads_));
  in_parts(documents_, threads_, stop, [&](int k, int64_t first, int64_t last) {
    StopChecks checks(stop);
    Part& part = parts[static_cast<size_t>(k)];
    part.losses.assign(depth_.size(), 0);
    part.gains.assign(depth_.size(), 0);
    std::vector<int64_t> left;  // by position: cost of the windows from there on
    for (int64_t i = first; i < last; ++i) {
      const uint32_t* longest = longest_.data() + documents_.offsets[i];
      const int64_t bytes = documents_.offsets[i + 1] - documents_.offsets[i];
      const int64_t weight = documents_.weight(i);
      checks.after(bytes);
      left.assign(static_cast<size_t>(bytes) + 1, 0);
      const int64_t begin = documents_.offsets[i];
      for (int64_t at = bytes; at-- > 0;) {
        left[at] = cost(begin + at, nearest[longest[at]]) + left[at + lengths[longest[at]]];
      }
      part.windows += weight * left[0];
      for (int64_t at = 0; at < bytes; at += lengths[longest[at]]) {
        const uint32_t window = nearest[longest[at]];
        for (uint32_t node = longest[at]; node != window; node = parents_[node]) {
          part.gains[node] +=
              weight * (left[at] - cost(begin + at, node) - left[at + depth_[node]]);
        }
        if (depth_[window] == 1) continue;
        const uint32_t shorter = nearest[parents_[window]];
        part.losses[window] +=
            weight * (cost(begin + at, shorter) + left[at + depth_[shorter]] - left[at]);
      }
    }
  });
  int64_t windows = 0;
  std::fill(losses, losses + depth_.size(), 0);
  std::fill(gains, gains + depth_.size(), 0);
  for (const Part& part : parts) {
    windows += part.windows;
    for (size_t i = 0; i < depth_.size(); ++i) {
      losses[i] += part.losses[i];
      gains[i] += part.gains[i];
    }
  }
  return windows;
}

}  // namespace eqinfo
