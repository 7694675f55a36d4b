#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "batch.h"
#include "codebook.h"
#include "cpu/threads.h"

namespace eqinfo {
namespace {

// Bytes of ids[0..count).
template <typename Id>
int64_t sum_lengths(const Strings& strings, const Id* ids, int64_t count) {
  constexpr int64_t kBlock = 4096;
  const uint8_t* const sizes = strings.sizes;
  int64_t total = 0;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(count, begin + kBlock);
    uint32_t sum = 0;
    uint32_t any = 0;
    for (int64_t i = begin; i < end; ++i) {
      const uint32_t size = sizes[ids[i]];
      sum += size;
      any |= size;
    }
    total += sum;
    if ((any & kLongSize) == 0) continue;
    for (int64_t i = begin; i < end; ++i) {
      total += int64_t{string_length(strings, strings.words[ids[i]])} - strings.sizes[ids[i]];
    }
  }
  return total;
}

template <typename Id>
int64_t first_bad(const Strings& strings, const Id* ids, int64_t count) {
  if (strings.count > std::numeric_limits<Id>::max()) return count;
  Id largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, ids[i]);
  if (largest < strings.count) return count;
  int64_t i = 0;
  while (ids[i] < strings.count) ++i;
  return i;
}

// What most strings are not longer than; that much is copied of all, and the next string overwrites
// what is too much. The last ones, which nothing follows, are copied byte by byte.
constexpr uint32_t kCommonBytes = 16;

template <typename Id>
void write_strings(const Strings& strings, const Id* ids, int64_t count, uint8_t* text) {
  int64_t wide = count;
  for (int64_t room = 0; wide > 0 && room < kTailBytes; --wide) {
    room += string_length(strings, strings.words[ids[wide - 1]]);
  }
  // Copies, because the compiler must suppose that a byte is written into what lies elsewhere.
  const uint32_t* const words = strings.words;
  const uint8_t* const tails = strings.tails;
  for (int64_t i = 0; i < wide; ++i) {
    const uint32_t word = words[ids[i]];
    const uint32_t size = word & kLong;
    const uint8_t* tail = tails + (word >> kSizeBits);
    if (__builtin_expect(size > kCommonBytes, 0)) {
      if (size == kLong) {
        text += string_length(strings, word);
        codebook_write(strings, word, text);
        continue;
      }
      std::memcpy(text + kCommonBytes, tail + kCommonBytes, kTailBytes - kCommonBytes);
    }
    std::memcpy(text, tail, kCommonBytes);
    text += size;
  }
  for (int64_t i = wide; i < count; ++i) {
    const uint32_t word = strings.words[ids[i]];
    text += string_length(strings, word);
    codebook_write(strings, word, text);
  }
}

}  // namespace

template <typename Id>
Result codebook_decoded_bytes(const Strings& strings, const Id* ids, const int64_t* offsets,
                              int64_t documents, int threads, int64_t* text_offsets,
                              int64_t* starts) {
  ids += offsets[0];
  const int64_t count = offsets[documents] - offsets[0];
  std::vector<int64_t> bad(static_cast<size_t>(threads));
  text_offsets[0] = 0;
  // Every thread counts from its first id on; what was counted before it is added afterwards.
  in_threads(threads, [&](int k) {
    const int64_t begin = part_begin(count, threads, k);
    const int64_t end = part_begin(count, threads, k + 1);
    starts[k] = 0;
    bad[static_cast<size_t>(k)] = begin + first_bad(strings, ids + begin, end - begin);
    if (bad[static_cast<size_t>(k)] < end) return;
    int64_t bytes = 0;
    int64_t at = begin;
    const int64_t* next =
        std::upper_bound(offsets + 1, offsets + documents + 1, begin + offsets[0]);
    // A document that ends where the part begins belongs to the part before, if there is one.
    if (k == 0) next = offsets + 1;
    for (; next <= offsets + documents && *next - offsets[0] <= end; ++next) {
      bytes += sum_lengths(strings, ids + at, *next - offsets[0] - at);
      at = *next - offsets[0];
      text_offsets[next - offsets] = bytes;
    }
    starts[k] = bytes + sum_lengths(strings, ids + at, end - at);
  });
  for (int k = 0; k < threads; ++k) {
    if (bad[static_cast<size_t>(k)] < part_begin(count, threads, k + 1)) {
      return {Status::id_out_of_range, bad[static_cast<size_t>(k)]};
    }
  }
  int64_t before = 0;
  const int64_t* next = offsets + 1;
  for (int k = 0; k < threads; ++k) {
    const int64_t end = part_begin(count, threads, k + 1) + offsets[0];
    for (; next <= offsets + documents && *next <= end; ++next) {
      text_offsets[next - offsets] += before;
    }
    before += std::exchange(starts[k], before);
  }
  return {};
}

template <typename Id>
void codebook_decode_ids(const Strings& strings, const Id* ids, int64_t count, int threads,
                         const int64_t* starts, uint8_t* text) {
  in_threads(threads, [&](int k) {
    const int64_t begin = part_begin(count, threads, k);
    const int64_t end = part_begin(count, threads, k + 1);
    write_strings(strings, ids + begin, end - begin, text + starts[k]);
  });
}

template Result codebook_decoded_bytes(const Strings&, const uint16_t*, const int64_t*, int64_t,
                                       int, int64_t*, int64_t*);
template Result codebook_decoded_bytes(const Strings&, const uint32_t*, const int64_t*, int64_t,
                                       int, int64_t*, int64_t*);
template void codebook_decode_ids(const Strings&, const uint16_t*, int64_t, int, const int64_t*,
                                  uint8_t*);
template void codebook_decode_ids(const Strings&, const uint32_t*, int64_t, int, const int64_t*,
                                  uint8_t*);

}  // namespace eqinfo
