// codebook_encode in 64-bit lanes. A step gathers the slots that the next bytes lead to. A lane
// whose byte lengthens the window reads it; any other lane keeps the id of its node, goes to the
// node's fallback and tries the byte again in the next step. So a window takes one step more than
// it has bytes, and a step has one gather.
//
// Of a fallback only the children are known. A lane there has no_value, like a node without a
// fallback; where a byte leads nowhere from such a node, the lane waits for codebook_close.
#include "cpu/codebook/walk.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#define EQINFO_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2")))

namespace eqinfo {
namespace {

constexpr int kRegisterBits = 64;
constexpr int kChildrenShift = kRegisterBits - kChildrenBits;
template <typename Id>
constexpr uint64_t kNoValue = uint64_t{no_value<Id>()} << kByteBits;
// Shifts the fallback of a slot to where its children are, and what is left of the slot there.
template <typename Id>
constexpr int kFallbackShift = kChildrenShift - (kByteBits + value_bits<Id>());
template <typename Id>
constexpr uint64_t kFallbackMask = ((uint64_t{1} << fallback_bits<Id>()) - 1) << kChildrenShift;

// The node of a lane, completed with what the scalar walk needs.
template <typename Id>
TrieSlot known_node(const Trie& trie, uint64_t bits) {
  const TrieSlot node{bits};
  if ((bits & kNoValue<Id>) == 0) return node;
  const uint32_t closing = slot_closing(trie, node);
  const bool passing = closing < kHasId;
  return passing ? make_slot<Id>(slot_children(node), kNowhere, no_value<Id>(), 0)
                 : make_slot<Id>(slot_children(node), 0, closing - kHasId, 0);
}

EQINFO_AVX512 inline __m512i all_lanes(uint64_t x) {
  return _mm512_set1_epi64(static_cast<int64_t>(x));
}

EQINFO_AVX512 inline __m128i load_two(const uint64_t* addresses) {
  int64_t words[2];
  for (int i = 0; i < 2; ++i) {
    std::memcpy(&words[i], reinterpret_cast<const void*>(addresses[i]), sizeof(int64_t));
  }
  return _mm_insert_epi64(_mm_cvtsi64_si128(words[0]), words[1], 1);
}

// The words at eight addresses, which are in memory: loads are as fast as a gather from there, and
// leave the next one of slots its place.
EQINFO_AVX512 inline __m512i load_words(const uint64_t* addresses) {
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(load_two(addresses)),
                                              load_two(addresses + 2), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(load_two(addresses + 4)),
                                               load_two(addresses + 6), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// Writes a word of each lane, `offset` bytes behind its address.
EQINFO_AVX512 inline void write_words(__m512i words, const uint64_t* addresses, size_t offset) {
  alignas(64) uint64_t each[8];
  _mm512_store_si512(each, words);
#pragma GCC unroll 8
  for (int lane = 0; lane < 8; ++lane) {
    std::memcpy(reinterpret_cast<uint8_t*>(addresses[lane]) + offset, &each[lane],
                sizeof(uint64_t));
  }
}

// For each lane, in how many of eight steps its bit is set; `steps` has one byte per step.
EQINFO_AVX512 inline __m512i count_steps(const uint8_t* steps) {
  uint64_t bits;
  std::memcpy(&bits, steps, sizeof bits);
  const __m512i own = _mm512_srlv_epi64(all_lanes(bits), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
  return _mm512_sad_epu8(_mm512_and_si512(own, all_lanes(0x0101010101010101)),
                         _mm512_setzero_si512());
}

// The latest four ids of eight lanes, the latest in the highest bits.
template <typename Id>
struct FourIds;

template <>
struct FourIds<uint16_t> {
  static constexpr int kIdBits = 16;
  __m512i all;

  EQINFO_AVX512 void clear() { all = _mm512_setzero_si512(); }
  EQINFO_AVX512 void keep(__mmask8 lanes, __m512i node) {
    all = _mm512_mask_shrdi_epi64(all, lanes, all, _mm512_srli_epi64(node, kByteBits), kIdBits);
  }
  // Writes the latest `count` ids of each lane, and others after them.
  EQINFO_AVX512 void write(__m512i count, const uint64_t* addresses) const {
    const __m512i unused = _mm512_sub_epi64(all_lanes(kRegisterBits), _mm512_slli_epi64(count, 4));
    write_words(_mm512_srlv_epi64(all, unused), addresses, 0);
  }
};

// Two registers, because an id is written with 32 bits.
template <>
struct FourIds<uint32_t> {
  static constexpr int kIdBits = 32;
  __m512i low;
  __m512i high;

  EQINFO_AVX512 void clear() { low = high = _mm512_setzero_si512(); }
  EQINFO_AVX512 void keep(__mmask8 lanes, __m512i node) {
    low = _mm512_mask_shrdi_epi64(low, lanes, low, high, kIdBits);
    high = _mm512_mask_shrdi_epi64(high, lanes, high, _mm512_srli_epi64(node, kByteBits), kIdBits);
  }
  EQINFO_AVX512 void write(__m512i count, const uint64_t* addresses) const {
    // Of a slot, more bits than those of its id were kept.
    const __m512i id_mask =
        all_lanes(uint64_t{no_value<uint32_t>() - 1} << kIdBits | (no_value<uint32_t>() - 1));
    const __m512i first = _mm512_and_si512(low, id_mask);
    const __m512i second = _mm512_and_si512(high, id_mask);
    // Both are shifted by `unused` bits as one number; a shift by 64 or more, or by less than 0,
    // gives 0.
    const __m512i unused =
        _mm512_sub_epi64(all_lanes(2 * kRegisterBits), _mm512_slli_epi64(count, 5));
    const __m512i width = all_lanes(kRegisterBits);
    const __m512i from_second =
        _mm512_or_si512(_mm512_sllv_epi64(second, _mm512_sub_epi64(width, unused)),
                        _mm512_srlv_epi64(second, _mm512_sub_epi64(unused, width)));
    write_words(_mm512_or_si512(_mm512_srlv_epi64(first, unused), from_second), addresses, 0);
    write_words(_mm512_srlv_epi64(second, unused), addresses, sizeof(uint64_t));
  }
};

}  // namespace

template <typename Id>
VectorWalker<Id>::VectorWalker(const Trie& trie) : trie_(trie), rest_(trie) {
  for (int lane = 0; lane < kLanes; ++lane) make_idle(lane);
}

// Idle lanes walk like all others, from any node through any text, to no effect.
template <typename Id>
void VectorWalker<Id>::make_idle(int lane) {
  texts_[lane] = reinterpret_cast<uintptr_t>(&idle_text_);
  ids_[lane] = reinterpret_cast<uintptr_t>(idle_ids_);
}

template <typename Id>
void VectorWalker<Id>::add(Walk<Id>* walk) {
  if (walk->bytes < kSteps) {
    Lane<Id> lane{walk, walk->text, walk->bytes, walk->node, walk->ids};
    walk_lanes<1>(trie_, &lane, lane.bytes);
    finish_walk(lane);
    return;
  }
  int lane = 0;
  while (is_active(lane)) ++lane;
  active_[lane / kWidth] = static_cast<uint8_t>(active_[lane / kWidth] | 1u << lane % kWidth);
  nodes_[lane] = walk->node.bits;
  texts_[lane] = reinterpret_cast<uintptr_t>(walk->text);
  last_[lane] = reinterpret_cast<uintptr_t>(walk->text + walk->bytes - kSteps);
  ids_[lane] = reinterpret_cast<uintptr_t>(walk->ids);
  walks_[lane] = walk;
  ++busy_;
}

// Removes the walk from a lane.
template <typename Id>
Lane<Id> VectorWalker<Id>::take_out(int lane) {
  Walk<Id>* walk = walks_[lane];
  const auto* text = reinterpret_cast<const uint8_t*>(texts_[lane]);
  auto* ids = reinterpret_cast<Id*>(ids_[lane]);
  active_[lane / kWidth] = static_cast<uint8_t>(active_[lane / kWidth] & ~(1u << lane % kWidth));
  make_idle(lane);
  --busy_;
  const TrieSlot node = known_node<Id>(trie_, nodes_[lane]);
  return {walk, text, walk->text + walk->bytes - text, node, ids};
}

// Closes the windows that a lane waits for, and reads the byte that does not lengthen them.
template <typename Id>
void VectorWalker<Id>::go_on(int lane) {
  Id* ids = reinterpret_cast<Id*>(ids_[lane]);
  const uint8_t byte = *reinterpret_cast<const uint8_t*>(texts_[lane]);
  nodes_[lane] = codebook_close(trie_, known_node<Id>(trie_, nodes_[lane]), byte, &ids).bits;
  ids_[lane] = reinterpret_cast<uintptr_t>(ids);
  ++texts_[lane];
}

template <typename Id>
void VectorWalker<Id>::run() {
  for (bool done = false; !done;) {
    if (busy_ <= LaneWalker<Id>::kLanes) {
      for (int lane = 0; lane < kLanes && !rest_.full(); ++lane) {
        if (is_active(lane)) rest_.resume(take_out(lane));
      }
      rest_.run();
      return;
    }
    walk_blocks();
    for (uint64_t waiting = waiting_; waiting != 0; waiting &= waiting - 1) {
      const int lane = __builtin_ctzll(waiting);
      if (!at_end(lane)) go_on(lane);
      if (!at_end(lane)) continue;
      Lane<Id> rest = take_out(lane);
      walk_lanes<1>(trie_, &rest, rest.bytes);
      finish_walk(rest);
      done = true;
    }
  }
}

// Runs blocks of steps in all lanes until a walk is near its end, or until several lanes wait: the
// scalar code for one of them is a chain of loads, so it is better done for a few at once.
template <typename Id>
EQINFO_AVX512 void VectorWalker<Id>::walk_blocks() {
  constexpr int kIdShift = sizeof(Id) == 2 ? 1 : 2;  // of the bytes of an id
  const __m512i byte_mask = all_lanes(0xff);
  const __m512i no_value_bit = all_lanes(kNoValue<Id>);
  const __m512i children_mask = all_lanes(kFallbackMask<Id>);
  const TrieSlot* const slots = trie_.slots;
  __m512i node[kVectors];
  for (int v = 0; v < kVectors; ++v) node[v] = _mm512_load_si512(nodes_ + v * kWidth);
  for (int ahead = 0;; ahead = ahead + kWidth == kLanes ? 0 : ahead + kWidth) {
    __m512i text[kVectors];
    FourIds<Id> ids[kVectors];
    __mmask8 waits[kVectors];  // lanes that waited in the last step, and so since an earlier one
    // By vector and step: the lanes that read a byte, and those that closed a window.
    uint8_t matches[kVectors][kSteps];
    uint8_t closings[kVectors][kSteps];
    // So many texts are too many for the processor to see that they are read in order. Those of one
    // vector are fetched in each block, which is often enough: a lane reads at most kSteps bytes
    // per block, so less than a line of the cache between two fetches.
    static_assert(kVectors * kSteps < 64);
    for (int lane = ahead; lane < ahead + kWidth; ++lane) {
      _mm_prefetch(reinterpret_cast<const char*>(texts_[lane] + kAheadBytes), _MM_HINT_T0);
    }
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      text[v] = load_words(texts_ + v * kWidth);
      ids[v].clear();
    }
#pragma GCC unroll 8
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        const __m512i at = _mm512_add_epi64(_mm512_srli_epi64(node[v], kChildrenShift),
                                            _mm512_and_si512(text[v], byte_mask));
        const __m512i slot = _mm512_i64gather_epi64(at, slots, 8);
        const __mmask8 match = _mm512_testn_epi64_mask(_mm512_xor_si512(slot, text[v]), byte_mask);
        const __mmask8 closes = _kandn_mask8(match, _mm512_testn_epi64_mask(node[v], no_value_bit));
        // A window closes at most in every second step, so the four ids of a block fit.
        ids[v].keep(closes, node[v]);
        text[v] = _mm512_mask_srli_epi64(text[v], match, text[v], 8);
        node[v] = _mm512_mask_mov_epi64(node[v], match, slot);
        node[v] = _mm512_mask_slli_epi64(node[v], closes, node[v], kFallbackShift<Id>);
        node[v] = _mm512_mask_ternarylogic_epi64(node[v], closes, children_mask, no_value_bit,
                                                 0xea);  // (a & b) | c
        _store_mask8(&matches[v][step], match);
        _store_mask8(&closings[v][step], closes);
        if (step == kSteps - 1) waits[v] = static_cast<__mmask8>(~(match | closes));
      }
    }
    waiting_ = 0;
    unsigned any_ends = 0;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      uint64_t* const texts = texts_ + v * kWidth;
      uint64_t* const outs = ids_ + v * kWidth;
      const __m512i windows = count_steps(closings[v]);
      // Four ids are always written. There is room for them: at least kSteps bytes were left, and
      // no more windows close than bytes are read.
      ids[v].write(windows, outs);
      const __mmask8 active = active_[v];
      const __m512i out = _mm512_load_si512(outs);
      _mm512_store_si512(
          outs, _mm512_mask_add_epi64(out, active, out, _mm512_slli_epi64(windows, kIdShift)));
      const __m512i before = _mm512_load_si512(texts);
      const __m512i after = _mm512_mask_add_epi64(before, active, before, count_steps(matches[v]));
      _mm512_store_si512(texts, after);
      const unsigned ends =
          _mm512_mask_cmpgt_epu64_mask(active, after, _mm512_load_si512(last_ + v * kWidth));
      any_ends |= ends;
      waiting_ |= uint64_t{ends | (waits[v] & active)} << v * kWidth;
    }
    if (any_ends == 0 && kLanes / kPatience * __builtin_popcountll(waiting_) < busy_) continue;
    for (int v = 0; v < kVectors; ++v) _mm512_store_si512(nodes_ + v * kWidth, node[v]);
    return;
  }
}

template class VectorWalker<uint16_t>;
template class VectorWalker<uint32_t>;

}  // namespace eqinfo
#endif
