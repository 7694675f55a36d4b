#include "cpu/window/memo.h"

#include <algorithm>
#include <cstring>

namespace eqinfo {
namespace {

constexpr size_t kFirstSlots = 1024;
constexpr uint32_t kLeastSlabBits = 20;

uint32_t bit_width128(uint128 value) {
  const uint64_t high = static_cast<uint64_t>(value >> 64);
  return high != 0 ? 64 + bit_width(high) : bit_width(static_cast<uint64_t>(value));
}

size_t round_to_step(size_t bytes) { return (bytes + 7) / 8 * 8; }  // to kRecordStep

}  // namespace

WindowMemo::WindowMemo(uint32_t window_bits, uint32_t precision, uint32_t alphabet,
                       size_t context_bytes, uint64_t memory)
    : window_bits_(window_bits),
      precision_(precision),
      alphabet_(alphabet),
      context_bytes_(context_bytes),
      context_stride_(round_to_step(context_bytes)),
      keeps_shares_(precision <= kMaxKeptPrecision),
      prediction_bytes_(
          round_to_step(keeps_shares_ ? max_kept_bytes(alphabet) : alphabet * sizeof(uint32_t))),
      most_bytes_(context_stride_ + prediction_bytes_),
      slab_bits_(std::max(kLeastSlabBits, bit_width(most_bytes_))),
      memory_(memory),
      slots_(kFirstSlots) {}

int64_t WindowMemo::bytes() const {
  return nodes_.size() * static_cast<int64_t>(sizeof(Node)) + static_cast<int64_t>(records_end_) +
         static_cast<int64_t>(slots_.size() * sizeof(uint32_t));
}

bool WindowMemo::has_room(int64_t count) const {
  const uint64_t more = static_cast<uint64_t>(count);
  // Records and nodes have 32-bit numbers.
  constexpr uint64_t kMostPlaces = uint64_t{kNoNode} * kRecordStep;
  const uint64_t end = records_end_ + (more + more / 2 + 1) * most_bytes_;
  return used() + more * (kNodeBytes + most_bytes_) <= memory_ && end < kMostPlaces &&
         size() + more < kNoNode;
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

void WindowMemo::insert_slot(uint32_t node) {
  const Node& placed = nodes_.data()[node];
  const size_t mask = slots_.size() - 1;
  size_t i = edge_hash(placed.parent, placed.symbol) & mask;
  while (slots_[i] != 0) i = (i + 1) & mask;
  slots_[i] = node;
}

void WindowMemo::rehash(size_t slots) {
  slots_.assign(slots, 0);
  for (uint32_t node = 1; node < size(); ++node) insert_slot(node);
}

void WindowMemo::prefix(uint32_t node, std::vector<int32_t>* symbols) const {
  symbols->clear();
  for (; node != 0; node = nodes_.data()[node].parent) {
    symbols->push_back(static_cast<int32_t>(nodes_.data()[node].symbol));
  }
  std::reverse(symbols->begin(), symbols->end());
}

const std::vector<uint32_t>* WindowMemo::make_room(int64_t count) {
  if (has_room(count) || size() <= 1) return nullptr;
  forget();
  return &moved_;
}

void WindowMemo::forget() {
  ++times_full_;
  uint64_t widths[kMaxWindowBits + 1] = {};  // bytes of the prefixes, by bits of `shared`
  for (uint32_t node = 1; node < size(); ++node) {
    widths[bit_width128(window(node).shared)] += kNodeBytes + nodes_.data()[node].record_bytes;
  }
  uint64_t left = used();
  uint32_t least = least_width_;
  while (left > memory_ / 4 * 3 && least <= kMaxWindowBits) left -= widths[least++];
  // Where nearly all prefixes own about as many codewords, next to nothing would be left, and next
  // to nothing would be kept from then on. Start over instead, with the old bound.
  const bool anew = left < memory_ / 8;
  if (!anew) least_width_ = least;
  moved_.assign(size(), kNoNode);
  moved_[0] = 0;
  uint32_t kept = 1;
  uint64_t end = nodes_.data()[0].record_bytes;
  for (uint32_t node = 1; node < size() && !anew; ++node) {
    if (bit_width128(window(node).shared) < least_width_) continue;
    Node moved = nodes_.data()[node];
    end = record_place(end);
    std::memmove(record_at(end), record(node), moved.record_bytes);
    moved.parent = moved_[moved.parent];  // parents come before their children and own more
    moved.record = static_cast<uint32_t>(end / kRecordStep);
    nodes_.data()[kept] = moved;
    end += moved.record_bytes;
    moved_[node] = kept++;
  }
  nodes_.truncate(kept);
  records_end_ = end;
  rehash(slots_.size());
}

uint32_t WindowMemo::add(uint32_t parent, uint32_t symbol, const Window& window,
                         const uint8_t* context, const uint32_t* frequencies) {
  const bool first = size() == 0;
  if (!first && (parent == kNoNode || !has_room(1) || bit_width128(window.shared) < least_width_)) {
    return kNoNode;
  }
  const uint32_t node = size();
  const uint64_t begin = record_place(records_end_);
  if (begin >> slab_bits_ == slabs_.size()) {
    slabs_.push_back(aligned_bytes(size_t{1} << slab_bits_));
  }
  uint8_t* const record = record_at(begin);
  std::memcpy(record, context, context_bytes_);
  const size_t bytes =
      context_stride_ + round_to_step(keep(window, frequencies, record + context_stride_));
  records_end_ = begin + bytes;
  nodes_.reserve(1);
  nodes_.data()[node] = {window, parent, symbol, static_cast<uint32_t>(begin / kRecordStep),
                         static_cast<uint32_t>(bytes)};
  nodes_.advance(1);
  if (first) return node;
  if (2 * static_cast<size_t>(size()) > slots_.size()) {
    rehash(2 * slots_.size());
  } else {
    insert_slot(node);
  }
  return node;
}

size_t WindowMemo::keep(const Window& window, const uint32_t* frequencies,
                        uint8_t* prediction) const {
  if (keeps_shares_) return keep_shares(window, frequencies, alphabet_, precision_, prediction);
  std::memcpy(prediction, frequencies, alphabet_ * sizeof(uint32_t));
  return alphabet_ * sizeof(uint32_t);
}

Share WindowMemo::share(const Window& window, const uint8_t* prediction, uint32_t symbol) const {
  if (window.shared == 0) return {0, 0};
  if (keeps_shares_) return KeptShares(window, prediction, alphabet_, precision_).of(symbol);
  return window_share(window, kept_frequencies(prediction), precision_, symbol);
}

uint32_t WindowMemo::decode(Window* window, const uint8_t* prediction, uint128 codeword) const {
  if (!keeps_shares_) {
    return window_decode(window, kept_frequencies(prediction), precision_, codeword);
  }
  Share share;
  const uint32_t symbol = KeptShares(*window, prediction, alphabet_, precision_)
                              .locate(codeword - window->base - 1, &share);
  *window = window_child(*window, share);
  return symbol;
}

}  // namespace eqinfo
