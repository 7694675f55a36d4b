// The kernels of the mixer with eight contexts at a time.
#include "cpu/mixer/byte_mixer.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define EQINFO_AVX2 __attribute__((target("avx2")))

namespace eqinfo {
namespace {

EQINFO_AVX2 inline __m256i load(const void* at) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

EQINFO_AVX2 inline void store(void* at, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(at), value);
}

// stretch of eight probabilities of 16 bits.
EQINFO_AVX2 inline __m256i stretch8(__m256i probability) {
  const __m256i both = _mm256_i32gather_epi32(reinterpret_cast<const int*>(kStretch),
                                              _mm256_srli_epi32(probability, 4), 2);
  return _mm256_srai_epi32(_mm256_slli_epi32(both, 16), 16);
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

struct Inputs8 {
  __m256i slot;
  __m256i history;
  __m256i run;
};

EQINFO_AVX2 inline Inputs8 inputs8(const MixerBit& bit, int first) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i slots = load(bit.slots + first);
  const __m256i probability = _mm256_add_epi32(_mm256_srai_epi32(_mm256_slli_epi32(slots, 16), 16),
                                               _mm256_set1_epi32(32768));
  const __m256i count = _mm256_srli_epi32(slots, 24);
  const __m256i confidence = _mm256_min_epi32(
      _mm256_add_epi32(_mm256_set1_epi32(80), _mm256_mullo_epi16(count, _mm256_set1_epi32(11))),
      _mm256_set1_epi32(256));
  const __m256i slot = _mm256_srai_epi32(_mm256_mullo_epi32(stretch8(probability), confidence), 8);
  const __m256i unseen = _mm256_cmpeq_epi32(count, zero);

  const __m256i history = _mm256_and_si256(_mm256_srli_epi32(slots, 16), _mm256_set1_epi32(255));
  const __m256i values = _mm256_i32gather_epi32(
      reinterpret_cast<const int*>(bit.histories + first * 256),
      _mm256_add_epi32(history, _mm256_setr_epi32(0, 256, 512, 768, 1024, 1280, 1536, 1792)), 4);
  const __m256i known = stretch8(_mm256_srli_epi32(values, 16));
  const __m256i none = _mm256_cmpeq_epi32(history, zero);

  const __m256i bytes = load(bit.run_bytes + first);
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(bit.shift));
  const __m256i shifted = _mm256_srl_epi32(bytes, shift);
  const __m256i agrees = _mm256_cmpeq_epi32(_mm256_srli_epi32(shifted, 1),
                                            _mm256_set1_epi32(static_cast<int>(bit.node)));
  const __m256i one = _mm256_set1_epi32(1);
  // -1 for a bit of 0, 0 for a bit of 1.
  const __m256i sign = _mm256_sub_epi32(_mm256_and_si256(shifted, one), one);
  const __m256i run = load(bit.run_inputs + first);
  const __m256i signed_run = _mm256_sub_epi32(_mm256_xor_si256(run, sign), sign);
  return {_mm256_andnot_si256(unseen, slot), _mm256_andnot_si256(none, known),
          _mm256_and_si256(agrees, signed_run)};
}

EQINFO_AVX2 void predict_avx2(MixerBit* bit) {
  const Inputs8 low = inputs8(*bit, 0);
  const Inputs8 high = inputs8(*bit, 8);
  const __m256i inputs[3] = {
      with_extra(narrow(low.slot, high.slot), bit->extra),
      with_extra(narrow(low.history, high.history), bit->extra + 4),
      narrow(low.run, high.run),
  };
  for (int i = 0; i < 3; ++i) store(bit->inputs + i * 16, inputs[i]);
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
  _mm_storeu_si128(reinterpret_cast<__m128i*>(bit->outputs), bounded);
}

