#include "cpu/lz77/find.h"

#include <algorithm>
#include <cstring>

namespace eqinfo {
namespace {

constexpr uint64_t kFactor = 0x9E3779B97F4A7C15u;

// Little-endian, so that sequences do not depend on the machine.
uint64_t load64(const uint8_t* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  return value;
}

// How many of the bytes at `at` equal those at `earlier`.
uint32_t common(const uint8_t* data, int64_t size, int64_t earlier, int64_t at) {
  int64_t length = 0;
  while (at + length + 8 <= size) {
    const uint64_t difference = load64(data + earlier + length) ^ load64(data + at + length);
    if (difference != 0) return static_cast<uint32_t>(length + __builtin_ctzll(difference) / 8);
    length += 8;
  }
  while (at + length < size && data[earlier + length] == data[at + length]) ++length;
  return static_cast<uint32_t>(length);
}

struct Match {
  uint32_t length = 0;  // 0: none
  uint32_t distance = 0;
  int32_t gain = 0;  // bits saved, by a rough estimate
};

uint32_t log2_of(uint32_t value) { return 31 - static_cast<uint32_t>(__builtin_clz(value)); }

// Collects sequences. A match that was found at `at` begins earlier if the bytes before are equal.
class Writer {
 public:
  Writer(const uint8_t* data, std::vector<Sequence>* sequences)
      : data_(data), sequences_(sequences) {}

  // Returns where the match ends.
  int64_t add(int64_t at, Match match) {
    int64_t begin = at;
    while (begin > done_ && begin > match.distance &&
           data_[begin - 1] == data_[begin - 1 - match.distance]) {
      --begin;
    }
    const int64_t end = at + match.length;
    sequences_->push_back(
        {static_cast<uint32_t>(begin - done_), static_cast<uint32_t>(end - begin), match.distance});
    recent_.use(match.distance, recent_.find(match.distance));
    done_ = end;
    return end;
  }
  void finish(int64_t size) {
    if (done_ < size) sequences_->push_back({static_cast<uint32_t>(size - done_), 0, 0});
  }
  int64_t done() const { return done_; }  // where the last match ends
  const RecentDistances& recent() const { return recent_; }

 private:
  const uint8_t* data_;
  std::vector<Sequence>* sequences_;
  RecentDistances recent_;
  int64_t done_ = 0;
};

// A place is a position, counted from 1, and eight more bits of the hash, which spare most
// comparisons that would be in vain.
constexpr uint32_t kTagBits = 8;
constexpr uint32_t kPositionBits = 32 - kTagBits;

// The places where each hash of kHashed bytes occurred last, the newest first.
class Places {
 public:
  static constexpr int64_t kHashed = 5;
  static constexpr int64_t kReach = 8;  // bytes read at a position

  explicit Places(int64_t size) {
    while (bits_ < kMaxBits && int64_t{kRow} << bits_ < size) ++bits_;
    rows_.assign(size_t{kRow} << bits_, 0);
  }
  // Tries the places of `at`, then adds it to them.
  void search(const uint8_t* data, int64_t size, int64_t at, Match* best) {
    uint32_t* row = row_of(data, at);
    uint32_t alike = 0;
    for (uint32_t i = 0; i < kRow; ++i) {
      alike |= static_cast<uint32_t>((row[i] ^ tag_) << kPositionBits == 0) << i;
    }
    for (; alike != 0; alike &= alike - 1) {
      const uint32_t entry = row[__builtin_ctz(alike)];
      if (entry >> kTagBits == 0) break;  // unused, as are those after it
      const int64_t place = (entry >> kTagBits) - 1;
      const uint32_t length = best->length;
      if (length > 0 && at + length < size && data[place + length] != data[at + length]) continue;
      const uint32_t found = common(data, size, place, at);
      if (found < kHashed) continue;
      const auto distance = static_cast<uint32_t>(at - place);
      const int32_t gain =
          static_cast<int32_t>(3 * found) - 10 - static_cast<int32_t>(log2_of(distance));
      if (gain > best->gain) *best = {found, distance, gain};
    }
    push(row, at);
  }
  // Fetches the row of a position that is searched or added soon.
  void prefetch(const uint8_t* data, int64_t at) const {
    __builtin_prefetch(rows_.data() + (hash_of(data, at) >> (64 - bits_)) * kRow);
  }
  void add(const uint8_t* data, int64_t at) { push(row_of(data, at), at); }

 private:
  static constexpr uint32_t kRow = 4;
  static constexpr uint32_t kMaxBits = 14;

  static uint64_t hash_of(const uint8_t* data, int64_t at) {
    return (load64(data + at) << (64 - 8 * kHashed)) * kFactor;
  }
  uint32_t* row_of(const uint8_t* data, int64_t at) {
    const uint64_t hash = hash_of(data, at);
    tag_ = static_cast<uint32_t>(hash >> (64 - bits_ - kTagBits)) & ((1u << kTagBits) - 1u);
    return rows_.data() + (hash >> (64 - bits_)) * kRow;
  }
  void push(uint32_t* row, int64_t at) {
    uint32_t kept[kRow - 1];  // copied twice, because memmove would be a call
    std::memcpy(kept, row, sizeof(kept));
    std::memcpy(row + 1, kept, sizeof(kept));
    row[0] = static_cast<uint32_t>(at + 1) << kTagBits | tag_;
  }

