// Frequencies of ids that follow from how often each id has occurred so far: codec "ranged" of
// docs/format.md.
#pragma once

#include <cstdint>

#include "host_device.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kCountedPrecision = 24;
constexpr uint32_t kIdWeight = 4;
// The first table is used for kFirstRun ids, every further one for twice as many as the one before,
// up to kLastRun: later tables differ less and less, and building one takes as long as coding some
// thousand ids.
constexpr int64_t kFirstRun = int64_t{1} << 11;
constexpr int64_t kLastRun = int64_t{1} << 14;

// How often each id has occurred.
struct IdCounts {
  uint32_t* counts;  // by id
  uint32_t ids;
  uint32_t most = 0;   // the id that occurred most often; the smallest of several
  uint64_t total = 0;  // the sum of all counts; below 2^32
};

EQINFO_HD void count_id(IdCounts* all, uint32_t id) {
  const uint32_t count = ++all->counts[id];
  const uint32_t largest = all->counts[all->most];
  if (count > largest || (count == largest && id < all->most)) all->most = id;
  ++all->total;
}

// Sets starts[i] to the sum of the frequencies of the ids before i, for i = 0..ids.
EQINFO_HD void counted_starts(const IdCounts& all, uint32_t* starts) {
  const uint64_t total = uint64_t{1} << kCountedPrecision;
  const uint64_t sum = all.ids + kIdWeight * all.total;
  const auto frequency = [&](uint64_t count) {
    return static_cast<uint32_t>(1 + (1 + kIdWeight * count) * (total - all.ids) / sum);
  };
  // Most counts are small, so most ids need no division of their own.
  constexpr uint32_t kSmall = 256;
  uint32_t small[kSmall];
  for (uint32_t count = 0; count < kSmall; ++count) small[count] = frequency(count);
  uint32_t start = 0;
  for (uint32_t i = 0; i < all.ids; ++i) {
    starts[i] = start;
    const uint32_t count = all.counts[i];
    start += count < kSmall ? small[count] : frequency(count);
  }
  starts[all.ids] = start;
  const uint32_t left = static_cast<uint32_t>(total) - start;
  const size_t end = size_t{all.ids} + 1;
  for (size_t i = size_t{all.most} + 1; i < end; ++i) starts[i] += left;
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