// Updates eight contexts.
EQINFO_AVX2 inline void update8(MixerBit* bit, int first, uint32_t value) {
  const __m256i slots = load(bit->slots + first);
  const __m256i history = _mm256_and_si256(_mm256_srli_epi32(slots, 16), _mm256_set1_epi32(255));
  const __m256i index =
      _mm256_add_epi32(history, _mm256_setr_epi32(0, 256, 512, 768, 1024, 1280, 1536, 1792));
  Adaptive* const table = bit->histories + first * 256;
  const __m256i values = _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), index, 4);
  const __m256i counts = _mm256_and_si256(values, _mm256_set1_epi32(1023));
  const __m256i old = _mm256_srli_epi32(values, 10);
  const __m256i rates = _mm256_i32gather_epi32(kAdaptRates.values, counts, 4);
  const __m256i target = _mm256_set1_epi32(value != 0 ? 1 << 22 : 0);
  const __m256i change = _mm256_srai_epi32(
      _mm256_mullo_epi32(_mm256_srai_epi32(_mm256_sub_epi32(target, old), 3), rates), 9);
  const __m256i adapted =
      _mm256_min_epi32(_mm256_max_epi32(_mm256_add_epi32(old, change), _mm256_setzero_si256()),
                       _mm256_set1_epi32((1 << 22) - 1));
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i more = _mm256_min_epi32(_mm256_add_epi32(counts, one),
                                        _mm256_set1_epi32(static_cast<int>(kMaxAdaptCount)));
  alignas(32) uint32_t entries[8];
  alignas(32) uint32_t places[8];
  store(entries, _mm256_or_si256(_mm256_slli_epi32(adapted, 10), more));
  store(places, index);
  const int used = first == 0 ? 8 : static_cast<int>(kMixerContexts) - 8;
  for (int i = 0; i < used; ++i) table[places[i]] = entries[i];

  const __m256i next = _mm256_and_si256(
      _mm256_srl_epi32(
          _mm256_i32gather_epi32(reinterpret_cast<const int*>(kNextHistory), history, 2),
          _mm_cvtsi32_si128(static_cast<int>(8 * value))),
      _mm256_set1_epi32(255));
  const __m256i count = _mm256_srli_epi32(slots, 24);
  const __m256i probability = _mm256_srai_epi32(_mm256_slli_epi32(slots, 16), 16);
  const __m256i slot_rates = _mm256_i32gather_epi32(kSlotRates.values, count, 4);
  const __m256i error =
      _mm256_sub_epi32(_mm256_set1_epi32(value != 0 ? 32767 : -32768), probability);
  const __m256i moved =
      _mm256_add_epi32(probability, _mm256_srai_epi32(_mm256_mullo_epi32(error, slot_rates), 14));
  const __m256i counted =
      _mm256_min_epi32(_mm256_add_epi32(count, one), _mm256_set1_epi32(kMaxCount));
  store(bit->slots + first, _mm256_or_si256(_mm256_and_si256(moved, _mm256_set1_epi32(0xffff)),
                                            _mm256_or_si256(_mm256_slli_epi32(next, 16),
                                                            _mm256_slli_epi32(counted, 24))));
}

EQINFO_AVX2 void update_avx2(MixerBit* bit, uint32_t value) {
  const __m256i inputs[3] = {load(bit->inputs), load(bit->inputs + 16), load(bit->inputs + 32)};
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    int16_t* const weights = bit->weights[set];
    const __m256i step = _mm256_set1_epi16(static_cast<int16_t>(bit->steps[set]));
    for (int i = 0; i < 3; ++i) {
      const __m256i change = _mm256_mulhrs_epi16(inputs[i], step);
      store(weights + 16 * i, _mm256_adds_epi16(load(weights + 16 * i), change));
    }
  }
  update8(bit, 0, value);
  update8(bit, 8, value);
}

}  // namespace

const MixerKernels kAvx2Mixer = {predict_avx2, update_avx2};

}  // namespace eqinfo
#endif
