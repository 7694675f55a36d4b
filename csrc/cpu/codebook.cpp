#include "codebook.h"

#include <algorithm>
#include <cstring>

#include "batch.h"
#include "cpu/rows.h"

namespace eqinfo {
namespace {

Result check_nodes(const uint32_t* depth, const uint8_t* symbol, int64_t count) {
  if (depth[0] != 0 || symbol[0] != 0) return {Status::malformed_codebook, 0};
  std::vector<uint8_t> last(static_cast<size_t>(count));  // by depth: symbol of the youngest node
  uint32_t bytes = 0;
  for (int64_t i = 1; i < count; ++i) {
    const uint32_t d = depth[i];
    const bool follows = d >= 1 && d <= depth[i - 1] + 1;
    // A depth above the previous one begins a new row of siblings.
    if (!follows || (d <= depth[i - 1] && symbol[i] <= last[d])) {
      return {Status::malformed_codebook, i};
    }
    if (d == 1 && symbol[i] != bytes++) return {Status::malformed_codebook, i};
    last[d] = symbol[i];
  }
  if (bytes != kBytes) return {Status::malformed_codebook, count};
  return {};
}

// The bytes that lead on from every node: those of node i are bytes[first[i]..first[i + 1]), and
// lead to ids.
struct Children {
  std::vector<uint32_t> first;
  std::vector<uint8_t> bytes;
  std::vector<uint32_t> ids;

  Children(const uint32_t* depth, const uint8_t* symbol, size_t count)
      : first(count + 1), bytes(count), ids(count) {
    std::vector<uint32_t> path(count);  // by depth: the youngest node
    std::vector<uint32_t> parents(count);
    for (uint32_t i = 1; i < count; ++i) {
      parents[i] = path[depth[i] - 1];
      path[depth[i]] = i;
      ++first[parents[i] + 1];
    }
    for (size_t i = 0; i < count; ++i) first[i + 1] += first[i];
    std::vector<uint32_t> next = first;
    for (uint32_t i = 1; i < count; ++i) {
      const uint32_t place = next[parents[i]]++;
      bytes[place] = symbol[i];
      ids[place] = i;
    }
  }
  uint32_t number(uint32_t node) const { return first[node + 1] - first[node]; }
};

// Finds offsets for the children of one node after the other, 64 candidates at a time.
class SlotFinder {
 public:
  // The first offset tried that no node has and at which the slots of all `bytes` are free; takes
  // it and them. Only kReach words are tried from the first free slot and from the end, which
  // bounds the time. It bounds the room as well: where none of 64 kReach offsets will do for k
  // bytes, one slot in k is taken at least.
  uint32_t take(const uint8_t* bytes, uint32_t count) {
    while (first_ < taken_.size() && taken_[first_] == ~uint64_t{0}) ++first_;
    const size_t begin = first_ < kBytes / 64 ? 0 : first_ - kBytes / 64;
    for (size_t word = begin;; ++word) {
      if (word == begin + kReach) word = std::max(word, end_ < kReach ? 0 : end_ - kReach);
      taken_.resize(std::max(taken_.size(), word + kBytes / 64 + 2));
      offsets_.resize(taken_.size());
      uint64_t bad = offsets_[word];
      for (uint32_t i = 0; i < count && bad != ~uint64_t{0}; ++i) bad |= window(word, bytes[i]);
      if (bad == ~uint64_t{0}) continue;
      const uint32_t bit = static_cast<uint32_t>(__builtin_ctzll(~bad));
      offsets_[word] |= uint64_t{1} << bit;
      const uint32_t offset = static_cast<uint32_t>(word * 64) + bit;
      for (uint32_t i = 0; i < count; ++i) {
        const uint32_t slot = offset + bytes[i];
        taken_[slot / 64] |= uint64_t{1} << (slot % 64);
        end_ = std::max<size_t>(end_, slot / 64 + 1);
      }
      return offset;
    }
  }
  // An offset above all that were taken.
  uint32_t end() const { return static_cast<uint32_t>(end_ * 64); }

 private:
  static constexpr size_t kReach = 64;

  // taken_ bits 64 word + shift .. 64 word + shift + 63.
  uint64_t window(size_t word, uint32_t shift) const {
    const size_t at = word + shift / 64;
    const uint32_t rest = shift % 64;
    return rest == 0 ? taken_[at] : taken_[at] >> rest | taken_[at + 1] << (64 - rest);
  }

