// The kernels of the mixer with eight contexts at a time.
#include "cpu/mixer/byte_mixer.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#define EQINFO_AVX2 __attribute__((target("avx2")))

namespace eqinfo {
namespace {

EQINFO_AVX2 inline __m256i load(const void* at) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

EQINFO_AVX2 inline void store(void* at, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(at), value);
}

EQINFO_AVX2 inline __m128i load4(const void* at) {
  return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

EQINFO_AVX2 inline void store4(void* at, __m128i value) {
  _mm_storeu_si128(static_cast<__m128i*>(at), value);
}

// A number of 32 bits from each place; only the first four if `half`.
template <bool half>
EQINFO_AVX2 inline __m256i gather(const void* table, __m256i places) {
  const int* const base = static_cast<const int*>(table);
  if (!half) return _mm256_i32gather_epi32(base, places, 4);
  return _mm256_zextsi128_si256(_mm_i32gather_epi32(base, _mm256_castsi256_si128(places), 4));
}

// The same from a table of 16-bit numbers, each with the number after it.
template <bool half>
EQINFO_AVX2 inline __m256i gather16(const void* table, __m256i places) {
  const int* const base = static_cast<const int*>(table);
  if (!half) return _mm256_i32gather_epi32(base, places, 2);
  return _mm256_zextsi128_si256(_mm_i32gather_epi32(base, _mm256_castsi256_si128(places), 2));
}

// kStretch of eight places, in 32 bits.
template <bool half>
EQINFO_AVX2 inline __m256i stretch8(__m256i places) {
  return _mm256_srai_epi32(_mm256_slli_epi32(gather16<half>(kStretch, places), 16), 16);
}

// Eight numbers of 16 bits of each half in order.
EQINFO_AVX2 inline __m256i narrow(__m256i low, __m256i high) {
  return _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
}

EQINFO_AVX2 inline __m256i with_extra(__m256i inputs, const int16_t* extra) {
  const __m128i four = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(extra));
  const __m128i high = _mm_unpacklo_epi64(_mm256_extracti128_si256(inputs, 1), four);
  return _mm256_inserti128_si256(inputs, high, 1);
}

// n / d, rounded down, for n = 2^bits and d = 2 count + 3: kSlotRates and kAdaptRates. Faster than
// a gather, and exact: a quotient that is no integer is at least 1 / d away from one, and rounding
// to a float moves it by at most 2^-24 n / d.
template <int bits>
EQINFO_AVX2 inline __m256i rates(__m256i counts) {
  const __m256i divisors = _mm256_add_epi32(_mm256_add_epi32(counts, counts), _mm256_set1_epi32(3));
  return _mm256_cvttps_epi32(
      _mm256_div_ps(_mm256_set1_ps(static_cast<float>(1 << bits)), _mm256_cvtepi32_ps(divisors)));
}

EQINFO_AVX2 inline __m128i four_slots(Bucket* const* buckets, uint32_t slot) {
  int32_t values[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&values[i], &buckets[i]->slots[slot], sizeof(Slot));
  return _mm_setr_epi32(values[0], values[1], values[2], values[3]);
}

// Eight contexts, or the last four.
struct Inputs8 {
  __m256i slot;
  __m256i history;
  __m256i run;
  uint32_t known;
};

template <bool half>
EQINFO_AVX2 inline Inputs8 read(MixerBit* bit) {
  constexpr int first = half ? 8 : 0;
  const __m256i zero = _mm256_setzero_si256();
  Bucket* const* const buckets = bit->buckets[half_of(*bit)];
  const __m128i low = four_slots(buckets + first, bit->slot);
  const __m256i slots = half ? _mm256_zextsi128_si256(low)
                             : _mm256_set_m128i(four_slots(buckets + 4, bit->slot), low);
  store(bit->slots + first, slots);
  // A probability plus one half, divided by 16.
  const __m256i probability = _mm256_srli_epi32(
      _mm256_slli_epi32(_mm256_xor_si256(slots, _mm256_set1_epi32(0x8000)), 16), 20);
  const __m256i count = _mm256_srli_epi32(slots, 24);
  const __m256i confidence = _mm256_min_epi32(
      _mm256_add_epi32(_mm256_set1_epi32(80), _mm256_mullo_epi16(count, _mm256_set1_epi32(11))),
      _mm256_set1_epi32(256));
  // A product of 16 bits with 9 bits.
  const __m256i slot =
      _mm256_srai_epi32(_mm256_madd_epi16(stretch8<half>(probability), confidence), 8);
  const __m256i unseen = _mm256_cmpeq_epi32(count, zero);

  const __m256i history = _mm256_and_si256(_mm256_srli_epi32(slots, 16), _mm256_set1_epi32(255));
  const __m256i places = _mm256_add_epi32(
      history, _mm256_setr_epi32(first * 256, (first + 1) * 256, (first + 2) * 256,
                                 (first + 3) * 256, (first + 4) * 256, (first + 5) * 256,
                                 (first + 6) * 256, (first + 7) * 256));
  const __m256i values = gather<half>(bit->histories, places);
  store(bit->history_places + first, places);
  store(bit->history_values + first, values);
  const __m256i known = stretch8<half>(_mm256_srli_epi32(values, 20));
  const __m256i none = _mm256_cmpeq_epi32(history, zero);

  const __m256i bytes = load(bit->run_bytes + first);
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(bit->shift));
  const __m256i shifted = _mm256_srl_epi32(bytes, shift);
  const __m256i agrees = _mm256_cmpeq_epi32(_mm256_srli_epi32(shifted, 1),
                                            _mm256_set1_epi32(static_cast<int>(bit->node)));
  const __m256i one = _mm256_set1_epi32(1);
  // -1 for a bit of 0, 0 for a bit of 1.
  const __m256i sign = _mm256_sub_epi32(_mm256_and_si256(shifted, one), one);
  const __m256i run = load(bit->run_inputs + first);
  const __m256i signed_run = _mm256_sub_epi32(_mm256_xor_si256(run, sign), sign);
  const uint32_t seen = ~static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(unseen)));
  return {_mm256_andnot_si256(unseen, slot), _mm256_andnot_si256(none, known),
          _mm256_and_si256(agrees, signed_run),
          static_cast<uint32_t>(__builtin_popcount(seen & (half ? 15 : 255)))};
}

