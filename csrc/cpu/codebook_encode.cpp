// Greedy parses, many walks side by side. A walk waits for one slot of the trie after the other, so
// one alone leaves the processor idle most of the time. Long texts are cut into pieces that are
// walked as if a window began at the cut, and joined afterwards: where the true walk comes to the
// node that the piece's own walk came to, both go on alike. In text that is so after a few windows
// (at most 166 bytes seen).
#include <cstring>
#include <memory>

#include "batch.h"
#include "codebook.h"
#include "cpu/threads.h"

namespace eqinfo {
namespace {

constexpr int kLanes = 6;
constexpr int64_t kMinPieceBytes = 1024;
// Not a multiple of 4 KiB: what lanes read and write would share the sets of the first-level cache.
constexpr int64_t kMaxPieceBytes = (int64_t{1} << 15) + 704;
// What one thread works on before it copies the ids: with the trie it fits the second-level cache.
constexpr int64_t kChunkBytes = kLanes * kMaxPieceBytes;
constexpr int64_t kChunkWalks = 1024;
// What a thread does between two joins with the others.
constexpr int64_t kRoundBytes = int64_t{4} << 20;

// A walk over a piece of text, to be done (`node` is where it begins) or done (where it ended).
template <typename Id>
struct Walk {
  const uint8_t* text;
  int64_t bytes;
  TrieSlot node;
  Id* ids;  // room for `bytes`, and for the windows that lie open at `node`
  int64_t count;
};

// The walk that is under way in a lane.
template <typename Id>
struct Lane {
  Walk<Id>* walk;
  const uint8_t* text;
  int64_t bytes;
  TrieSlot node;
  Id* ids;
};

// Out of the loop's way.
template <typename Id>
__attribute__((noinline)) TrieSlot close_windows(const Trie& trie, TrieSlot node, uint8_t byte,
                                                 Id** ids) {
  return codebook_close(trie, node, byte, ids);
}

// The slot that a byte leads to: `longer`, if it has that byte, and then *after becomes `ids`; else
// `other`. Neither may be a branch, which would go wrong once a window, and compilers make one of
// it in time; on x86-64 we say so ourselves, with one comparison for both.
template <typename Id>
inline uint64_t choose(uint8_t byte, uint64_t longer, uint64_t other, Id* ids, Id** after) {
#if defined(__x86_64__)
  asm("cmpb %b[longer], %b[byte]\n\tcmoveq %[longer], %[next]\n\tcmoveq %[ids], %[after]"
      : [next] "+r"(other), [after] "+r"(*after)
      : [byte] "r"(byte), [longer] "r"(longer), [ids] "r"(ids)
      : "cc");
  return other;
#else
  const uint64_t differs = -static_cast<uint64_t>(static_cast<uint8_t>(longer) != byte);
  *after = ids + (differs & 1);
  return longer ^ ((longer ^ other) & differs);
#endif
}

// codebook_encode for one byte of each of N lanes, `bytes` times. Ids are written at every byte and
// kept where the window closes, and both slots are loaded before the choice. Only what a slot has
// no room for is a branch, and rare.
template <int N, typename Id>
void walk_lanes(const Trie& trie, Lane<Id>* lanes, int64_t bytes) {
  TrieSlot nodes[N];
  Id* ids[N];
  const uint8_t* texts[N];
  for (int k = 0; k < N; ++k) {
    nodes[k] = lanes[k].node;
    ids[k] = lanes[k].ids;
    texts[k] = lanes[k].text;
  }
  const TrieSlot* const slots = trie.slots;
  for (int64_t i = 0; i < bytes; ++i) {
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) {
      const uint8_t byte = texts[k][i];
      const TrieSlot node = nodes[k];
      const uint64_t longer = slots[slot_children(node) + byte].bits;
      const uint64_t other = slots[slot_fallback(node) + byte].bits;
      *ids[k] = static_cast<Id>(slot_value(node));
      Id* after = ids[k] + 1;
      const uint64_t next = choose(byte, longer, other, ids[k], &after);
      if (__builtin_expect(static_cast<uint8_t>(next) != byte, 0)) {
        Id* end = ids[k];
        nodes[k] = close_windows(trie, node, byte, &end);
        ids[k] = end;
        continue;
      }
      ids[k] = after;
      nodes[k].bits = next;
    }
  }
  for (int k = 0; k < N; ++k) {
    lanes[k].node = nodes[k];
    lanes[k].ids = ids[k];
    lanes[k].text += bytes;
    lanes[k].bytes -= bytes;
  }
}

template <int N, typename Id>
void walk_some(const Trie& trie, Lane<Id>* lanes) {
  int64_t bytes = lanes[0].bytes;
  for (int k = 1; k < N; ++k) bytes = std::min(bytes, lanes[k].bytes);
  walk_lanes<N>(trie, lanes, bytes);
}

// Does all walks, as many at a time as there are lanes.
template <typename Id>
void do_walks(const Trie& trie, Walk<Id>* walks, int64_t count) {
  Lane<Id> lanes[kLanes];
  int busy = 0;
  int64_t begun = 0;
  for (;;) {
    for (; busy < kLanes && begun < count; ++begun) {
      Walk<Id>* walk = walks + begun;
      lanes[busy++] = {walk, walk->text, walk->bytes, walk->node, walk->ids};
    }
    if (busy == 0) return;
    if (busy == kLanes) {
      walk_some<kLanes>(trie, lanes);
    } else if (busy > 1) {
      walk_some<2>(trie, lanes);
    } else {
      walk_some<1>(trie, lanes);
    }
    for (int k = busy; k-- > 0;) {
      if (lanes[k].bytes > 0) continue;
      lanes[k].walk->node = lanes[k].node;
      lanes[k].walk->count = lanes[k].ids - lanes[k].walk->ids;
      lanes[k] = lanes[--busy];
    }
  }
}

// The true walk through a piece that was walked from the root.
template <typename Id>
struct Join {
  std::vector<Id> ids;  // of the windows that close until both walks agree,
  int64_t skipped = 0;  // instead of so many of the piece's own
  std::vector<Id> own;  // those, a few at a time
};

// *node: where the true walk is before the piece, and after it. False where the walks never agreed.
template <typename Id>
bool join_piece(const CodebookTables& tables, const Walk<Id>& piece, TrieSlot* node,
                Join<Id>* join) {
  const Trie trie = tables.trie();
  constexpr int64_t kStep = 64;
  const size_t room = static_cast<size_t>(kStep + tables.open_windows);
  TrieSlot other = kTrieRoot;
  join->ids.clear();
  join->skipped = 0;
  for (int64_t i = 0; i < piece.bytes;) {
    const size_t before = join->ids.size();
    join->ids.resize(before + room);
    join->own.resize(room);
    Id* ids = join->ids.data() + before;
    Id* own = join->own.data();
    const int64_t end = std::min(piece.bytes, i + kStep);
    while (i < end && node->bits != other.bits) {
      codebook_encode(trie, &other, piece.text[i], &own);
      codebook_encode(trie, node, piece.text[i++], &ids);
    }
    join->ids.resize(static_cast<size_t>(ids - join->ids.data()));
    join->skipped += own - join->own.data();
    if (node->bits == other.bits) {
      *node = piece.node;
      return true;
    }
  }
  return false;
}

struct Position {
  int64_t text;
  int64_t byte;
};

// Hands out a run of texts in pieces.
class Pieces {
 public:
  Pieces(const Texts& texts, Position begin, Position end, int64_t max_bytes)
      : texts_(texts), at_(begin), end_(end), max_bytes_(max_bytes) {}
  bool done() const { return at_.text == end_.text && at_.byte == end_.byte; }
  // What is left of the current text, as far as it belongs to the run; `max_bytes` at most.
  const uint8_t* next(int64_t* bytes) {
    const int64_t size = at_.text == end_.text ? end_.byte : texts_.size(at_.text);
    const int64_t left = size - at_.byte;
    const int64_t parts = (left + max_bytes_ - 1) / max_bytes_;
    *bytes = parts == 0 ? 0 : (left + parts - 1) / parts;
    const uint8_t* text = texts_.text(at_.text) + at_.byte;
    at_.byte += *bytes;
    return text;
  }
  // The current text and, if it has come to its end, the next one.
  int64_t text() const { return at_.text; }
  bool at_start() const { return at_.byte == 0; }
  bool leave_text() {
    if (at_.text == end_.text || at_.byte < texts_.size(at_.text)) return false;
    at_ = {at_.text + 1, 0};
    return true;
  }

