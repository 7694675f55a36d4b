// Greedy parses. Long texts are cut into pieces that are walked side by side as if a window began
// at the cut, and joined afterwards: where the true walk comes to the node that the piece's own
// walk came to, both go on alike. In text that is so after a few windows (at most 166 bytes seen).
#include "cpu/codebook/encode.h"

#include <cstring>
#include <memory>

#include "codebook.h"
#include "cpu/codebook/walk.h"
#include "cpu/threads.h"

namespace eqinfo {
namespace {

constexpr int64_t kMinPieceBytes = 1024;
// So many walks for each lane are begun before the first of them must be done.
constexpr int64_t kWalksPerLane = 2;
// A thread for less text is not worth its start.
constexpr int64_t kMinThreadBytes = int64_t{200} << 10;
// Less text than that does not fill the lanes of vectors.
constexpr int64_t kMinVectorBytes = int64_t{32} << 10;
// What a thread does between two joins with the others. Its ids should stay in the cache until they
// are copied; the start of a thread should not count.
constexpr int64_t kRoundBytes = int64_t{2} << 20;

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

// The walks of a run that are under way or not yet joined; walk i of the run has entry i modulo
// their number.
template <typename Id>
struct Scratch {
  struct Entry {
    Walk<Id> walk;
    int64_t text;
    bool join;  // the piece's walk began at the root, the true one may be elsewhere
    bool ends;  // with it the text
  };
  // For runs of at most so many texts and bytes, and pieces of at most `piece` bytes.
  Scratch(const CodebookTables& tables, int lanes, int64_t texts, int64_t bytes, int64_t piece)
      : piece_bytes(std::min(piece, bytes)),
        entries(static_cast<size_t>(std::min(kWalksPerLane * lanes, texts + bytes / piece + 1))),
        ids(new Id[entries.size() * static_cast<size_t>(piece_bytes) + tables.open_windows]) {}
  int64_t piece_bytes;
  std::vector<Entry> entries;
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
template <typename Walker, typename Id, typename Output>
void encode_run(const CodebookTables& tables, Pieces pieces, TrieSlot* node, Scratch<Id>* scratch,
                Output* output, int64_t* ends, Head<Id>* head) {
  Walker walker(tables.trie());
  *head = {{nullptr, 0, kTrieRoot, nullptr, 0}, 0, false};
  const int64_t limit = static_cast<int64_t>(scratch->entries.size());
  int64_t total = 0;
  int64_t begun = 0;
  for (int64_t joined = 0;;) {
    for (; !walker.full() && begun - joined < limit && !pieces.done(); ++begun) {
      auto& entry = scratch->entries[static_cast<size_t>(begun % limit)];
      Walk<Id>& walk = entry.walk;
      entry.text = pieces.text();
      entry.join = begun > 0 && !pieces.at_start();
      walk.text = pieces.next(&walk.bytes);
      walk.node = begun == 0 ? *node : kTrieRoot;
      walk.ids = scratch->ids.get() + begun % limit * scratch->piece_bytes +
                 (begun == 0 ? 0 : tables.open_windows);
      walk.count = kUnderWay;
      entry.ends = pieces.leave_text();
      walker.add(&walk);
    }
    if (joined == begun) return;
    walker.run();
    for (; joined < begun; ++joined) {
      const auto& entry = scratch->entries[static_cast<size_t>(joined % limit)];
      const Walk<Id>& walk = entry.walk;
      if (walk.count == kUnderWay) break;
      Id* const begin = output->room(walk.bytes + 2 * tables.open_windows);
      Id* out = begin;
      const auto append = [&out](const Id* ids, int64_t n) { out = std::copy_n(ids, n, out); };
      if (entry.join) {
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
      if (entry.ends) codebook_finish(tables.trie(), node, &out);
      if (!head->ends) head->count = total + (out - begin);
      head->ends = head->ends || entry.ends;
      if (entry.ends) ends[entry.text] = total + (out - begin);
      output->keep(out - begin);
      total += out - begin;
    }
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

// So long that all lanes have equally many pieces to walk, where the texts are long.
template <typename Walker>
int64_t piece_bytes(int64_t total) {
  const int64_t rounds = total / (Walker::kLanes * Walker::kMaxPieceBytes) + 1;
  return std::max(total / (Walker::kLanes * rounds) + 1, kMinPieceBytes);
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

// One thread's share of a round. It is walked as if a window began with it, joined with the parts
// before, and written when its thread has the next one to walk.
template <typename Id>
struct Part {
  Part(const CodebookTables& tables, int lanes, int64_t texts, int64_t piece)
      : memory(new Id[kRoundBytes + tables.open_windows]),
        scratch(tables, lanes, texts, kRoundBytes, piece) {}
  template <typename Walker>
  void walk(const CodebookTables& tables, const Texts& texts, int64_t max_piece, int64_t* ends) {
    FixedOutput<Id> output{memory.get(), 0};
    node = kTrieRoot;
    encode_run<Walker>(tables, Pieces(texts, begin, end, max_piece), &node, &scratch, &output, ends,
                       &head);
    count = output.count;
  }
  void write(Id* ids, int64_t* ends) const {
    Id* out = std::copy(join.ids.begin(), join.ids.end(), ids + place);
    std::copy(memory.get() + join.skipped, memory.get() + count, out);
    const int64_t shift = out - join.skipped - ids;
    for (int64_t i = begin.text; i < end.text; ++i) ends[i] += shift;
  }
  Position begin{0, 0};
  Position end{0, 0};
  TrieSlot node = kTrieRoot;
  Head<Id> head;
  std::unique_ptr<Id[]> memory;
  int64_t count = 0;
  Join<Id> join;      // of the head, where the part begins inside a text
  int64_t place = 0;  // of its first id among all
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

template <typename Walker, typename Id>
void encode_in_threads(const CodebookTables& tables, const Texts& texts, Position end,
                       int64_t total, int threads, TrieSlot* node, Growing<Id>* ids,
                       int64_t* ends) {
  std::vector<std::unique_ptr<Part<Id>>> parts;
  std::vector<Position> begins;  // of the parts of a round, and its end
  int64_t round = 0;
  const auto plan = [&] {
    const int count = static_cast<int>(parts.size());
    round = std::min(total, kRoundBytes * count);
    total -= round;
    begins.assign(1, begins.back());
    for (int k = 0; k < count; ++k) {
      const int64_t bytes = part_begin(round, count, k + 1) - part_begin(round, count, k);
      begins.push_back(total == 0 && k + 1 == count ? end : advance(texts, begins.back(), bytes));
    }
  };
  in_rounds(
      threads,
      [&](int count) {
        for (int k = 0; k < count; ++k) {
          parts.push_back(std::make_unique<Part<Id>>(tables, Walker::kLanes, texts.count,
                                                     Walker::kMaxPieceBytes));
        }
        begins.push_back({0, 0});
        plan();
      },
      [&](int k) {
        Part<Id>& part = *parts[static_cast<size_t>(k)];
        part.write(ids->data(), ends);
        part.begin = begins[static_cast<size_t>(k)];
        part.end = begins[static_cast<size_t>(k) + 1];
        if (round == 0) return;
        const int64_t bytes = round / static_cast<int64_t>(parts.size());
        part.template walk<Walker>(tables, texts, piece_bytes<Walker>(bytes), ends);
      },
      [&] {
        if (round == 0) return false;
        join_parts(tables, &parts, node, ids);
        plan();  // after the last, a round in which its ids are only written
        return true;
      });
}

template <typename Walker, typename Id>
void encode_with(const CodebookTables& tables, const Texts& texts, Position end, int64_t total,
                 int threads, TrieSlot* node, Growing<Id>* ids, int64_t* ends) {
  threads = static_cast<int>(std::min<int64_t>(threads, total / kMinThreadBytes));
  if (threads > 1) {
    encode_in_threads<Walker>(tables, texts, end, total, threads, node, ids, ends);
    return;
  }
  // Enough for most texts, so that memory seldom moves.
  ids->reserve(total / 3);
  const int64_t before = ids->size();
  const int64_t piece = piece_bytes<Walker>(total);
  Scratch<Id> scratch(tables, Walker::kLanes, texts.count, total, piece);
  GrowingOutput<Id> output{ids};
  Head<Id> head;
  encode_run<Walker>(tables, Pieces(texts, {0, 0}, end, piece), node, &scratch, &output, ends,
                     &head);
  for (int64_t i = 0; i < end.text; ++i) ends[i] += before;
}

// From *node on, up to `end`: the last text, if it ends there, or a place inside it.
template <typename Id>
void encode_from(const CodebookTables& tables, const Texts& texts, Position end, int threads,
                 TrieSlot* node, Growing<Id>* ids, int64_t* ends) {
  const int64_t total = total_bytes(texts);
#if defined(__x86_64__)
  if constexpr (sizeof(Id) == 2) {
    if (total >= kMinVectorBytes && VectorWalker::available()) {
      encode_with<VectorWalker>(tables, texts, end, total, threads, node, ids, ends);
      return;
    }
  }
#endif
  encode_with<LaneWalker<Id>>(tables, texts, end, total, threads, node, ids, ends);
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