EQINFO_AVX2 int32_t predict_avx2(MixerBit* bit) {
  const Inputs8 low = read<false>(bit);
  const Inputs8 high = read<true>(bit);
  // The last four are those of the matches.
  const __m256i runs = narrow(low.run, high.run);
  const __m256i inputs[3] = {
      with_extra(narrow(low.slot, high.slot), bit->extra),
      _mm256_blend_epi32(narrow(low.history, high.history), runs, 0xc0),
      _mm256_blend_epi32(runs, _mm256_setzero_si256(), 0xc0),
  };
  for (int i = 0; i < 3; ++i) store(bit->inputs + i * 16, inputs[i]);
  bit->weights[kKnownSet] += known_row(low.known + high.known) * kMixerInputs;
  __m256i sums[kMixerSets];
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    const int16_t* weights = bit->weights[set];
    __m256i sum = _mm256_madd_epi16(inputs[0], load(weights));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(inputs[1], load(weights + 16)));
    sums[set] = _mm256_add_epi32(sum, _mm256_madd_epi16(inputs[2], load(weights + 32)));
  }
  const __m256i four =
      _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  const __m128i sum = _mm_srai_epi32(
      _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1)), kWeightBits);
  const __m128i bounded =
      _mm_max_epi32(_mm_min_epi32(sum, _mm_set1_epi32(kMaxOutput)), _mm_set1_epi32(-kMaxOutput));
  store4(bit->outputs, bounded);
  const __m128i squashed = _mm_i32gather_epi32(
      reinterpret_cast<const int*>(kSquash), _mm_add_epi32(bounded, _mm_set1_epi32(kMaxOutput)), 2);
  // The entry of kMaxOutput + 1 is the second of the two.
  store4(bit->squashed, _mm_srli_epi32(squashed, 16));
  __m128i all = _mm_mullo_epi32(bounded, load4(bit->set_weights));
  all = _mm_add_epi32(all, _mm_shuffle_epi32(all, 0x4e));
  all = _mm_add_epi32(all, _mm_shuffle_epi32(all, 0xb1));
  return all_sets_output(static_cast<uint32_t>(_mm_cvtsi128_si32(all)));
}

