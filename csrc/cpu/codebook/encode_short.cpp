// Greedy parses of short texts. One walk is a chain of loads that wait for each other, so even a
// text of a few words is cut into pieces that are walked side by side. A cut before a space mostly
// begins a window, where the true walk and the piece's own walk agree at once.
#include <algorithm>

#include "cpu/codebook/encode.h"
#include "cpu/codebook/walk.h"

namespace eqinfo {
namespace {

// A shorter piece takes longer to start and to join than it saves.
constexpr int64_t kMinShortPiece = 24;

// The last space from `first` to `at`, or else `at`.
int64_t cut_before_space(const uint8_t* text, int64_t first, int64_t at) {
  for (int64_t i = at; i > first; --i) {
    if (text[i] == ' ') return i;
  }
  return at;
}

// Continues the true walk, which is at *node, through a piece that was walked from the root.
// Returns the end of the ids.
template <typename Id>
Id* join_short(const Trie& trie, const Walk<Id>& piece, TrieSlot* node, Id* ids) {
  TrieSlot other = kTrieRoot;
  Id* own = piece.ids;  // the piece's own ids, written once more up to where the walks agree
  for (int64_t i = 0; node->bits != other.bits; ++i) {
    if (i == piece.bytes) return ids;
    codebook_encode(trie, &other, piece.text[i], &own);
    codebook_encode(trie, node, piece.text[i], &ids);
  }
  *node = piece.node;
  return std::copy(own, piece.ids + piece.count, ids);
}

}  // namespace

template <typename Id>
int64_t codebook_encode_short(const CodebookTables& tables, const uint8_t* text, int64_t bytes,
                              Id* ids) {
  constexpr int64_t kLanes = LaneWalker<Id>::kLanes;
  const Trie trie = tables.trie();
  const int64_t pieces = std::clamp<int64_t>(bytes / kMinShortPiece, 1, kLanes);
  Id own[kMaxShortBytes];  // of the pieces but the first
  Walk<Id> walks[kLanes];
  LaneWalker<Id> walker(trie);
  int64_t begin = 0;
  for (int64_t k = 0; k < pieces; ++k) {
    const int64_t end =
        k + 1 == pieces ? bytes : cut_before_space(text, begin, bytes * (k + 1) / pieces);
    walks[k] = {text + begin, end - begin, kTrieRoot, k == 0 ? ids : own + begin, kUnderWay};
    walker.add(&walks[k]);
    begin = end;
  }
  for (int64_t k = 0; k < pieces; ++k) {
    while (walks[k].count == kUnderWay) walker.run();
  }
  TrieSlot node = walks[0].node;
  Id* out = ids + walks[0].count;
  for (int64_t k = 1; k < pieces; ++k) out = join_short(trie, walks[k], &node, out);
  codebook_finish(trie, &node, &out);
  return out - ids;
}

template int64_t codebook_encode_short(const CodebookTables&, const uint8_t*, int64_t, uint16_t*);
template int64_t codebook_encode_short(const CodebookTables&, const uint8_t*, int64_t, uint32_t*);

}  // namespace eqinfo
