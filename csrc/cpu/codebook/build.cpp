#include <algorithm>

#include "codebook.h"
#include "cpu/codebook/tables.h"

namespace eqinfo {
namespace {

// A node takes at least as long as so many bytes of text.
constexpr int64_t kNodeWork = 64;

// The parent of every node, and the bytes that lead to its children: those of node i are
// bytes[first[i]..first[i + 1]).
struct Children {
  std::vector<uint32_t> first;
  std::vector<uint8_t> bytes;
  std::vector<uint32_t> parents;

  explicit Children(const CodebookNodes& all)
      : first(all.count + 1), bytes(all.count), parents(all.count) {
    std::vector<uint32_t> path(all.count);  // by depth: the latest node
    for (uint32_t i = 1; i < all.count; ++i) {
      parents[i] = path[all.depth[i] - 1];
      path[all.depth[i]] = i;
      ++first[parents[i] + 1];
    }
    for (size_t i = 0; i < all.count; ++i) first[i + 1] += first[i];
    std::vector<uint32_t> next = first;
    for (uint32_t i = 1; i < all.count; ++i) bytes[next[parents[i]]++] = all.symbol[i];
  }
  uint32_t number(uint32_t node) const { return first[node + 1] - first[node]; }
};

// Finds an offset for the children of one node after another, 64 candidates at a time.
class SlotFinder {
 public:
  // Takes, with the slots of all `bytes`, the first offset that no node has, that is neither
  // kNowhere nor 255 modulo 256, and at which these slots are free. To bound the time, only kReach
  // words are tried from the first free slot on, and then from the end. That bounds the room too:
  // if none of 64 kReach offsets is suitable for k bytes, at least one slot in k is taken.
  uint32_t take(const uint8_t* bytes, uint32_t count) {
    while (first_ < taken_.size() && taken_[first_] == ~uint64_t{0}) ++first_;
    const size_t begin = first_ < kBytes / 64 ? 0 : first_ - kBytes / 64;
    for (size_t word = begin;; ++word) {
      if (word == begin + kReach) word = std::max(word, end_ < kReach ? 0 : end_ - kReach);
      taken_.resize(std::max(taken_.size(), word + kBytes / 64 + 2));
      offsets_.resize(taken_.size());
      uint64_t bad = offsets_[word] | (word % 4 == 3 ? uint64_t{1} << 63 : 0) |
                     (word == 0 ? uint64_t{1} << kNowhere : 0);
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
  // An offset above all taken slots.
  uint32_t end() const { return static_cast<uint32_t>(end_ * 64); }

 private:
  static constexpr size_t kReach = 64;

  // The bits 64 word + shift to 64 word + shift + 63 of taken_.
  uint64_t window(size_t word, uint32_t shift) const {
    const size_t at = word + shift / 64;
    const uint32_t rest = shift % 64;
    return rest == 0 ? taken_[at] : taken_[at] >> rest | taken_[at + 1] << (64 - rest);
  }

  std::vector<uint64_t> taken_;    // one bit per slot
  std::vector<uint64_t> offsets_;  // one bit per offset: whether a node has it
  size_t first_ = 0;               // words of taken_ before this one have no free slot
  size_t end_ = 0;                 // words of taken_ from this one on have no taken slot
};

// Copies the nodes to where their parents look for them.
void set_slots(const Children& children, CodebookTables* tables) {
  for (uint32_t i = 1; i < tables->nodes.size(); ++i) {
    const TrieSlot parent = tables->nodes[children.parents[i]];
    tables->slots[slot_children(parent) + slot_byte(tables->nodes[i])] = tables->nodes[i];
  }
}

template <typename Id>
Result place_nodes(const CodebookNodes& all, const Children& children, CodebookTables* tables,
                   Stop* stop) {
  // Ids are about equally frequent in text, so the more ids there are below a node, the more often
  // it is visited. Such nodes are placed first, so that they lie together in the cache. The root is
  // the first of all and gets offset 0.
  std::vector<uint32_t> below(all.count);
  for (uint32_t i = all.count; i-- > 0;) {
    below[i] += all.end[i] != 0;
    if (i > 0) below[children.parents[i]] += below[i];
  }
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < all.count; ++i) {
    if (children.number(i) > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return below[a] > below[b]; });
  SlotFinder finder;
  std::vector<uint32_t> offsets(all.count);
  StopChecks checks(stop);
  for (const uint32_t node : order) {
    checks.after(kNodeWork);
    offsets[node] = finder.take(&children.bytes[children.first[node]], children.number(node));
  }
  // Failures are numbered in the same order; every passing node has children.
  std::vector<uint32_t> values(all.count);
  tables->id_nodes.clear();
  tables->failure_nodes.clear();
  for (const uint32_t node : order) {
    if (all.end[node]) continue;
    values[node] = static_cast<uint32_t>(tables->failure_nodes.size());
    tables->failure_nodes.push_back(node);
  }
  if (finder.end() + kBytes > kMaxSlots) return {Status::malformed_codebook, all.count};
  tables->closing.assign(finder.end() + 1, kHasId);
  tables->nodes.assign(all.count, kTrieRoot);
  for (uint32_t i = 0; i < all.count; ++i) {
    if (children.number(i) == 0) offsets[i] = finder.end();
    if (all.end[i]) {
      values[i] = static_cast<uint32_t>(tables->id_nodes.size());
      tables->id_nodes.push_back(i);
      tables->closing[offsets[i]] = kHasId | values[i];
      tables->nodes[i] = make_slot<Id>(offsets[i], 0, values[i], all.symbol[i]);
    } else {
      tables->closing[offsets[i]] = values[i];
      // build_failures replaces the fallback where there is room for one.
      tables->nodes[i] = make_slot<Id>(offsets[i], kNowhere, no_value<Id>(), all.symbol[i]);
    }
  }
  tables->slots.resize(finder.end() + kBytes);
  for (uint32_t i = 0; i < tables->slots.size(); ++i) {
    tables->slots[i] = make_slot<Id>(finder.end(), 0, 0, static_cast<uint8_t>(i + 1));
  }
  set_slots(children, tables);
  return {};
}

// In a hostile file the lists of pops could be as long as the passing nodes are deep.
constexpr size_t kPopsPerNode = 8;
constexpr size_t kMorePops = size_t{1} << 20;

// Works level by level, because the failure of a node leads to a node nearer to the root. The walk
// starts from the failure of the node's parent, or from the parent itself if that has an id, and
// takes the node's own byte.
template <typename Id>
Result build_failures(const CodebookNodes& all, const Children& children, CodebookTables* tables,
                      Stop* stop) {
  tables->pops.clear();
  tables->failures.resize(tables->failure_nodes.size());
  uint32_t deepest = 0;
  // Offsets below this fit a slot's fallback, and are not the offset that nodes without children
  // share, which does not tell their id.
  const uint32_t fallbacks =
      std::min(1u << fallback_bits<Id>(), static_cast<uint32_t>(tables->closing.size()) - 1);
  std::vector<uint32_t> order = tables->failure_nodes;
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return all.depth[a] < all.depth[b]; });
  const size_t limit = kPopsPerNode * order.size() + kMorePops;
  std::vector<uint32_t> pops;
  StopChecks checks(stop);
  for (const uint32_t i : order) {
    checks.after(kNodeWork);
    deepest = std::max(deepest, all.depth[i]);
    TrieSlot at = tables->nodes[children.parents[i]];
    pops.clear();
    for (;;) {
      const uint32_t number = tables->closing[slot_children(at)];
      if (number < kHasId) {
        const Failure& failure = tables->failures[number];
        const bool one = failure.count == 1;
        const uint32_t* first = one ? &failure.pop : &tables->pops[failure.pop];
        pops.insert(pops.end(), first, first + failure.count);
        at = failure.next;
      } else {
        pops.push_back(slot_value<Id>(at));
        at = kTrieRoot;
      }
      const TrieSlot longer = tables->slots[slot_children(at) + all.symbol[i]];
      if (slot_byte(longer) == all.symbol[i]) {
        at = longer;
        break;
      }
    }
    if (tables->pops.size() + pops.size() > limit) return {Status::malformed_codebook, i};
    TrieSlot* node = &tables->nodes[i];
    Failure& failure = tables->failures[tables->closing[slot_children(*node)]];
    failure = {at, pops[0], static_cast<uint32_t>(pops.size())};
    if (pops.size() > 1) {
      failure.pop = static_cast<uint32_t>(tables->pops.size());
      tables->pops.insert(tables->pops.end(), pops.begin(), pops.end());
    } else if (slot_children(at) < fallbacks) {
      *node = make_slot<Id>(slot_children(*node), slot_children(at), pops[0], slot_byte(*node));
    }
  }
  // A failure's `next` may have been copied before that node got its fallback.
  for (Failure& failure : tables->failures) {
    const uint32_t node = tables->node(failure.next);
    failure.next = tables->nodes[node];
  }
  set_slots(children, tables);
  tables->open_windows = int64_t{deepest} + 1;
  return {};
}

}  // namespace

