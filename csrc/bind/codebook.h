// The codebook as a Python object, for the bindings that take one.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "bind/arrays.h"
#include "bind/shared_integers.h"
#include "cpu/codebook/node_walk.h"
#include "cpu/codebook/tables.h"

namespace eqinfo::bind {

// Immutable, so that threads share it without a lock.
class Codebook {
 public:
  // With `lazy` the trie is built when it has work to do; only for nodes that are known to build.
  Codebook(const Array<uint32_t>& depth, const Array<uint8_t>& symbol, const Array<bool>& end,
           bool lazy);
  ~Codebook() { delete tables_.load(); }
  Codebook(const Codebook&) = delete;
  Codebook& operator=(const Codebook&) = delete;

  uint32_t window_bits() const { return window_bits_; }
  uint32_t nodes() const { return nodes_.count; }
  Strings strings() const { return strings_->strings(); }
  // Builds the trie if there is none yet. Threads that come at the same time each build one, and
  // the first one stays: no lock that a forked child could find taken.
  const CodebookTables& tables() const;
  // The trie if there is one.
  const CodebookTables* tables_if_built() const { return tables_.load(std::memory_order_acquire); }
  // The integers of lists of ids.
  SharedIntegers& integers() const { return *integers_; }
  // Whether so many more bytes of text are parsed on the nodes, because the trie would not pay off.
  bool walks_nodes(int64_t bytes) const {
    return tables_if_built() == nullptr &&
           walked_.load(std::memory_order_relaxed) <= kNodeWalkBytes - bytes;
  }
  const NodeWalk& node_walk(int64_t bytes) const {
    walked_.fetch_add(bytes, std::memory_order_relaxed);
    return *node_walk_;
  }

 private:
  // The walk takes less time for so many than building a trie of 65,536 ids does.
  static constexpr int64_t kNodeWalkBytes = 1 << 18;

  Array<uint32_t> depth_;  // hold what nodes_ points to
  Array<uint8_t> symbol_;
  Array<bool> end_;
  CodebookNodes nodes_;
  uint32_t window_bits_;
  std::shared_ptr<const StringTables> strings_;
  std::optional<NodeWalk> node_walk_;  // where lazy
  mutable std::atomic<const CodebookTables*> tables_{nullptr};
  mutable std::atomic<int64_t> walked_{0};
  std::unique_ptr<SharedIntegers> integers_;
};

// The trie for a thread with the GIL, which others may have while one is built.
inline const CodebookTables& tables_with_gil(const Codebook& codebook) {
  const CodebookTables* tables = codebook.tables_if_built();
  if (tables == nullptr) run_without_gil([&] { tables = &codebook.tables(); });
  return *tables;
}

// Calls `work` with a value of the type of the codebook's ids: uint16 up to 16 bits, else uint32.
template <typename Work>
auto with_ids(const Codebook& codebook, const Work& work) {
  return codebook.window_bits() > kMaxTokenBits ? work(uint32_t{}) : work(uint16_t{});
}

template <typename Id>
void require_ids(const py::array& array) {
  if (!py::isinstance<Array<Id>>(array)) {
    raise("TypeError", sizeof(Id) == 4 ? "expected contiguous uint32 ids, found another array"
                                       : "expected contiguous uint16 ids, found another array");
  }
  require_shape(array, "ids", {-1});
}

// Defines the methods decode, decode_into and decode_flat.
void define_codebook_decoding(py::class_<Codebook>& codebook);
// Defines the methods short_encoders and lists.
void define_codebook_lists(py::class_<Codebook>& codebook);

}  // namespace eqinfo::bind
