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

// The last place of each hash of the first kHashed bytes at it.
template <int64_t kHashed, uint32_t kMaxBits>
class Places {
 public:
  explicit Places(int64_t size) {
    while (bits_ < kMaxBits && int64_t{1} << bits_ < size) ++bits_;
    entries_.assign(size_t{1} << bits_, 0);
  }
  // The last place with the hash of `bytes`, or -1; `at` takes its place.
  int64_t exchange(uint64_t bytes, int64_t at) {
    const uint64_t hash = hash_of(bytes);
    const uint32_t tag = tag_of(hash);
    uint32_t& entry = entries_[hash >> (64 - bits_)];
    const uint32_t old = entry;
    entry = static_cast<uint32_t>(at + 1) << kTagBits | tag;
    return (old ^ tag) << kPositionBits == 0 ? int64_t{old >> kTagBits} - 1 : -1;
  }

 private:
  static uint64_t hash_of(uint64_t bytes) { return (bytes << (64 - 8 * kHashed)) * kFactor; }
  uint32_t tag_of(uint64_t hash) const {
    return static_cast<uint32_t>(hash >> (64 - bits_ - kTagBits)) & ((1u << kTagBits) - 1u);
  }

  uint32_t bits_ = 6;
  std::vector<uint32_t> entries_;
};

// The last place of each hash of 16 bytes, of one in kSpacing positions. It is odd, so that a match
// is found by searching every second position, whatever its distance is.
class LongPlaces {
 public:
  static constexpr int64_t kReach = 16;
  static constexpr int64_t kSpacing = 5;

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

// Whether the first `count` of `bytes` are those at `place`.
template <int64_t count>
bool begins(const uint8_t* place, uint64_t bytes) {
  return (load64(place) ^ bytes) << (64 - 8 * count) == 0;
}

// Finds matches for bytes: at the last distance, and at the last place with the same eight bytes or
// else the same five.
class Finder {
 public:
  static constexpr int64_t kReach = 8;  // bytes read at a position

  Finder(const uint8_t* data, int64_t size) : data_(data), size_(size), far_(size), near_(size) {}

  // Makes *best a match at `at` that gains more, if there is one. Adds `at` to the places.
  void search(int64_t at, uint32_t recent, Match* best) {
    const uint64_t bytes = load64(data_ + at);
    const int64_t far = far_.exchange(bytes, at);
    const int64_t near = near_.exchange(bytes, at);
    if (recent <= at && begins<4>(data_ + at - recent, bytes)) consider(at, recent, 0, best);
    if (far >= 0 && begins<kFar>(data_ + far, bytes)) {
      consider_place(at, far, best);
    } else if (near >= 0 && begins<kNear>(data_ + near, bytes)) {
      consider_place(at, near, best);
    }
  }
  void add(int64_t at) {
    const uint64_t bytes = load64(data_ + at);
    far_.exchange(bytes, at);
    near_.exchange(bytes, at);
  }

 private:
  static constexpr int64_t kFar = 8;
  static constexpr int64_t kNear = 5;

  void consider_place(int64_t at, int64_t place, Match* best) const {
    const uint32_t distance = static_cast<uint32_t>(at - place);
    consider(at, distance, log2_of(distance), best);
  }
  void consider(int64_t at, uint32_t distance, uint32_t distance_bits, Match* best) const {
    const uint32_t length = common(data_, size_, at - distance, at);
    const int32_t gain = static_cast<int32_t>(3 * length) - static_cast<int32_t>(4 + distance_bits);
    if (gain > best->gain) *best = {length, distance, gain};
  }

  const uint8_t* data_;
  int64_t size_;
  // 256 and 128 KiB at most, which stay in the cache.
  Places<kFar, 16> far_;
  Places<kNear, 15> near_;
};

}  // namespace

void find_matches(const uint8_t* data, int64_t size, std::vector<Sequence>* sequences, Stop* stop) {
  // A match that long is taken as it is.
  constexpr uint32_t kLongEnough = 64;
  Writer writer(data, sequences);
  Finder finder(data, size);
  StopChecks checks(stop);
  const int64_t last = size - Finder::kReach;
  for (int64_t at = 0; at <= last;) {
    const uint32_t recent = writer.recent().distances[0];
    Match best;
    finder.search(at, recent, &best);
    if (best.length == 0) {
      const int64_t step = 1 + (at - writer.done()) / 256;  // ever longer where nothing matches
      checks.after(step);
      at += step;
      continue;
    }
    // The match at the next position may be better by more than the literal before it.
    while (best.length < kLongEnough && at < last) {
      Match next{0, 0, best.gain + 1};
      finder.search(at + 1, recent, &next);
      if (next.length == 0) break;
      ++at;
      best = next;
    }
    const int64_t end = writer.add(at, best);
    checks.after(end - at);
    for (int64_t i = at + 2; i < std::min(end, last); i += 2) finder.add(i);
    at = end;
  }
  writer.finish(size);
}

void find_long_matches(const uint8_t* data, int64_t size, std::vector<Sequence>* sequences,
                       Stop* stop) {
  // Two remembered places in turn, of which one is searched, lie within kStep * kSpacing bytes, so
  // from there, at least kLongMatch bytes of a match of 33 are left.
  constexpr uint32_t kLongMatch = 24;
  constexpr int64_t kStep = 2;
  constexpr int64_t kSpacing = LongPlaces::kSpacing;
  constexpr int64_t kReach = LongPlaces::kReach;
  static_assert(kSpacing % kStep != 0 && kLongMatch >= kReach);
  LongPlaces places(size);
  Writer writer(data, sequences);
  StopChecks checks(stop);
  int64_t remembered = 0;  // the next position that will be
  for (int64_t at = 0; at + kReach <= size;) {
    const int64_t earlier = places.find(data, at);
    for (; remembered <= at; remembered += kSpacing) places.add(data, remembered);
    checks.after(kStep);
    const uint32_t length = earlier < 0 ? 0 : common(data, size, earlier, at);
    if (length < kLongMatch) {
      at += kStep;
      continue;
    }
    const int64_t end = writer.add(at, {length, static_cast<uint32_t>(at - earlier), 0});
    for (; remembered < end && remembered + kReach <= size; remembered += kSpacing) {
      places.add(data, remembered);
    }
    at = end;
  }
  writer.finish(size);
}

}  // namespace eqinfo