// Updates eight contexts, or the last four.
template <bool half>
EQINFO_AVX2 inline void update8(MixerBit* bit, uint32_t value) {
  constexpr int first = half ? 8 : 0;
  constexpr int used = half ? 4 : 8;
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i values = load(bit->history_values + first);
  const __m256i counts = _mm256_and_si256(values, _mm256_set1_epi32(1023));
  const __m256i old = _mm256_srli_epi32(values, 10);
  const __m256i target = _mm256_set1_epi32(value != 0 ? 1 << 22 : 0);
  const __m256i change = _mm256_srai_epi32(
      _mm256_mullo_epi32(_mm256_srai_epi32(_mm256_sub_epi32(target, old), 3), rates<13>(counts)),
      9);
  const __m256i adapted =
      _mm256_min_epi32(_mm256_max_epi32(_mm256_add_epi32(old, change), _mm256_setzero_si256()),
                       _mm256_set1_epi32((1 << 22) - 1));
  const __m256i more = _mm256_min_epi32(_mm256_add_epi32(counts, one),
                                        _mm256_set1_epi32(static_cast<int>(kMaxAdaptCount)));
  alignas(32) uint32_t entries[8];
  store(entries, _mm256_or_si256(_mm256_slli_epi32(adapted, 10), more));
  for (int i = 0; i < used; ++i) bit->histories[bit->history_places[first + i]] = entries[i];

  const __m256i slots = load(bit->slots + first);
  const __m256i history = _mm256_and_si256(_mm256_srli_epi32(slots, 16), _mm256_set1_epi32(255));
  const __m256i next =
      _mm256_and_si256(_mm256_srl_epi32(gather16<half>(kNextHistory, history),
                                        _mm_cvtsi32_si128(static_cast<int>(8 * value))),
                       _mm256_set1_epi32(255));
  const __m256i count = _mm256_srli_epi32(slots, 24);
  const __m256i probability = _mm256_srai_epi32(_mm256_slli_epi32(slots, 16), 16);
  const __m256i error =
      _mm256_sub_epi32(_mm256_set1_epi32(value != 0 ? 32767 : -32768), probability);
  const __m256i moved = _mm256_add_epi32(
      probability, _mm256_srai_epi32(_mm256_mullo_epi32(error, rates<15>(count)), 14));
  const __m256i counted =
      _mm256_min_epi32(_mm256_add_epi32(count, one), _mm256_set1_epi32(kMaxCount));
  alignas(32) Slot updated[8];
  store(updated, _mm256_or_si256(
                     _mm256_and_si256(moved, _mm256_set1_epi32(0xffff)),
                     _mm256_or_si256(_mm256_slli_epi32(next, 16), _mm256_slli_epi32(counted, 24))));
  Bucket* const* const buckets = bit->buckets[half_of(*bit)];
  for (int i = 0; i < used; ++i) buckets[first + i]->slots[bit->slot] = updated[i];
}

EQINFO_AVX2 void update_avx2(MixerBit* bit, uint32_t value) {
  const __m128i target = _mm_set1_epi32(value != 0 ? 1 << 16 : 0);
  const __m128i bound = _mm_set1_epi32(32767);
  __m128i steps = _mm_srai_epi32(
      _mm_mullo_epi32(_mm_sub_epi32(target, load4(bit->squashed)), _mm_set1_epi32(bit->rate)), 8);
  steps = _mm_max_epi32(_mm_min_epi32(steps, bound), _mm_sub_epi32(_mm_setzero_si128(), bound));
  // Each step in both halves of 32 bits.
  steps = _mm_or_si128(_mm_slli_epi32(steps, 16), _mm_and_si128(steps, _mm_set1_epi32(0xffff)));
  const __m128i error = _mm_srai_epi32(_mm_sub_epi32(target, _mm_set1_epi32(bit->mixed)), 1);
  const __m128i changes = _mm_srai_epi32(
      _mm_add_epi32(_mm_mullo_epi32(load4(bit->outputs), error), _mm_set1_epi32(1 << 15)), 16);
  const __m128i moved = _mm_add_epi32(load4(bit->set_weights), changes);
  store4(bit->set_weights, _mm_max_epi32(_mm_min_epi32(moved, _mm_set1_epi32(kMaxSetWeight)),
                                         _mm_set1_epi32(-kMaxSetWeight)));
  const __m256i every[kMixerSets] = {_mm256_broadcastd_epi32(steps),
                                     _mm256_broadcastd_epi32(_mm_shuffle_epi32(steps, 0x55)),
                                     _mm256_broadcastd_epi32(_mm_shuffle_epi32(steps, 0xaa)),
                                     _mm256_broadcastd_epi32(_mm_shuffle_epi32(steps, 0xff))};
  const __m256i inputs[3] = {load(bit->inputs), load(bit->inputs + 16), load(bit->inputs + 32)};
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    int16_t* const weights = bit->weights[set];
    for (int i = 0; i < 3; ++i) {
      const __m256i change = _mm256_mulhrs_epi16(inputs[i], every[set]);
      store(weights + 16 * i, _mm256_adds_epi16(load(weights + 16 * i), change));
    }
  }
  update8<false>(bit, value);
  update8<true>(bit, value);
}

}  // namespace

const MixerKernels kAvx2Mixer = {expect_buckets, select_buckets, predict_avx2, update_avx2,
                                 append_runs};

}  // namespace eqinfo
#endif
