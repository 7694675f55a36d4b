#include "string_column.h"

#include <algorithm>
#include <cstring>

#include "cpu/codebook/encode.h"
#include "cpu/string_column_loops.h"

namespace eqinfo {
namespace {

// The strings from id `low` on that begin with the `bytes` bytes of `prefix` are a run of ids;
// returns where it ends.
uint32_t run_end(const Strings& strings, uint32_t low, const uint8_t* prefix, int64_t bytes,
                 StopChecks* checks) {
  std::vector<uint8_t> text;
  const auto begins = [&](uint32_t id) {
    const uint32_t length = string_length(strings, strings.words[id]);
    if (length < bytes) return false;
    checks->after(length);
    text.resize(length);
    codebook_write(strings, strings.words[id], text.data() + length);
    return std::memcmp(text.data(), prefix, static_cast<size_t>(bytes)) == 0;
  };
  uint32_t high = strings.count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (begins(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Ids between two checks.
constexpr int64_t kPartIds = 1 << 16;

}  // namespace

template <typename Id, typename Step>
Result check_column(const StringColumn<Id, Step>& column, int64_t size, uint32_t strings,
                    Stop* stop) {
  int64_t before = 0;
  StopChecks checks(stop);
  for (int64_t row = 0; row <= column.count; ++row) {
    checks.after(1);
    const int64_t base = column.bases[row / kRowsPerBase];
    // With a hostile base, a sum could overflow.
    if (base < 0 || base > size || static_cast<int64_t>(column.steps[row]) > size - base ||
        column.begin(row) < before || (row == 0 && column.begin(row) != 0)) {
      return {Status::malformed_column, row};
    }
    before = column.begin(row);
  }
  if (before != size) return {Status::malformed_column, column.count};
  for (int64_t begin = 0; begin < size; begin += kPartIds) {
    const int64_t end = std::min(size, begin + kPartIds);
    checks.after(end - begin);
    for (int64_t i = begin; i < end; ++i) {
      if (column.ids[i] >= strings) return {Status::id_out_of_range, i};
    }
  }
  return {};
}

template <typename Id, typename Step>
void column_offsets(const StringColumn<Id, Step>& column, int64_t first, int64_t count,
                    int64_t* offsets, Stop* stop) {
  StopChecks checks(stop);
  for (int64_t i = 0; i <= count; ++i) {
    checks.after(1);
    offsets[i] = column.begin(first + i);
  }
}

template <typename Id, typename Step>
void column_equals(const StringColumn<Id, Step>& column, int64_t first, int64_t count,
                   const Id* ids, int64_t size, bool* found, Stop* stop) {
  int64_t begin = column.begin(first);
  StopChecks checks(stop);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t end = column.begin(first + i + 1);
    checks.after(1 + end - begin);
    found[i] = row_equals(column.ids + begin, end - begin, ids, size);
    begin = end;
  }
}

template <typename Id, typename Step>
void column_starts_with(const StringColumn<Id, Step>& column, int64_t first, int64_t count,
                        const PrefixPattern<Id>& pattern, bool* found, Stop* stop) {
  int64_t begin = column.begin(first);
  StopChecks checks(stop);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t end = column.begin(first + i + 1);
    checks.after(1 + end - begin);
    found[i] = row_starts_with(column.ids + begin, end - begin, pattern);
    begin = end;
  }
}

template <typename Id>
void prefix_pattern(const CodebookTables& tables, const uint8_t* prefix, int64_t bytes,
                    std::vector<Id>* ids, std::vector<PrefixBranch>* branches, Stop* stop) {
  const Trie trie = tables.trie();
  const Strings strings = tables.strings();
  // Every id stands for at least one byte of the prefix.
  ids->resize(static_cast<size_t>(bytes));
  Id* end = ids->data();
  const Id* counted = end;
  TrieSlot node = kTrieRoot;
  StopChecks checks(stop);
  for (int64_t i = 0; i < bytes; ++i) {
    checks.after(1);
    codebook_encode(trie, &node, prefix[i], &end);
  }
  for (;;) {
    for (; counted < end; ++counted) {
      const uint32_t length = string_length(strings, strings.words[*counted]);
      prefix += length;
      bytes -= length;
    }
    const auto first =
        std::lower_bound(tables.id_nodes.begin(), tables.id_nodes.end(), tables.node(node));
    const uint32_t low = static_cast<uint32_t>(first - tables.id_nodes.begin());
    branches->push_back({end - ids->data(), low, run_end(strings, low, prefix, bytes, &checks)});
    const uint32_t closing = slot_closing(trie, node);
    if (closing >= kHasId) break;
    write_pops(trie, trie.failures[closing], &end);
    node = trie.failures[closing].next;
  }
}

template void prefix_pattern(const CodebookTables&, const uint8_t*, int64_t, std::vector<uint16_t>*,
                             std::vector<PrefixBranch>*, Stop*);
template void prefix_pattern(const CodebookTables&, const uint8_t*, int64_t, std::vector<uint32_t>*,
                             std::vector<PrefixBranch>*, Stop*);

#define EQINFO_COLUMN(Id, Step)                                                                    \
  template Result check_column(const StringColumn<Id, Step>&, int64_t, uint32_t, Stop*);           \
  template void column_offsets(const StringColumn<Id, Step>&, int64_t, int64_t, int64_t*, Stop*);  \
  template void column_equals(const StringColumn<Id, Step>&, int64_t, int64_t, const Id*, int64_t, \
                              bool*, Stop*);                                                       \
  template void column_starts_with(const StringColumn<Id, Step>&, int64_t, int64_t,                \
                                   const PrefixPattern<Id>&, bool*, Stop*)
EQINFO_COLUMN(uint16_t, uint8_t);
EQINFO_COLUMN(uint16_t, uint16_t);
EQINFO_COLUMN(uint16_t, uint32_t);
EQINFO_COLUMN(uint32_t, uint8_t);
EQINFO_COLUMN(uint32_t, uint16_t);
EQINFO_COLUMN(uint32_t, uint32_t);
#undef EQINFO_COLUMN

}  // namespace eqinfo