  std::vector<uint64_t> taken_;    // one bit a slot
  std::vector<uint64_t> offsets_;  // one bit an offset that some node has
  size_t first_ = 0;               // no word of taken_ before it has a free slot
  size_t end_ = 0;                 // no word of taken_ from it on has a taken slot
};

void build_trie(const uint32_t* depth, const uint8_t* symbol, size_t count,
                CodebookTables* tables) {
  const Children children(depth, symbol, count);
  // Those with many children first, while there is room; the root, the only node with 256 and the
  // smallest id, comes first of all and gets offset 0.
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < count; ++i) {
    if (children.number(i) > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return children.number(a) > children.number(b); });
  SlotFinder finder;
  std::vector<uint32_t> offsets(count);
  for (const uint32_t node : order) {
    offsets[node] = finder.take(&children.bytes[children.first[node]], children.number(node));
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (children.number(i) == 0) offsets[i] = finder.end();
  }
  tables->slots.assign(finder.end() + kBytes, TrieSlot{finder.end(), kNoByte});
  tables->nodes.assign(count, kTrieRoot);
  for (const uint32_t node : order) {
    for (uint32_t i = children.first[node]; i < children.first[node + 1]; ++i) {
      const uint32_t id = children.ids[i];
      const TrieSlot slot{offsets[id], id << kByteBits | children.bytes[i]};
      tables->slots[offsets[node] + children.bytes[i]] = slot;
      tables->nodes[id] = slot;
    }
  }
}

// In depth-first order a node's tail is the beginning of its first child's, so they share their
// bytes: only a node without children, or with a full tail, adds to the pool.
void build_strings(const uint32_t* depth, const uint8_t* symbol, size_t count,
                   CodebookTables* tables) {
  tables->entries.resize(count);
  tables->links.resize(count);
  tables->tails.clear();
  std::vector<uint8_t> path(count);                        // the string of the current node
  std::vector<uint32_t> prefixes(count / kTailBytes + 1);  // by length / kTailBytes
  for (uint32_t i = 1; i < count; ++i) {
    const uint32_t length = depth[i];
    const uint32_t before = length - tail_length(length);
    path[length - 1] = symbol[i];
    tables->entries[i] = {static_cast<uint32_t>(tables->tails.size()), length};
    tables->links[i] = prefixes[before / kTailBytes];
    if (length % kTailBytes == 0) prefixes[length / kTailBytes] = i;
    const bool leaf = i + 1 == count || depth[i + 1] <= length;
    if (leaf || length % kTailBytes == 0) {
      tables->tails.insert(tables->tails.end(), &path[before], &path[0] + length);
    }
  }
  tables->tails.resize(tables->tails.size() + kTailBytes);
}

// The plain walk. An id is written at every byte and kept where the window closes: no branch. No
// more ids than bytes are kept, so there is room.
template <typename Id>
int64_t walk(const TrieSlot* slots, TrieSlot* node, const uint8_t* text, int64_t bytes, Id* ids) {
  TrieSlot at = *node;
  int64_t count = 0;
  for (int64_t i = 0; i < bytes; ++i) {
    ids[count] = static_cast<Id>(slot_id(at));
    count += codebook_encode(slots, &at, text[i]);
  }
  *node = at;
  return count;
}

// A walk waits for one slot after the other. So a long text is cut into pieces that are walked side
// by side, each from the root on, and joined afterwards: where the true walk comes to the node that
// the piece's own walk came to, both go on alike. In text that is so after a few windows (at most
// 166 bytes seen).
constexpr int kPieces = 4;
constexpr int64_t kMinPieceBytes = 1024;

// Where the walk through a piece ended, and its ids, which lie where the piece begins.
struct Piece {
  TrieSlot end;
  int64_t count;
};

template <typename Id>
void walk_pieces(const TrieSlot* slots, const uint8_t* text, int64_t bytes, Id* ids,
                 Piece (&pieces)[kPieces]) {
  // Copies, because the compiler must suppose that an id is written into what lies elsewhere.
  TrieSlot nodes[kPieces];
  int64_t counts[kPieces];
  for (int k = 0; k < kPieces; ++k) {
    nodes[k] = pieces[k].end;
    counts[k] = k * bytes;
  }
  for (int64_t i = 0; i < bytes; ++i) {
#pragma GCC unroll 4
    for (int k = 0; k < kPieces; ++k) {
      ids[counts[k]] = static_cast<Id>(slot_id(nodes[k]));
      counts[k] += codebook_encode(slots, &nodes[k], text[k * bytes + i]);
    }
  }
  for (int k = 0; k < kPieces; ++k) pieces[k] = {nodes[k], counts[k] - k * bytes};
}

bool same(TrieSlot a, TrieSlot b) {
  return a.children == b.children && a.id_and_byte == b.id_and_byte;
}

// Appends the ids of a piece, which its own walk wrote to `own` >= ids + *count, to those of the
// text before it. *node is where the true walk is.
template <typename Id>
void join_piece(const TrieSlot* slots, TrieSlot* node, const uint8_t* text, int64_t bytes,
                const Piece& piece, const Id* own, Id* ids, int64_t* count) {
  TrieSlot other = kTrieRoot;
  int64_t skipped = 0;
  int64_t i = 0;
  // The true walk may write over ids of the other one that it has come past, but not over later
  // ones.
  while (i < bytes && !same(*node, other) && ids + *count < own + skipped) {
    ids[*count] = static_cast<Id>(slot_id(*node));
    skipped += codebook_encode(slots, &other, text[i]);
    *count += codebook_encode(slots, node, text[i++]);
  }
  if (same(*node, other)) {
    const int64_t rest = piece.count - skipped;
    std::memmove(ids + *count, own + skipped, static_cast<size_t>(rest) * sizeof(Id));
    *count += rest;
    *node = piece.end;
  } else {
    *count += walk(slots, node, text + i, bytes - i, ids + *count);
  }
}

template <typename Id>
int64_t encode_text(const TrieSlot* slots, TrieSlot* node, const uint8_t* text, int64_t bytes,
                    Id* ids) {
  const int64_t each = bytes / kPieces;
  if (each < kMinPieceBytes) return walk(slots, node, text, bytes, ids);
  Piece pieces[kPieces];
  for (Piece& piece : pieces) piece = {kTrieRoot, 0};
  pieces[0].end = *node;
  walk_pieces(slots, text, each, ids, pieces);
  *node = pieces[0].end;
  int64_t count = pieces[0].count;
  for (int k = 1; k < kPieces; ++k) {
    const int64_t begin = k * each;
    join_piece(slots, node, text + begin, each, pieces[k], ids + begin, ids, &count);
  }
  const int64_t done = kPieces * each;
  return count + walk(slots, node, text + done, bytes - done, ids + count);
}

template <typename Id>
Result decoded_bytes(const Strings& strings, const Id* ids, int64_t count, int64_t* bytes) {
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (ids[i] >= strings.count) return {Status::id_out_of_range, i};
    total += strings.entries[ids[i]].length;
  }
  *bytes = total;
  return {};
}

