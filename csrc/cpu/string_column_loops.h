// Loops over the rows of a column of strings.
#pragma once

#include <vector>

#include "cpu/codebook/tables.h"
#include "status.h"
#include "string_column.h"

namespace eqinfo {

// Rows from anywhere: begin(0) is 0, begin(count) is `size`, none begins before the one before it,
// and ids are below `strings`.
template <typename Id, typename Step>
Result check_rows(const StringRows<Id, Step>& rows, int64_t size, uint32_t strings);
// Where rows first..first + count begin, and the last of them ends: count + 1 offsets.
template <typename Id, typename Step>
void row_offsets(const StringRows<Id, Step>& rows, int64_t first, int64_t count, int64_t* offsets);
// found[i]: row first + i has just these ids.
template <typename Id, typename Step>
void rows_equal(const StringRows<Id, Step>& rows, int64_t first, int64_t count, const Id* ids,
                int64_t size, bool* found);
// found[i]: row first + i begins with the prefix that the pattern is of.
template <typename Id, typename Step>
void rows_start_with(const StringRows<Id, Step>& rows, int64_t first, int64_t count,
                     const PrefixPattern<Id>& pattern, bool* found);
// The pattern of a prefix of at least one byte.
template <typename Id>
void prefix_pattern(const CodebookTables& tables, const uint8_t* prefix, int64_t bytes,
                    std::vector<Id>* ids, std::vector<PrefixBranch>* branches);

}  // namespace eqinfo
