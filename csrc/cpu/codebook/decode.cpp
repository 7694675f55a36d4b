#include "cpu/codebook/decode.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "codebook.h"
#include "cpu/threads.h"

namespace eqinfo {
namespace {

// The number of bytes of the strings of ids[0..count).
template <typename Id>
int64_t sum_lengths(const Strings& strings, const Id* ids, int64_t count, StopChecks* checks) {
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
    checks->after(end - begin);
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

// Most strings are shorter than this, so this many bytes are copied of each, and the next string
// overwrites the excess.
constexpr uint32_t kCommonBytes = 16;
constexpr uint32_t kUncommon = kLong & ~(kCommonBytes - 1);  // 0 in a shorter size
constexpr int64_t kGroup = 8;
using Common = uint64_t __attribute__((vector_size(kCommonBytes)));

// Writes the strings of [ids, end) at *text, up to the first that does not fit before `limit`, and
// moves *text past them. Returns the first id not written. Nothing is written past `limit`.
template <typename Id>
const Id* write_strings(const Strings& strings, const Id* ids, const Id* end, uint8_t** text,
                        const uint8_t* limit) {
  // Local copies, because the compiler must assume that writing a byte may change the members.
  const uint32_t* const words = strings.words;
  const uint8_t* const tails = strings.tails;
  uint8_t* at = *text;
  while (ids < end) {
    const int64_t count = std::min<int64_t>(kGroup, end - ids);
    if (count == kGroup && limit - at >= kGroup * kCommonBytes) {
      // Everything is read before anything is written: a processor waits while it cannot tell
      // whether a load overlaps an earlier store.
      uint32_t group[kGroup];
      uint32_t any = 0;
      for (int64_t i = 0; i < kGroup; ++i) any |= group[i] = words[ids[i]];
      if (__builtin_expect((any & kUncommon) == 0, 1)) {
        Common copies[kGroup];
        for (int64_t i = 0; i < kGroup; ++i) {
          std::memcpy(&copies[i], tails + (group[i] >> kSizeBits), kCommonBytes);
        }
        for (int64_t i = 0; i < kGroup; ++i) {
          std::memcpy(at, &copies[i], kCommonBytes);
          at += group[i] & kLong;
        }
        ids += kGroup;
        continue;
      }
    }
    for (const Id* const next = ids + count; ids < next; ++ids) {
      const uint32_t word = words[*ids];
      const int64_t length = string_length(strings, word);
      const int64_t room = limit - at;
      if (length > room) {
        *text = at;
        return ids;
      }
      if ((word & kLong) != kLong && room >= kTailBytes) {
        std::memcpy(at, tails + (word >> kSizeBits), kTailBytes);
      } else {
        codebook_write(strings, word, at + length);
      }
      at += length;
    }
  }
  *text = at;
  return ids;
}

}  // namespace

template <typename Id>
Result codebook_decoded_bytes(const Strings& strings, const Id* ids, const int64_t* offsets,
                              int64_t documents, int threads, int64_t* text_offsets,
                              int64_t* starts, Stop* stop) {
  ids += offsets[0];
  const int64_t count = offsets[documents] - offsets[0];
  std::vector<int64_t> bad(static_cast<size_t>(threads));
  text_offsets[0] = 0;
  // Every thread counts from its own first id; the bytes of earlier threads are added afterwards.
  in_threads(threads, stop, [&](int k) {
    StopChecks checks(stop);
    const int64_t begin = part_begin(count, threads, k);
    const int64_t end = part_begin(count, threads, k + 1);
    starts[k] = 0;
    bad[static_cast<size_t>(k)] = begin + first_bad(strings, ids + begin, end - begin);
    if (bad[static_cast<size_t>(k)] < end) return;
    int64_t bytes = 0;
    int64_t at = begin;
    const int64_t* next =
        std::upper_bound(offsets + 1, offsets + documents + 1, begin + offsets[0]);
    // A document that ends where the part begins belongs to the previous part, if there is one.
    if (k == 0) next = offsets + 1;
    for (; next <= offsets + documents && *next - offsets[0] <= end; ++next) {
      bytes += sum_lengths(strings, ids + at, *next - offsets[0] - at, &checks);
      at = *next - offsets[0];
      text_offsets[next - offsets] = bytes;
    }
    starts[k] = bytes + sum_lengths(strings, ids + at, end - at, &checks);
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
  starts[threads] = before;
  return {};
}

template <typename Id>
void codebook_decode_ids(const Strings& strings, const Id* ids, int64_t count, int threads,
                         const int64_t* starts, uint8_t* text, Stop* stop) {
  constexpr int64_t kBlock = 1 << 14;
  in_threads(threads, stop, [&](int k) {
    StopChecks checks(stop);
    const int64_t begin = part_begin(count, threads, k);
    const int64_t end = part_begin(count, threads, k + 1);
    uint8_t* at = text + starts[k];
    for (int64_t i = begin; i < end; i += kBlock) {
      const Id* const last = ids + std::min(end, i + kBlock);
      write_strings(strings, ids + i, last, &at, text + starts[k + 1]);
      checks.after(kBlock);
    }
  });
}

template <typename Id>
int64_t codebook_expected_bytes(const Strings& strings, const Id* ids, int64_t count) {
  constexpr int kRuns = 512;
  constexpr int64_t kRun = 16;
  if (count < kRun) return count * kTailBytes;
  int64_t bytes = 0;
  for (int k = 0; k < kRuns; ++k) {
    const Id* const run = ids + part_begin(count - kRun + 1, kRuns, k);
    for (int64_t i = 0; i < kRun; ++i) {
      if (run[i] < strings.count) bytes += std::min<int64_t>(strings.sizes[run[i]], kTailBytes);
    }
  }
  bytes = bytes * count / (kRuns * kRun);
  return bytes + bytes / 32 + kGroup * kCommonBytes;
}

template <typename Id>
Result codebook_decode_onward(const Strings& strings, const Id* ids, const int64_t* offsets,
                              int64_t documents, uint8_t* text, int64_t room, int64_t* text_offsets,
                              Decoded* decoded, Stop* stop) {
  StopChecks checks(stop);
  constexpr int64_t kBlock = 4096;  // ids are checked in blocks, which then are in the cache
  ids += offsets[0];
  const int64_t count = offsets[documents] - offsets[0];
  text_offsets[0] = 0;
  int64_t checked = decoded->ids;
  uint8_t* at = text + decoded->bytes;
  for (; decoded->documents < documents; ++decoded->documents) {
    const int64_t end = offsets[decoded->documents + 1] - offsets[0];
    while (decoded->ids < end) {
      if (decoded->ids == checked) {
        const int64_t block = std::min(kBlock, count - checked);
        const int64_t bad = first_bad(strings, ids + checked, block);
        if (bad < block) return {Status::id_out_of_range, checked + bad};
        checked += block;
        checks.after(block);
      }
      const Id* const last = ids + std::min(end, checked);
      const Id* const next = write_strings(strings, ids + decoded->ids, last, &at, text + room);
      decoded->ids = next - ids;
      decoded->bytes = at - text;
      if (next < last) return {};
    }
    text_offsets[decoded->documents + 1] = decoded->bytes;
  }
  return {};
}

template Result codebook_decoded_bytes(const Strings&, const uint16_t*, const int64_t*, int64_t,
                                       int, int64_t*, int64_t*, Stop*);
template Result codebook_decoded_bytes(const Strings&, const uint32_t*, const int64_t*, int64_t,
                                       int, int64_t*, int64_t*, Stop*);
template int64_t codebook_expected_bytes(const Strings&, const uint16_t*, int64_t);
template int64_t codebook_expected_bytes(const Strings&, const uint32_t*, int64_t);
template Result codebook_decode_onward(const Strings&, const uint16_t*, const int64_t*, int64_t,
                                       uint8_t*, int64_t, int64_t*, Decoded*, Stop*);
template Result codebook_decode_onward(const Strings&, const uint32_t*, const int64_t*, int64_t,
                                       uint8_t*, int64_t, int64_t*, Decoded*, Stop*);
template void codebook_decode_ids(const Strings&, const uint16_t*, int64_t, int, const int64_t*,
                                  uint8_t*, Stop*);
template void codebook_decode_ids(const Strings&, const uint32_t*, int64_t, int, const int64_t*,
                                  uint8_t*, Stop*);

}  // namespace eqinfo