Result check_nodes(const CodebookNodes& nodes, int64_t ids) {
  const auto& [depth, symbol, end, count] = nodes;
  if (depth[0] != 0 || symbol[0] != 0 || !end[0]) return {Status::malformed_codebook, 0};
  std::vector<uint8_t> last(count);  // by depth: the symbol of the latest node
  uint32_t bytes = 0;
  int64_t ends = 1;
  for (uint32_t i = 1; i < count; ++i) {
    const uint32_t d = depth[i];
    const bool follows = d >= 1 && d <= depth[i - 1] + 1;
    // A depth above the previous one begins a new sequence of siblings.
    if (!follows || (d <= depth[i - 1] && symbol[i] <= last[d])) {
      return {Status::malformed_codebook, i};
    }
    if (d == 1 && symbol[i] != bytes++) return {Status::malformed_codebook, i};
    if (!end[i] && (d == 1 || nodes.leaf(i))) return {Status::malformed_codebook, i};
    last[d] = symbol[i];
    ends += end[i] != 0;
  }
  if (bytes != kBytes || ends != ids) return {Status::malformed_codebook, count};
  return {};
}

// In depth-first order the tail of a node is a prefix of its first child's tail, so they share
// their bytes: only nodes without children, and nodes with a full tail, add bytes.
std::shared_ptr<const StringTables> build_strings(const CodebookNodes& all, Stop* stop) {
  const auto tables = std::make_shared<StringTables>();
  std::vector<uint8_t> path(all.count);                        // the string of the current node
  std::vector<uint32_t> prefixes(all.count / kTailBytes + 1);  // words, by length / kTailBytes
  tables->words.push_back(0);
  StopChecks checks(stop);
  for (uint32_t i = 1; i < all.count; ++i) {
    checks.after(kNodeWork);
    const uint32_t length = all.depth[i];
    const uint32_t bytes = (length - 1) % kTailBytes + 1;
    const uint32_t before = length - bytes;
    const uint32_t tail = static_cast<uint32_t>(tables->tails.size());
    const bool full = bytes == kTailBytes;
    path[length - 1] = all.symbol[i];
    if (all.end[i] || full) {
      uint32_t word = tail << kSizeBits | bytes;
      if (before > 0) {
        word = static_cast<uint32_t>(tables->longs.size()) << kSizeBits | kLong;
        tables->longs.push_back({tail, length, prefixes[before / kTailBytes]});
      }
      if (all.end[i]) tables->words.push_back(word);
      if (full) prefixes[length / kTailBytes] = word;
    }
    if (full || all.leaf(i)) {
      tables->tails.insert(tables->tails.end(), &path[before], &path[0] + length);
    }
  }
  tables->tails.resize(tables->tails.size() + kTailBytes);
  for (const uint32_t word : tables->words) {
    const uint32_t size = word & kLong;
    tables->sizes.push_back(size == kLong ? kLongSize : static_cast<uint8_t>(size));
  }
  return tables;
}

Result build_trie(const CodebookNodes& nodes, CodebookTables* tables, Stop* stop) {
  const Children children(nodes);
  const auto build = [&](auto id) {
    using Id = decltype(id);
    const Result placed = place_nodes<Id>(nodes, children, tables, stop);
    return placed.status == Status::ok ? build_failures<Id>(nodes, children, tables, stop) : placed;
  };
  return tables->strings().count > 1u << 16 ? build(uint32_t{}) : build(uint16_t{});
}

Result build_codebook(const CodebookNodes& nodes, int64_t ids, CodebookTables* tables) {
  const Result checked = check_nodes(nodes, ids);
  if (checked.status != Status::ok) return checked;
  tables->string_tables = build_strings(nodes);
  return build_trie(nodes, tables);
}

}  // namespace eqinfo