template <typename Id>
void decode_ids(const Strings& strings, const Id* ids, int64_t count, uint8_t* text,
                int64_t bytes) {
  const uint8_t* end = text + bytes;
  for (int64_t i = 0; i < count; ++i) {
    const Entry entry = strings.entries[ids[i]];
    // Most strings are one tail: the whole width is copied, and the next string overwrites what is
    // too much.
    if (entry.length <= kTailBytes && end - text >= static_cast<int64_t>(kTailBytes)) {
      std::memcpy(text, strings.tails + entry.tail, kTailBytes);
    } else {
      codebook_write(strings, ids[i], text + entry.length);
    }
    text += entry.length;
  }
}

}  // namespace

Result build_codebook(const uint32_t* depth, const uint8_t* symbol, int64_t count,
                      CodebookTables* tables) {
  const Result checked = check_nodes(depth, symbol, count);
  if (checked.status != Status::ok) return checked;
  build_trie(depth, symbol, static_cast<size_t>(count), tables);
  build_strings(depth, symbol, static_cast<size_t>(count), tables);
  return {};
}

int64_t codebook_encode_text(const TrieSlot* slots, TrieSlot* node, const uint8_t* text,
                             int64_t bytes, uint16_t* ids) {
  return encode_text(slots, node, text, bytes, ids);
}

int64_t codebook_encode_text(const TrieSlot* slots, TrieSlot* node, const uint8_t* text,
                             int64_t bytes, uint32_t* ids) {
  return encode_text(slots, node, text, bytes, ids);
}

Result codebook_decoded_bytes(const Strings& strings, const uint16_t* ids, int64_t count,
                              int64_t* bytes) {
  return decoded_bytes(strings, ids, count, bytes);
}

Result codebook_decoded_bytes(const Strings& strings, const uint32_t* ids, int64_t count,
                              int64_t* bytes) {
  return decoded_bytes(strings, ids, count, bytes);
}

void codebook_decode_ids(const Strings& strings, const uint16_t* ids, int64_t count, uint8_t* text,
                         int64_t bytes) {
  decode_ids(strings, ids, count, text, bytes);
}

void codebook_decode_ids(const Strings& strings, const uint32_t* ids, int64_t count, uint8_t* text,
                         int64_t bytes) {
  decode_ids(strings, ids, count, text, bytes);
}

Result weighted_children(const uint64_t* weights, const Rows& rows, const uint64_t* least,
                         uint32_t* scratch, int64_t* parents, int32_t* symbols, uint64_t* children,
                         int64_t* count) {
  const uint128 bound = load_codeword(least);
  int64_t found = 0;
  const Result result = for_each_row(rows, scratch, [&](int64_t row, const uint32_t* frequencies) {
    const uint128 weight = load_codeword(weights + 2 * row);
    for (uint32_t i = 0; i < rows.alphabet; ++i) {
      const uint128 child = child_weight(weight, frequencies[i], rows.precision);
      if (child < bound) continue;
      parents[found] = row;
      symbols[found] = static_cast<int32_t>(i);
      store_codeword(child, children + 2 * found);
      ++found;
    }
  });
  *count = found;
  return result;
}

}  // namespace eqinfo