  uint32_t bits_ = 4;
  uint32_t tag_ = 0;
  std::vector<uint32_t> rows_;
};

// The last place of each hash of 16 bytes, of one in kSpacing positions.
class LongPlaces {
 public:
  static constexpr int64_t kReach = 16;
  static constexpr int64_t kSpacing = 8;

  explicit LongPlaces(int64_t size) {
    while (bits_ < kMaxBits && kSpacing << bits_ < size) ++bits_;
    places_.assign(size_t{1} << bits_, 0);
  }
  // A position with the same hash as `at`, or -1.
  int64_t find(const uint8_t* data, int64_t at) const {
    const uint64_t hash = hash_of(data, at);
    const uint32_t place = places_[hash >> (64 - bits_)];
    return (place ^ tag_of(hash)) << kPositionBits == 0 ? int64_t{place >> kTagBits} - 1 : -1;
  }
  void add(const uint8_t* data, int64_t at) {
    const uint64_t hash = hash_of(data, at);
    places_[hash >> (64 - bits_)] = static_cast<uint32_t>(at + 1) << kTagBits | tag_of(hash);
  }

 private:
  static constexpr uint32_t kMaxBits = 17;

  static uint64_t hash_of(const uint8_t* data, int64_t at) {
    return (load64(data + at) * kFactor ^ load64(data + at + kReach / 2)) * kFactor;
  }
  uint32_t tag_of(uint64_t hash) const {
    return static_cast<uint32_t>(hash >> (64 - bits_ - kTagBits)) & ((1u << kTagBits) - 1u);
  }

  uint32_t bits_ = 6;
  std::vector<uint32_t> places_;
};

void search_recent(const uint8_t* data, int64_t size, int64_t at, const RecentDistances& recent,
                   Match* best) {
  for (uint32_t i = 0; i < kRecent; ++i) {
    const uint32_t distance = recent.distances[i];
    if (distance > at) continue;
    if (std::memcmp(data + at, data + at - distance, kMinMatch) != 0) continue;
    const uint32_t found = common(data, size, at - distance, at);
    const int32_t gain = static_cast<int32_t>(3 * found) - 6 - static_cast<int32_t>(i);
    if (gain > best->gain) *best = {found, distance, gain};
  }
}

}  // namespace

void find_matches(const uint8_t* data, int64_t size, std::vector<Sequence>* sequences, Stop* stop) {
  // A match that long is taken as it is.
  constexpr uint32_t kLongEnough = 96;
  constexpr int64_t kAhead = 12;
  Writer writer(data, sequences);
  Places places(size);
  StopChecks checks(stop);
  const int64_t last = size - Places::kReach;
  for (int64_t at = 0; at <= last;) {
    Match best;
    places.prefetch(data, std::min(at + kAhead, last));
    search_recent(data, size, at, writer.recent(), &best);
    places.search(data, size, at, &best);
    if (best.length == 0) {
      const int64_t step = 1 + (at - writer.done()) / 256;  // ever longer where nothing matches
      checks.after(step);
      at += step;
      continue;
    }
    // The match at the next position may be better by more than the literal before it.
    while (best.length < kLongEnough && at < last) {
      Match next;
      search_recent(data, size, at + 1, writer.recent(), &next);
      places.search(data, size, at + 1, &next);
      ++at;
      if (next.gain <= best.gain + 1) {
        // Undone: the match begins one position before.
        --at;
        break;
      }
      best = next;
    }
    const int64_t end = writer.add(at, best);
    checks.after(end - at);
    for (int64_t i = at + 2; i < std::min(end, last); i += 2) {
      places.prefetch(data, std::min(i + kAhead, last));
      places.add(data, i);
    }
    at = end;
  }
  writer.finish(size);
}

void find_long_matches(const uint8_t* data, int64_t size, std::vector<Sequence>* sequences,
                       Stop* stop) {
  // One of kSpacing positions is remembered, so from there, at least kLongMatch bytes of a match
  // of kLongMatch + kSpacing are left, of which the first LongPlaces::kReach find it.
  constexpr uint32_t kLongMatch = 24;
  constexpr int64_t kSpacing = LongPlaces::kSpacing;
  constexpr int64_t kReach = LongPlaces::kReach;
  LongPlaces places(size);
  Writer writer(data, sequences);
  StopChecks checks(stop);
  for (int64_t at = 0; at + kReach <= size;) {
    const int64_t earlier = places.find(data, at);
    if (at % kSpacing == 0) places.add(data, at);
    checks.after(1);
    const uint32_t length = earlier < 0 ? 0 : common(data, size, earlier, at);
    if (length < kLongMatch) {
      ++at;
      continue;
    }
    const int64_t end = writer.add(at, {length, static_cast<uint32_t>(at - earlier), 0});
    for (at += kSpacing - at % kSpacing; at < end && at + kReach <= size; at += kSpacing) {
      places.add(data, at);
    }
    at = end;
  }
  writer.finish(size);
}

}  // namespace eqinfo
