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

constexpr int kIdBits = 16;
constexpr int kRegisterBits = 64;
constexpr uint64_t kNoValue = uint64_t{no_value<uint16_t>()} << kByteBits;
constexpr int kChildrenShift = kRegisterBits - kChildrenBits;
constexpr int kFallbackBits = fallback_bits<uint16_t>();
// Shifts the fallback of a slot to where its children are.
constexpr int kFallbackShift = kChildrenShift - (kByteBits + value_bits<uint16_t>());

// The node of a lane, completed with what the scalar walk needs.
TrieSlot known_node(const Trie& trie, uint64_t bits) {
  const TrieSlot node{bits};
  if ((bits & kNoValue) == 0) return node;
  const uint32_t closing = slot_closing(trie, node);
  const bool passing = closing < kHasId;
  return passing ? make_slot<uint16_t>(slot_children(node), kNowhere, no_value<uint16_t>(), 0)
                 : make_slot<uint16_t>(slot_children(node), 0, closing - kHasId, 0);
}

EQINFO_AVX512 inline __m512i all(uint64_t x) { return _mm512_set1_epi64(static_cast<int64_t>(x)); }

EQINFO_AVX512 inline __m128i load_two(const uint64_t* addresses) {
  const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(addresses[0]));
  return _mm_insert_epi64(low, *reinterpret_cast<const int64_t*>(addresses[1]), 1);
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

// For each lane, in how many of eight steps its bit is set; `steps` has one byte per step.
EQINFO_AVX512 inline __m512i count_steps(const uint8_t* steps) {
  uint64_t bits;
  std::memcpy(&bits, steps, sizeof bits);
  const __m512i own = _mm512_srlv_epi64(all(bits), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
  return _mm512_sad_epu8(_mm512_and_si512(own, all(0x0101010101010101)), _mm512_setzero_si512());
}

}  // namespace

VectorWalker::VectorWalker(const Trie& trie) : trie_(trie), rest_(trie) {
  for (int lane = 0; lane < kLanes; ++lane) make_idle(lane);
}

// Idle lanes walk like all others, from any node through any text, to no effect.
void VectorWalker::make_idle(int lane) {
  texts_[lane] = reinterpret_cast<uintptr_t>(&idle_text_);
  ids_[lane] = reinterpret_cast<uintptr_t>(&idle_ids_);
}

void VectorWalker::add(Walk<Id>* walk) {
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
Lane<uint16_t> VectorWalker::take_out(int lane) {
  Walk<Id>* walk = walks_[lane];
  const auto* text = reinterpret_cast<const uint8_t*>(texts_[lane]);
  auto* ids = reinterpret_cast<Id*>(ids_[lane]);
  active_[lane / kWidth] = static_cast<uint8_t>(active_[lane / kWidth] & ~(1u << lane % kWidth));
  make_idle(lane);
  --busy_;
  const TrieSlot node = known_node(trie_, nodes_[lane]);
  return {walk, text, walk->text + walk->bytes - text, node, ids};
}

// Closes the windows that a lane waits for, and reads the byte that does not lengthen them.
void VectorWalker::go_on(int lane) {
  Id* ids = reinterpret_cast<Id*>(ids_[lane]);
  const uint8_t byte = *reinterpret_cast<const uint8_t*>(texts_[lane]);
  nodes_[lane] = codebook_close(trie_, known_node(trie_, nodes_[lane]), byte, &ids).bits;
  ids_[lane] = reinterpret_cast<uintptr_t>(ids);
  ++texts_[lane];
}

void VectorWalker::run() {
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
EQINFO_AVX512 void VectorWalker::walk_blocks() {
  const __m512i byte_mask = all(0xff);
  const __m512i no_value_bit = all(kNoValue);
  const __m512i children_mask = all(((uint64_t{1} << kFallbackBits) - 1) << kChildrenShift);
  const TrieSlot* const slots = trie_.slots;
  __m512i node[kVectors];
  for (int v = 0; v < kVectors; ++v) node[v] = _mm512_load_si512(nodes_ + v * kWidth);
  for (int ahead = 0;; ahead = ahead + kWidth == kLanes ? 0 : ahead + kWidth) {
    __m512i text[kVectors];
    __m512i ids[kVectors];     // kept ids, the latest in the highest bits
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
      ids[v] = _mm512_setzero_si512();
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
        ids[v] = _mm512_mask_shrdi_epi64(ids[v], closes, ids[v],
                                         _mm512_srli_epi64(node[v], kByteBits), kIdBits);
        text[v] = _mm512_mask_srli_epi64(text[v], match, text[v], 8);
        node[v] = _mm512_mask_mov_epi64(node[v], match, slot);
        node[v] = _mm512_mask_slli_epi64(node[v], closes, node[v], kFallbackShift);
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
      const __m512i unused = _mm512_sub_epi64(all(kRegisterBits), _mm512_slli_epi64(windows, 4));
      alignas(64) uint64_t kept[kWidth];
      _mm512_store_si512(kept, _mm512_srlv_epi64(ids[v], unused));
#pragma GCC unroll 8
      for (int lane = 0; lane < kWidth; ++lane) {
        std::memcpy(reinterpret_cast<void*>(outs[lane]), &kept[lane], sizeof kept[lane]);
      }
      const __mmask8 active = active_[v];
      const __m512i out = _mm512_load_si512(outs);
      _mm512_store_si512(
          outs, _mm512_mask_add_epi64(out, active, out, _mm512_add_epi64(windows, windows)));
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

}  // namespace eqinfo
#endif
