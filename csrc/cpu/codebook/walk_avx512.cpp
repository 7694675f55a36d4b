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

}  // namespace

void VectorWalker::add(Walk<Id>* walk) {
  if (walk->bytes < kSteps) {
    Lane<Id> lane{walk, walk->text, walk->bytes, walk->node, walk->ids};
    walk_lanes<1>(trie_, &lane, lane.bytes);
    finish_walk(lane);
    return;
  }
  int lane = 0;
  while (is_set(active_, lane)) ++lane;
  active_[lane / kWidth] = static_cast<uint8_t>(active_[lane / kWidth] | 1u << lane % kWidth);
  nodes_[lane] = walk->node.bits;
  texts_[lane] = reinterpret_cast<uintptr_t>(walk->text);
  last_[lane] = reinterpret_cast<uintptr_t>(walk->text + walk->bytes - kSteps);
  ids_[lane] = reinterpret_cast<uintptr_t>(walk->ids);
  walks_[lane] = walk;
  ++busy_;
}

// Removes the walk from a lane, which stays at the root without one.
Lane<uint16_t> VectorWalker::take_out(int lane) {
  Walk<Id>* walk = walks_[lane];
  const auto* text = reinterpret_cast<const uint8_t*>(texts_[lane]);
  const TrieSlot node = known_node(trie_, nodes_[lane]);
  active_[lane / kWidth] = static_cast<uint8_t>(active_[lane / kWidth] & ~(1u << lane % kWidth));
  nodes_[lane] = kTrieRoot.bits;
  --busy_;
  return {walk, text, walk->text + walk->bytes - text, node, reinterpret_cast<Id*>(ids_[lane])};
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
        if (is_set(active_, lane)) rest_.resume(take_out(lane));
      }
      rest_.run();
      return;
    }
    walk_blocks();
    for (int lane = 0; lane < kLanes; ++lane) {
      if (!is_set(waiting_, lane)) continue;
      if (!at_end(lane)) go_on(lane);
      if (!at_end(lane)) continue;
      Lane<Id> rest = take_out(lane);
      walk_lanes<1>(trie_, &rest, rest.bytes);
      finish_walk(rest);
      done = true;
    }
  }
}

// Corrects the text position of lanes that waited in their last steps, in which they neither read a
// byte nor closed a window.
void VectorWalker::take_back(int vector, unsigned lanes, const uint64_t* closed) {
  for (; lanes != 0; lanes &= lanes - 1) {
    const int lane = __builtin_ctz(lanes);
    uint64_t bytes = 0;
    for (int step = 0; step < kSteps; ++step) bytes += matches_[step][vector] >> lane & 1u;
    texts_[vector * kWidth + lane] -= kSteps - closed[lane] - bytes;
  }
}

// Runs blocks of steps in all lanes until one of them cannot continue.
EQINFO_AVX512 void VectorWalker::walk_blocks() {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i one = all(1);
  const __m512i byte_mask = all(0xff);
  const __m512i no_value_bit = all(kNoValue);
  const __m512i children_mask = all(((uint64_t{1} << kFallbackBits) - 1) << kChildrenShift);
  const TrieSlot* const slots = trie_.slots;
  __m512i node[kVectors];
  for (int v = 0; v < kVectors; ++v) node[v] = _mm512_load_si512(nodes_ + v * kWidth);
  for (;;) {
    __m512i text[kVectors];
    __m512i ids[kVectors];     // kept ids, the latest in the highest bits
    __m512i closed[kVectors];  // the number of kept ids
    __mmask8 waits[kVectors];  // lanes that waited in the last step, and so since an earlier one
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const __m512i texts = _mm512_load_si512(texts_ + v * kWidth);
      text[v] = _mm512_mask_i64gather_epi64(zero, active_[v], texts, nullptr, 1);
      ids[v] = zero;
      closed[v] = zero;
    }
#pragma GCC unroll 8
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        const __m512i at = _mm512_add_epi64(_mm512_srli_epi64(node[v], kChildrenShift),
                                            _mm512_and_si512(text[v], byte_mask));
        const __m512i slot = _mm512_mask_i64gather_epi64(zero, 0xff, at, slots, 8);
        const __mmask8 match = _mm512_testn_epi64_mask(_mm512_xor_si512(slot, text[v]), byte_mask);
        const __mmask8 closes = _kandn_mask8(match, _mm512_testn_epi64_mask(node[v], no_value_bit));
        // A window closes at most in every second step, so the four ids of a block fit.
        ids[v] = _mm512_mask_shrdi_epi64(ids[v], closes, ids[v],
                                         _mm512_srli_epi64(node[v], kByteBits), kIdBits);
        closed[v] = _mm512_mask_add_epi64(closed[v], closes, closed[v], one);
        text[v] = _mm512_mask_srli_epi64(text[v], match, text[v], 8);
        node[v] = _mm512_mask_mov_epi64(node[v], match, slot);
        node[v] = _mm512_mask_slli_epi64(node[v], closes, node[v], kFallbackShift);
        node[v] = _mm512_mask_ternarylogic_epi64(node[v], closes, children_mask, no_value_bit,
                                                 0xea);  // (a & b) | c
        _store_mask8(&matches_[step][v], match);
        waits[v] = static_cast<__mmask8>(~(match | closes));
      }
    }
    unsigned any = 0;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const __m512i out = _mm512_load_si512(ids_ + v * kWidth);
      // Four ids are always written. There is room for them: at least kSteps bytes were left, and
      // no more windows close than bytes are read.
      const __m512i unused = _mm512_sub_epi64(all(kRegisterBits), _mm512_slli_epi64(closed[v], 4));
      _mm512_mask_i64scatter_epi64(nullptr, active_[v], out, _mm512_srlv_epi64(ids[v], unused), 1);
      _mm512_store_si512(ids_ + v * kWidth,
                         _mm512_add_epi64(out, _mm512_add_epi64(closed[v], closed[v])));
      const __m512i texts = _mm512_add_epi64(_mm512_load_si512(texts_ + v * kWidth),
                                             _mm512_sub_epi64(all(kSteps), closed[v]));
      _mm512_store_si512(texts_ + v * kWidth, texts);
      const __mmask8 ends = _mm512_cmpgt_epu64_mask(texts, _mm512_load_si512(last_ + v * kWidth));
      waiting_[v] = static_cast<uint8_t>((waits[v] | ends) & active_[v]);
      waits[v] = static_cast<__mmask8>(waits[v] & active_[v]);
      any |= waiting_[v];
    }
    if (any == 0) continue;
    for (int v = 0; v < kVectors; ++v) {
      _mm512_store_si512(nodes_ + v * kWidth, node[v]);
      alignas(64) uint64_t windows[kWidth];
      _mm512_store_si512(windows, closed[v]);
      if (waits[v] != 0) take_back(v, waits[v], windows);
    }
    return;
  }
}

}  // namespace eqinfo
#endif
