// The tables of a codebook, and how they are made. Making them grows memory, in vectors that the
// caller passes.
#pragma once

#include <memory>
#include <vector>

#include "codebook.h"
#include "cpu/stop.h"
#include "status.h"

namespace eqinfo {

// The nodes of a codebook's trie in depth-first order: the length and last byte of each node's
// string, and whether it has an id.
struct CodebookNodes {
  const uint32_t* depth;
  const uint8_t* symbol;
  const uint8_t* end;
  uint32_t count;  // at most kMaxNodes
  bool leaf(uint32_t i) const { return i + 1 == count || depth[i + 1] <= depth[i]; }
};
// Whether they are a codebook with `ids` ids, a power of two from 2^9 to 2^20. The row of a fault
// is the first wrong node, or `count` where a byte is missing.
Result check_nodes(const CodebookNodes& nodes, int64_t ids);

// The strings of a codebook, for decoding; never changed once made.
struct StringTables {
  std::vector<uint32_t> words;
  std::vector<uint8_t> sizes;
  std::vector<LongString> longs;
  std::vector<uint8_t> tails;
  Strings strings() const {
    return {words.data(), sizes.data(), longs.data(), tails.data(),
            static_cast<uint32_t>(words.size())};
  }
};
// From checked nodes.
std::shared_ptr<const StringTables> build_strings(const CodebookNodes& nodes, Stop* stop = nullptr);

// The trie of a codebook, for encoding, and its strings; never changed once made.
struct CodebookTables {
  std::vector<TrieSlot> slots;
  std::vector<uint32_t> closing;
  std::vector<Failure> failures;
  std::vector<uint32_t> pops;
  std::vector<uint32_t> failure_nodes;  // by failure: its passing node
  std::vector<TrieSlot> nodes;          // by node, for walks that resume
  std::vector<uint32_t> id_nodes;       // by id: its node
  std::shared_ptr<const StringTables> string_tables;
  // A walk from any node through n bytes closes at most n + open_windows - 1 windows, and
  // codebook_finish at most open_windows.
  int64_t open_windows;
  // Ids are uint32, not uint16: the slots of the two differ.
  bool wide_ids() const { return id_nodes.size() > size_t{1} << 16; }
  Trie trie() const { return {slots.data(), closing.data(), failures.data(), pops.data()}; }
  Strings strings() const { return string_tables->strings(); }
  uint32_t node(TrieSlot slot) const {
    const uint32_t closing_by = slot_closing(trie(), slot);
    if (closing_by < kHasId) return failure_nodes[closing_by];
    return id_nodes[wide_ids() ? slot_value<uint32_t>(slot) : slot_value<uint16_t>(slot)];
  }
};
// Adds the trie to tables that have their strings, from checked nodes. The row of a fault is a node
// that would take too much memory, or `count`.
Result build_trie(const CodebookNodes& nodes, CodebookTables* tables, Stop* stop = nullptr);
// Checks the nodes and makes all tables of them.
Result build_codebook(const CodebookNodes& nodes, int64_t ids, CodebookTables* tables);

}  // namespace eqinfo
