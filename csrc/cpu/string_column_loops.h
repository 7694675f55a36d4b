// Loops over the rows of a string column.
#pragma once

#include <vector>

#include "cpu/codebook/tables.h"
#include "cpu/stop.h"
#include "status.h"
#include "string_column.h"

namespace eqinfo {

// Checks a column from an untrusted source: begin(0) is 0, begin(count) is `size`, no row begins
// before the row before it, and ids are below `strings`.
template <typename Id, typename Step>
Result check_column(const StringColumn<Id, Step>& column, int64_t size, uint32_t strings,
                    Stop* stop = nullptr);
// Where each of `count` rows from `first` on begins, and where the last of them ends: count + 1
// offsets.
template <typename Id, typename Step>
void column_offsets(const StringColumn<Id, Step>& column, int64_t first, int64_t count,
                    int64_t* offsets, Stop* stop = nullptr);
// found[i]: whether row first + i has exactly these ids.
template <typename Id, typename Step>
void column_equals(const StringColumn<Id, Step>& column, int64_t first, int64_t count,
                   const Id* ids, int64_t size, bool* found, Stop* stop = nullptr);
// found[i]: whether row first + i begins with the prefix of the pattern.
template <typename Id, typename Step>
void column_starts_with(const StringColumn<Id, Step>& column, int64_t first, int64_t count,
                        const PrefixPattern<Id>& pattern, bool* found, Stop* stop = nullptr);
// The pattern of a prefix of at least one byte. It has as many branches as windows stay open, each
// of which takes time in proportion to the bytes of those: quadratic with a hostile codebook.
template <typename Id>
void prefix_pattern(const CodebookTables& tables, const uint8_t* prefix, int64_t bytes,
                    std::vector<Id>* ids, std::vector<PrefixBranch>* branches,
                    Stop* stop = nullptr);

}  // namespace eqinfo
