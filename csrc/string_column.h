// A column of strings: the ids of all its rows, one row after the other, and how one row is
// compared with a string that has been encoded. A row is one string here, as in a data frame.
#pragma once

#include "codebook.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// Number of rows that share a base, so that the offset of a short row takes one byte instead of
// eight.
constexpr int64_t kRowsPerBase = 32;

// Row i is ids[begin(i)..begin(i + 1)). A column is immutable.
template <typename Id, typename Step>
struct StringColumn {
  const Id* ids;
  const int64_t* bases;  // (count / kRowsPerBase + 1,)
  const Step* steps;     // (count + 1,), counted from the base of the row
  int64_t count;
  EQINFO_HD int64_t begin(int64_t row) const {
    return bases[row / kRowsPerBase] + static_cast<int64_t>(steps[row]);
  }
};

// How the ids of a string begin if the string begins with a given prefix. The windows that the
// prefix closes are the same whatever follows it. The window left open, whose bytes are a node of
// the trie, ends on an id below that node: a range, since ids are in depth-first order. Where the
// node has no id itself, the window may also end on the longest string with an id above the node,
// and then the rest of the prefix is parsed in the same way, which gives one more branch.
struct PrefixBranch {
  int64_t position;  // this many ids of the pattern, then one id of low..high - 1
  uint32_t low;
  uint32_t high;
};

template <typename Id>
struct PrefixPattern {
  const Id* ids;
  const PrefixBranch* branches;  // in rising order of position
  int64_t branch_count;
};

template <typename Id>
EQINFO_HD bool row_starts_with(const Id* row, int64_t size, const PrefixPattern<Id>& pattern) {
  int64_t same = 0;
  for (int64_t k = 0; k < pattern.branch_count; ++k) {
    const PrefixBranch& branch = pattern.branches[k];
    if (branch.position >= size) return false;
    for (; same < branch.position; ++same) {
      if (row[same] != pattern.ids[same]) return false;
    }
    if (row[same] >= branch.low && row[same] < branch.high) return true;
  }
  return false;
}

template <typename Id>
EQINFO_HD bool row_equals(const Id* row, int64_t size, const Id* ids, int64_t count) {
  if (size != count) return false;
  for (int64_t i = 0; i < count; ++i) {
    if (row[i] != ids[i]) return false;
  }
  return true;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
