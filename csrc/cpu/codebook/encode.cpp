// Greedy parses. Long texts are cut into pieces that are walked in parallel as if a window began at
// each cut, and joined afterwards: once the true walk reaches the same node as the piece's own
// walk, both continue alike. In real text this takes a few windows (at most 166 bytes seen).
#include "cpu/codebook/encode.h"

#include <algorithm>
#include <memory>

#include "codebook.h"
#include "cpu/codebook/vector_walk.h"
#include "cpu/codebook/walk.h"
#include "cpu/threads.h"

namespace eqinfo {
namespace {

// Pieces of this size are walked and joined in less time than one walk takes.
constexpr int64_t kMinPieceBytes = 128;
// The number of walks per lane that may be started before the first of them is done.
constexpr int64_t kWalksPerLane = 2;
// A thread for less text is not worth starting.
constexpr int64_t kMinThreadBytes = int64_t{200} << 10;
// Less text does not fill the lanes of vectors.
constexpr int64_t kMinVectorBytes = int64_t{16} << 10;
// Texts that are shorter on average begin and end too often in the lanes of vectors.
constexpr int64_t kMinVectorTextBytes = 32;
// What a thread encodes between two joins with the others: little enough that its ids stay in the
// cache until they are copied, and enough that synchronization does not matter.
constexpr int64_t kRoundBytes = int64_t{2} << 20;

// The true walk through a piece that was walked from the root.
template <typename Id>
struct Join {
  std::vector<Id> ids;  // of the windows that close until both walks agree
  int64_t skipped = 0;  // how many of the piece's own ids those replace
  std::vector<Id> own;  // scratch: the piece's own ids, a few at a time
};

// *node is where the true walk is before the piece, and then after it. Returns false where the
// walks never agree.
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

// Cuts a run of texts into pieces.
class Pieces {
 public:
  Pieces(const Texts& texts, Position begin, Position end, int64_t max_bytes)
      : texts_(texts), at_(begin), end_(end), max_bytes_(max_bytes) {}
  bool done() const { return at_.text == end_.text && at_.byte == end_.byte; }
  // The next piece of the current text, within the run; at most `max_bytes`.
  const uint8_t* next(int64_t* bytes) {
    const int64_t size = at_.text == end_.text ? end_.byte : texts_.size(at_.text);
    const int64_t left = size - at_.byte;
    const int64_t parts = (left + max_bytes_ - 1) / max_bytes_;
    *bytes = parts == 0 ? 0 : (left + parts - 1) / parts;
    const uint8_t* text = texts_.text(at_.text) + at_.byte;
    at_.byte += *bytes;
    return text;
  }
  // The index of the current text; leave_text moves to the next one if the current one is used up.
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

// The walks of a run that are in progress or not yet joined; walk i of the run uses entry i modulo
// their number.
template <typename Id>
struct Scratch {
  struct Entry {
    Walk<Id> walk;
    int64_t text;
    bool join;  // the piece's walk began at the root, but the true one may be elsewhere
    bool ends;  // the text ends with this piece
  };
  // For runs of at most `texts` texts and `bytes` bytes, and pieces of at most `piece` bytes.
  Scratch(const CodebookTables& tables, int lanes, int64_t texts, int64_t bytes, int64_t piece)
      : piece_bytes(std::min(piece, bytes)),
        entries(static_cast<size_t>(std::min(kWalksPerLane * lanes, texts + bytes / piece + 1))),
        ids(new Id[entries.size() * static_cast<size_t>(piece_bytes) + tables.open_windows]) {}
  int64_t piece_bytes;
  std::vector<Entry> entries;
  std::unique_ptr<Id[]> ids;
  Join<Id> join;
};

// The beginning of a run, up to the end of its first text, walked as one piece.
template <typename Id>
struct Head {
  Walk<Id> walk;
  int64_t count;  // number of ids, including those of codebook_finish if the text ends in the run
  bool ends;
};

// Encodes a run of texts from *node on. output->room(n) gives memory for n ids after those kept so
// far, and output->keep(n) keeps n of them. ends[i] is the number of ids of the run after text i.
template <typename Walker, typename Id, typename Output>
void encode_run(const CodebookTables& tables, Pieces pieces, TrieSlot* node, Scratch<Id>* scratch,
                Output* output, int64_t* ends, Head<Id>* head, Stop* stop) {
  Walker walker(tables.trie());
  StopChecks checks(stop);
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
      checks.after(walk.bytes);
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

// A length of pieces at which all lanes of a long text get equally many pieces.
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

// One thread's share of a round. It is walked as if a window began with it, then joined with the
// parts before it, and its ids are written when its thread starts on the next round.
template <typename Id>
struct Part {
  Part(const CodebookTables& tables, int lanes, int64_t texts, int64_t piece)
      : memory(new Id[kRoundBytes + tables.open_windows]),
        scratch(tables, lanes, texts, kRoundBytes, piece) {}
  template <typename Walker>
  void walk(const CodebookTables& tables, const Texts& texts, int64_t max_piece, int64_t* ends,
            Stop* stop) {
    FixedOutput<Id> output{memory.get(), 0};
    node = kTrieRoot;
    encode_run<Walker>(tables, Pieces(texts, begin, end, max_piece), &node, &scratch, &output, ends,
                       &head, stop);
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
  int64_t place = 0;  // index of its first id among all ids
  Scratch<Id> scratch;
};

// Finds the place of every part among the ids, and the true walk through its head. *node is where
// the true walk is before the first part, and then after the last.
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
    // Otherwise the whole part lies inside one text, and *node is where the true walk leaves it.
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
                       int64_t total, int threads, TrieSlot* node, Growing<Id>* ids, int64_t* ends,
                       Stop* stop) {
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
        part.template walk<Walker>(tables, texts, piece_bytes<Walker>(bytes), ends, stop);
      },
      [&] {
        if (round == 0) return false;
        join_parts(tables, &parts, node, ids);
        plan();  // the last round has no text; it only writes ids
        return true;
      });
}

// Encodes on this thread; ends[i] is the number of ids after text i.
template <typename Walker, typename Id, typename Output>
void encode_here(const CodebookTables& tables, const Texts& texts, Position end, int64_t total,
                 TrieSlot* node, Output* output, int64_t* ends, Stop* stop) {
  const int64_t piece = piece_bytes<Walker>(total);
  Scratch<Id> scratch(tables, Walker::kLanes, texts.count, total, piece);
  Head<Id> head;
  encode_run<Walker>(tables, Pieces(texts, {0, 0}, end, piece), node, &scratch, output, ends, &head,
                     stop);
}

template <typename Walker, typename Id>
void encode_with(const CodebookTables& tables, const Texts& texts, Position end, int64_t total,
                 int threads, TrieSlot* node, Growing<Id>* ids, int64_t* ends, Stop* stop) {
  threads = static_cast<int>(std::min<int64_t>(threads, total / kMinThreadBytes));
  if (threads > 1) {
    encode_in_threads<Walker>(tables, texts, end, total, threads, node, ids, ends, stop);
    return;
  }
  // Enough for most texts, so that the memory rarely moves.
  ids->reserve(total / 3);
  const int64_t before = ids->size();
  GrowingOutput<Id> output{ids};
  encode_here<Walker, Id>(tables, texts, end, total, node, &output, ends, stop);
  for (int64_t i = 0; i < end.text; ++i) ends[i] += before;
}

// Encodes from *node on, up to `end`: the end of the last text, or a position inside it.
template <typename Id>
void encode_from(const CodebookTables& tables, const Texts& texts, Position end, int threads,
                 TrieSlot* node, Growing<Id>* ids, int64_t* ends, Stop* stop) {
  const int64_t total = total_bytes(texts);
#if defined(__x86_64__)
  const int64_t enough = std::max(kMinVectorBytes, kMinVectorTextBytes * texts.count);
  if (total >= enough && walks_in_vectors()) {
    encode_with<VectorWalker<Id>>(tables, texts, end, total, threads, node, ids, ends, stop);
    return;
  }
#endif
  encode_with<LaneWalker<Id>>(tables, texts, end, total, threads, node, ids, ends, stop);
}

}  // namespace

template <typename Id>
void codebook_encode_texts(const CodebookTables& tables, const Texts& texts, int threads,
                           Growing<Id>* ids, int64_t* ends, Stop* stop) {
  TrieSlot node = kTrieRoot;
  encode_from(tables, texts, {texts.count, 0}, threads, &node, ids, ends, stop);
}

template <typename Id>
void codebook_encode_part(const CodebookTables& tables, const uint8_t* text, int64_t bytes,
                          int threads, TrieSlot* node, Growing<Id>* ids, Stop* stop) {
  const Texts texts{&text, &bytes, nullptr, nullptr, 1};
  encode_from(tables, texts, {0, bytes}, threads, node, ids, nullptr, stop);
}

template void codebook_encode_texts(const CodebookTables&, const Texts&, int, Growing<uint16_t>*,
                                    int64_t*, Stop*);
template void codebook_encode_texts(const CodebookTables&, const Texts&, int, Growing<uint32_t>*,
                                    int64_t*, Stop*);
template void codebook_encode_part(const CodebookTables&, const uint8_t*, int64_t, int, TrieSlot*,
                                   Growing<uint16_t>*, Stop*);
template void codebook_encode_part(const CodebookTables&, const uint8_t*, int64_t, int, TrieSlot*,
                                   Growing<uint32_t>*, Stop*);

}  // namespace eqinfo
