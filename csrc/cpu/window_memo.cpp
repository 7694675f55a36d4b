#include "window_memo.h"

#include <algorithm>
#include <cstring>

namespace eqinfo {
namespace {

constexpr size_t kFirstSlots = 1024;

uint32_t bit_width128(uint128 value) {
  const uint64_t high = static_cast<uint64_t>(value >> 64);
  return high != 0 ? 64 + bit_width(high) : bit_width(static_cast<uint64_t>(value));
}

bool narrow(uint32_t precision) { return precision <= kMaxKeptPrecision; }

size_t kept_bytes(uint32_t precision, uint32_t alphabet) {
  if (!narrow(precision)) return alphabet * sizeof(uint32_t);
  return sizeof(KeptRow) + (alphabet + 1) / 2 * 2 * sizeof(uint16_t);
}

const KeptRow& kept_row(const uint8_t* row) { return *reinterpret_cast<const KeptRow*>(row); }

}  // namespace

WindowMemo::WindowMemo(uint32_t window_bits, uint32_t precision, uint32_t alphabet,
                       size_t context_bytes, uint64_t memory)
    : window_bits_(window_bits),
      precision_(precision),
      alphabet_(alphabet),
      context_bytes_(context_bytes),
      narrow_(narrow(precision)),
      row_bytes_(kept_bytes(precision, alphabet)),
      slots_(kFirstSlots) {
  // A quarter to a half of the slots is taken.
  const uint64_t node_bytes = sizeof(Node) + row_bytes_ + context_bytes_ + 4 * sizeof(uint32_t);
  capacity_ = static_cast<uint32_t>(std::clamp<uint64_t>(memory / node_bytes, 1, kNoNode - 1));
  nodes_.reserve(capacity_);
  rows_.reserve(static_cast<int64_t>(capacity_ * row_bytes_));
  contexts_.reserve(1 + static_cast<int64_t>(capacity_ * context_bytes_));  // never null
}

int64_t WindowMemo::bytes() const {
  return nodes_.size() * static_cast<int64_t>(sizeof(Node)) + rows_.size() + contexts_.size() +
         static_cast<int64_t>(slots_.size() * sizeof(uint32_t));
}

uint32_t WindowMemo::find(uint32_t node, uint32_t symbol) const {
  const size_t mask = slots_.size() - 1;
  for (size_t i = edge_hash(node, symbol) & mask;; i = (i + 1) & mask) {
    const uint32_t child = slots_[i];
    if (child == 0) return kNoNode;
    const Node& found = nodes_.data()[child];
    if (found.parent == node && found.symbol == symbol) return child;
  }
}

void WindowMemo::place(uint32_t node) {
  const Node& placed = nodes_.data()[node];
  const size_t mask = slots_.size() - 1;
  size_t i = edge_hash(placed.parent, placed.symbol) & mask;
  while (slots_[i] != 0) i = (i + 1) & mask;
  slots_[i] = node;
}

void WindowMemo::rehash(size_t slots) {
  slots_.assign(slots, 0);
  for (uint32_t node = 1; node < size(); ++node) place(node);
}

void WindowMemo::prefix(uint32_t node, std::vector<int32_t>* symbols) const {
  symbols->clear();
  for (; node != 0; node = nodes_.data()[node].parent) {
    symbols->push_back(static_cast<int32_t>(nodes_.data()[node].symbol));
  }
  std::reverse(symbols->begin(), symbols->end());
}

const std::vector<uint32_t>* WindowMemo::make_room(int64_t count) {
  if (size() + count <= capacity_ || size() <= 1) return nullptr;
  forget();
  return &moved_;
}

void WindowMemo::forget() {
  ++times_full_;
  int64_t widths[kMaxWindowBits + 1] = {};
  for (uint32_t node = 1; node < size(); ++node) ++widths[bit_width128(window(node).shared)];
  int64_t left = size();
  uint32_t least = least_width_;
  while (left > capacity_ / 4 * 3 && least <= kMaxWindowBits) left -= widths[least++];
  // Where nearly all are alike, what is kept would be next to nothing, and for good: begin anew
  // instead.
  const bool anew = left < capacity_ / 8;
  if (!anew) least_width_ = least;
  moved_.assign(size(), kNoNode);
  moved_[0] = 0;
  uint32_t kept = 1;
  for (uint32_t node = 1; node < size() && !anew; ++node) {
    if (bit_width128(window(node).shared) < least_width_) continue;
    Node moved = nodes_.data()[node];
    moved.parent = moved_[moved.parent];  // which comes before its children, and owns more
    nodes_.data()[kept] = moved;
    std::memmove(rows_.data() + kept * row_bytes_, row(node), row_bytes_);
    std::memmove(context(kept), context(node), context_bytes_);
    moved_[node] = kept++;
  }
  nodes_.truncate(kept);
  rows_.truncate(static_cast<int64_t>(kept * row_bytes_));
  contexts_.truncate(static_cast<int64_t>(kept * context_bytes_));
  rehash(slots_.size());
}

uint32_t WindowMemo::add(uint32_t parent, uint32_t symbol, const Window& window,
                         const uint8_t* context) {
  const bool first = size() == 0;
  if (size() == capacity_ || (!first && parent == kNoNode) ||
      (!first && bit_width128(window.shared) < least_width_)) {
    return kNoNode;
  }
  const uint32_t node = size();
  nodes_.data()[node] = {window, parent, symbol};
  nodes_.advance(1);
  rows_.advance(static_cast<int64_t>(row_bytes_));
  contexts_.advance(static_cast<int64_t>(context_bytes_));
  std::memcpy(this->context(node), context, context_bytes_);
  if (first) return node;
  if (2 * static_cast<size_t>(size()) > slots_.size()) {
    rehash(2 * slots_.size());
  } else {
    place(node);
  }
  return node;
}

void WindowMemo::keep(const Window& window, const uint32_t* frequencies, uint8_t* row) const {
  if (!narrow_) {
    std::memcpy(row, frequencies, row_bytes_);
    return;
  }
  KeptRow* kept = reinterpret_cast<KeptRow*>(row);
  row_kernels().keep(frequencies, alphabet_, kept->values());
  *kept = {0, 0};
  if ((window.shared >> precision_) == 0) {
    const Apportionment seats = row_kernels().apportion(kept->values(), alphabet_, precision_,
                                                        static_cast<uint32_t>(window.shared));
    *kept = {seats.threshold, seats.ties};
  }
}

void WindowMemo::unkeep(const uint8_t* row, uint32_t* frequencies) const {
  if (!narrow_) {
    std::memcpy(frequencies, row, row_bytes_);
    return;
  }
  const uint16_t* values = kept_row(row).values();
  for (uint32_t i = 0; i < alphabet_; ++i) frequencies[i] = values[i] + 1u;
}

Share WindowMemo::share(const Window& window, const uint8_t* row, uint32_t symbol) const {
  if (window.shared == 0) return {0, 0};
  if (narrow_) {
    return KeptShares(window, kept_row(row), alphabet_, precision_).of(symbol);
  }
  return window_share(window, SerialRow{reinterpret_cast<const uint32_t*>(row), alphabet_},
                      precision_, symbol);
}

uint32_t WindowMemo::decode(Window* window, const uint8_t* row, uint128 codeword) const {
  if (!narrow_) {
    return window_decode(window, SerialRow{reinterpret_cast<const uint32_t*>(row), alphabet_},
                         precision_, codeword);
  }
  Share share;
  const uint32_t symbol = KeptShares(*window, kept_row(row), alphabet_, precision_)
                              .locate(codeword - window->base - 1, &share);
  *window = window_child(*window, share);
  return symbol;
}

}  // namespace eqinfo