 private:
  const Texts& texts_;
  Position at_;
  Position end_;
  int64_t max_bytes_;
};

// Memory that a thread uses again for every chunk.
template <typename Id>
struct Scratch {
  struct Step {
    int64_t text;
    bool join;  // the piece's walk began at the root, the true one may be elsewhere
    bool ends;  // with it the text
  };
  // For runs of at most so many texts and bytes.
  Scratch(const CodebookTables& tables, int64_t texts, int64_t bytes)
      : walks(static_cast<size_t>(std::min(kChunkWalks, texts + bytes / kMinPieceBytes + 1))),
        steps(walks.size()),
        ids(new Id[std::min(kChunkBytes + kMaxPieceBytes, bytes) + tables.open_windows]) {}
  std::vector<Walk<Id>> walks;
  std::vector<Step> steps;
  std::unique_ptr<Id[]> ids;
  Join<Id> join;
};

// The beginning of a run, up to the end of its first text, walked like a piece.
template <typename Id>
struct Head {
  Walk<Id> walk;
  int64_t count;  // ids with those of codebook_finish, where the text ends in the run
  bool ends;
};

// Encodes a run of texts from *node on. room(n) gives memory for n ids where the last ones ended,
// and is told by keep(n) how many of them were written. ends[i]: ids of the run after text i.
template <typename Id, typename Output>
void encode_run(const CodebookTables& tables, Pieces pieces, TrieSlot* node, Scratch<Id>* scratch,
                Output* output, int64_t* ends, Head<Id>* head) {
  const Trie trie = tables.trie();
  *head = {{nullptr, 0, kTrieRoot, nullptr, 0}, 0, false};
  const int64_t limit = static_cast<int64_t>(scratch->walks.size());
  int64_t total = 0;
  while (!pieces.done()) {
    int64_t count = 0;
    int64_t bytes = 0;
    for (; count < limit && bytes < kChunkBytes && !pieces.done(); ++count) {
      auto& step = scratch->steps[static_cast<size_t>(count)];
      Walk<Id>& walk = scratch->walks[static_cast<size_t>(count)];
      step.text = pieces.text();
      step.join = count > 0 && !pieces.at_start();
      walk.text = pieces.next(&walk.bytes);
      walk.node = count == 0 ? *node : kTrieRoot;
      walk.ids = scratch->ids.get() + bytes + (count > 0 ? tables.open_windows : 0);
      walk.count = 0;
      step.ends = pieces.leave_text();
      bytes += walk.bytes;
    }
    do_walks(trie, scratch->walks.data(), count);
    Id* const begin = output->room(bytes + tables.open_windows);
    Id* out = begin;
    const auto append = [&out](const Id* ids, int64_t n) { out = std::copy_n(ids, n, out); };
    for (int64_t i = 0; i < count; ++i) {
      const auto& step = scratch->steps[static_cast<size_t>(i)];
      const Walk<Id>& walk = scratch->walks[static_cast<size_t>(i)];
      if (step.join) {
        join_piece(tables, walk, node, &scratch->join);
        append(scratch->join.ids.data(), static_cast<int64_t>(scratch->join.ids.size()));
        append(walk.ids + scratch->join.skipped, walk.count - scratch->join.skipped);
      } else {
        append(walk.ids, walk.count);
        *node = walk.node;
      }
      if (!head->ends) {
        if (head->walk.text == nullptr) head->walk.text = walk.text;
        head->walk.bytes += walk.bytes;
        head->walk.node = *node;
        head->walk.count = total + (out - begin);
      }
      if (step.ends) codebook_finish(trie, node, &out);
      if (!head->ends) head->count = total + (out - begin);
      head->ends = head->ends || step.ends;
      if (step.ends) ends[step.text] = total + (out - begin);
    }
    output->keep(out - begin);
    total += out - begin;
  }
}

template <typename Id>
struct GrowingOutput {
  Growing<Id>* ids;
  Id* room(int64_t count) { return ids->reserve(count); }
  void keep(int64_t count) { ids->advance(count); }
};

template <typename Id>
struct FixedOutput {
  Id* ids;
  int64_t count;
  Id* room(int64_t) { return ids + count; }
  void keep(int64_t more) { count += more; }
};

int64_t piece_bytes(int64_t total) {
  return std::clamp(total / kLanes, kMinPieceBytes, kMaxPieceBytes);
}

// The position `bytes` after another, or the end of all texts.
Position advance(const Texts& texts, Position at, int64_t bytes) {
  while (at.text < texts.count) {
    const int64_t left = texts.size(at.text) - at.byte;
    if (bytes < left) return {at.text, at.byte + bytes};
    bytes -= left;
    at = {at.text + 1, 0};
  }
  return at;
}

int64_t total_bytes(const Texts& texts) {
  int64_t total = 0;
  for (int64_t i = 0; i < texts.count; ++i) total += texts.size(i);
  return total;
}

// One thread's share of a round. It is walked as if a window began with it.
template <typename Id>
struct Part {
  Part(const CodebookTables& tables, const Texts& texts)
      : memory(new Id[kRoundBytes + tables.open_windows]),
        scratch(tables, texts.count, kRoundBytes) {}
  Position begin;
  Position end;
  TrieSlot node;
  Head<Id> head;
  std::unique_ptr<Id[]> memory;
  int64_t count;
  Join<Id> join;  // of the head, where the part begins inside a text
  int64_t place;  // of its first id among all
  Scratch<Id> scratch;
};

// Gives every part its place among the ids, and finds the true walk through its head. *node is
// where that is before the first part, and after the last.
template <typename Id>
void join_parts(const CodebookTables& tables, std::vector<std::unique_ptr<Part<Id>>>* parts,
                TrieSlot* node, Growing<Id>* ids) {
  std::vector<int64_t> counts;
  int64_t total = 0;
  for (auto& part : *parts) {
    part->join.ids.clear();
    part->join.skipped = 0;
    const bool agree =
        node->bits == kTrieRoot.bits || join_piece(tables, part->head.walk, node, &part->join);
    if (!agree && part->head.ends) {
      const size_t before = part->join.ids.size();
      part->join.ids.resize(before + static_cast<size_t>(tables.open_windows));
      Id* end = part->join.ids.data() + before;
      codebook_finish(tables.trie(), node, &end);
      part->join.ids.resize(static_cast<size_t>(end - part->join.ids.data()));
      part->join.skipped = part->head.count;
    }
    // Else the whole part is inside one text, and *node is where the true walk leaves it.
    if (agree || part->head.ends) *node = part->node;
    counts.push_back(static_cast<int64_t>(part->join.ids.size()) + part->count -
                     part->join.skipped);
    total += counts.back();
  }
  int64_t place = ids->size();
  ids->reserve(total);
  ids->advance(total);
  for (size_t k = 0; k < counts.size(); ++k) {
    (*parts)[k]->place = place;
    place += counts[k];
  }
}

template <typename Id>
void encode_in_threads(const CodebookTables& tables, const Texts& texts, Position end,
                       int64_t total, int threads, TrieSlot* node, Growing<Id>* ids,
                       int64_t* ends) {
  std::vector<std::unique_ptr<Part<Id>>> parts;
  for (int k = 0; k < threads; ++k) parts.push_back(std::make_unique<Part<Id>>(tables, texts));
  Position at{0, 0};
  while (total > 0) {
    const int64_t round = std::min(total, kRoundBytes * threads);
    total -= round;
    for (int k = 0; k < threads; ++k) {
      parts[static_cast<size_t>(k)]->begin = at;
      const int64_t bytes = part_begin(round, threads, k + 1) - part_begin(round, threads, k);
      at = total == 0 && k + 1 == threads ? end : advance(texts, at, bytes);
      parts[static_cast<size_t>(k)]->end = at;
    }
    in_threads(threads, [&](int k) {
      Part<Id>& part = *parts[static_cast<size_t>(k)];
      FixedOutput<Id> output{part.memory.get(), 0};
      part.node = kTrieRoot;
      encode_run(tables, Pieces(texts, part.begin, part.end, piece_bytes(round / threads)),
                 &part.node, &part.scratch, &output, ends, &part.head);
      part.count = output.count;
    });
    join_parts(tables, &parts, node, ids);
    in_threads(threads, [&](int k) {
      const Part<Id>& part = *parts[static_cast<size_t>(k)];
      Id* out = ids->data() + part.place;
      out = std::copy(part.join.ids.begin(), part.join.ids.end(), out);
      std::copy(part.memory.get() + part.join.skipped, part.memory.get() + part.count, out);
      const int64_t shift = out - part.join.skipped - ids->data();
      for (int64_t i = part.begin.text; i < part.end.text; ++i) ends[i] += shift;
    });
  }
}

// From *node on, up to `end`: the last text, if it ends there, or a place inside it.
template <typename Id>
void encode_from(const CodebookTables& tables, const Texts& texts, Position end, int threads,
                 TrieSlot* node, Growing<Id>* ids, int64_t* ends) {
  const int64_t total = total_bytes(texts);
  threads = static_cast<int>(std::min<int64_t>(threads, total / kChunkBytes));
  if (threads > 1) {
    encode_in_threads(tables, texts, end, total, threads, node, ids, ends);
    return;
  }
  // Enough for most texts, so that memory seldom moves.
  ids->reserve(total / 3);
  const int64_t before = ids->size();
  Scratch<Id> scratch(tables, texts.count, total);
  GrowingOutput<Id> output{ids};
  Head<Id> head;
  encode_run(tables, Pieces(texts, {0, 0}, end, piece_bytes(total)), node, &scratch, &output, ends,
             &head);
  for (int64_t i = 0; i < end.text; ++i) ends[i] += before;
}

}  // namespace

template <typename Id>
void codebook_encode_texts(const CodebookTables& tables, const Texts& texts, int threads,
                           Growing<Id>* ids, int64_t* ends) {
  TrieSlot node = kTrieRoot;
  encode_from(tables, texts, {texts.count, 0}, threads, &node, ids, ends);
}

template <typename Id>
void codebook_encode_part(const CodebookTables& tables, const uint8_t* text, int64_t bytes,
                          int threads, TrieSlot* node, Growing<Id>* ids) {
  const Texts texts{&text, &bytes, nullptr, nullptr, 1};
  encode_from(tables, texts, {0, bytes}, threads, node, ids, nullptr);
}

template void codebook_encode_texts(const CodebookTables&, const Texts&, int, Growing<uint16_t>*,
                                    int64_t*);
template void codebook_encode_texts(const CodebookTables&, const Texts&, int, Growing<uint32_t>*,
                                    int64_t*);
template void codebook_encode_part(const CodebookTables&, const uint8_t*, int64_t, int, TrieSlot*,
                                   Growing<uint16_t>*);
template void codebook_encode_part(const CodebookTables&, const uint8_t*, int64_t, int, TrieSlot*,
                                   Growing<uint32_t>*);

}  // namespace eqinfo
