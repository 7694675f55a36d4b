// The kernels of the mixer with all contexts at a time.
#include "cpu/mixer/byte_mixer.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#define EQINFO_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni")))

namespace eqinfo {
namespace {

static_assert(kMixerContexts == 12, "three quarters of a register");
constexpr __mmask16 kContexts = (1 << kMixerContexts) - 1;

EQINFO_AVX512 inline __m512i load(const void* at) { return _mm512_loadu_si512(at); }
EQINFO_AVX512 inline void store(void* at, __m512i value) { _mm512_storeu_si512(at, value); }
EQINFO_AVX512 inline __m256i load8(const void* at) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}
EQINFO_AVX512 inline void store8(void* at, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(at), value);
}
EQINFO_AVX512 inline __m128i load4(const void* at) {
  return _mm_loadu_si128(static_cast<const __m128i*>(at));
}
EQINFO_AVX512 inline void store4(void* at, __m128i value) {
  _mm_storeu_si128(static_cast<__m128i*>(at), value);
}
EQINFO_AVX512 inline __m512i all(int value) { return _mm512_set1_epi32(value); }

// 32 bits from a place of each context: an entry of 16 bits and the one after it. Eight and four
// take less time than sixteen.
EQINFO_AVX512 inline __m512i gather16(const int16_t* table, __m512i places) {
  const int* const base = reinterpret_cast<const int*>(table);
  const __m256i low = _mm256_i32gather_epi32(base, _mm512_castsi512_si256(places), 2);
  const __m128i high = _mm_i32gather_epi32(base, _mm512_extracti32x4_epi32(places, 2), 2);
  return _mm512_inserti32x4(_mm512_zextsi256_si512(low), high, 2);
}

// The same with loads, from places that lie in memory, too.
EQINFO_AVX512 inline __m128i four_values(const Adaptive* values, const uint32_t* places) {
  return _mm_setr_epi32(static_cast<int>(values[places[0]]), static_cast<int>(values[places[1]]),
                        static_cast<int>(values[places[2]]), static_cast<int>(values[places[3]]));
}

// Tables in registers: the weight of a slot's input by its count, and its rate.
struct alignas(64) CountTables {
  constexpr CountTables() {
    for (int32_t i = 0; i <= kMaxCount; ++i) {
      confidence[i] = static_cast<int16_t>(i == 0 ? 0 : i < 16 ? 80 + 11 * i : 256);
      rate[i] = static_cast<int16_t>(kSlotRates.values[i]);
    }
  }
  int16_t confidence[32] = {};
  int16_t rate[32] = {};
};
constexpr CountTables kCountTables;

// kNextHistory of a bit of 0 and of a bit of 1.
struct alignas(64) NextHistories {
  constexpr NextHistories() {
    for (uint32_t i = 0; i < 256; ++i) {
      values[0][i] = static_cast<uint8_t>(kNextHistory[i]);
      values[1][i] = static_cast<uint8_t>(kNextHistory[i] >> 8);
    }
  }
  uint8_t values[2][256] = {};
};
constexpr NextHistories kNextHistories;

// An entry of 16 bits for each count, in 32 bits.
EQINFO_AVX512 inline __m512i by_count(const int16_t* table, __m512i counts) {
  return _mm512_maskz_permutexvar_epi16(0x55555555, counts, load(table));
}

EQINFO_AVX512 inline __m512i hashes(__m512i values) {
  const __m512i first = _mm512_set1_epi64(static_cast<int64_t>(0x9E3779B97F4A7C15u));
  const __m512i second = _mm512_set1_epi64(static_cast<int64_t>(0xBF58476D1CE4E5B9u));
  values = _mm512_mullo_epi64(values, first);
  values = _mm512_xor_si512(values, _mm512_srli_epi64(values, 29));
  values = _mm512_mullo_epi64(values, second);
  return _mm512_xor_si512(values, _mm512_srli_epi64(values, 32));
}

EQINFO_AVX512 void expect_avx512(const uint64_t* values, uint64_t more, const MixerBit& bit,
                                 Expected* expected) {
  const __m128i down = _mm_cvtsi32_si128(static_cast<int>(64 - bit.bucket_bits));
  const __m128i up = _mm_cvtsi32_si128(static_cast<int>(bit.bucket_bits + 6));
  const __m512i tables = _mm512_set1_epi64(reinterpret_cast<int64_t>(bit.tables));
  const __m512i offset = _mm512_set1_epi64(static_cast<int64_t>(more));
  const __m512i steps = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
#pragma GCC unroll 2
  for (uint32_t i = 0; i < kGroup; i += 8) {
    const __m512i keys = hashes(_mm512_add_epi64(load(values + i), offset));
    const __m512i contexts = _mm512_add_epi64(steps, _mm512_set1_epi64(static_cast<int64_t>(i)));
    const __m512i begin = _mm512_add_epi64(tables, _mm512_sll_epi64(contexts, up));
    const __m512i place = _mm512_slli_epi64(_mm512_srl_epi64(keys, down), 6);
    store(expected->keys + i, keys);
    store(expected->places[0] + i, _mm512_add_epi64(begin, place));
    store(expected->places[1] + i,
          _mm512_add_epi64(begin, _mm512_xor_si512(place, _mm512_set1_epi64(sizeof(Bucket)))));
    store8(expected->checks + i,
           _mm512_cvtepi64_epi32(_mm512_and_si512(_mm512_or_si512(keys, _mm512_set1_epi64(1)),
                                                  _mm512_set1_epi64(0xffff))));
  }
#pragma GCC unroll 12
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    __builtin_prefetch(expected->places[0][i]);
    __builtin_prefetch(expected->places[1][i]);
  }
}

// half[4 j + g] has of contexts 4 g to 4 g + 3 the numbers j, j + 4, j + 8 and j + 12 of their
// buckets, four contexts after four contexts.
EQINFO_AVX512 inline void read_group(Bucket* const* buckets, uint32_t group, MixerBit* bit) {
  Bucket* const* const four = buckets + 4 * group;
  const __m512i a = load(four[0]);
  const __m512i b = load(four[1]);
  const __m512i c = load(four[2]);
  const __m512i d = load(four[3]);
  const __m512i ab = _mm512_unpacklo_epi32(a, b);
  const __m512i cd = _mm512_unpacklo_epi32(c, d);
  const __m512i ab_high = _mm512_unpackhi_epi32(a, b);
  const __m512i cd_high = _mm512_unpackhi_epi32(c, d);
  store(bit->half[group], _mm512_unpacklo_epi64(ab, cd));
  store(bit->half[4 + group], _mm512_unpackhi_epi64(ab, cd));
  store(bit->half[8 + group], _mm512_unpacklo_epi64(ab_high, cd_high));
  store(bit->half[12 + group], _mm512_unpackhi_epi64(ab_high, cd_high));
}

// Number `number` of the buckets of all contexts; 0 of those that are fresh.
EQINFO_AVX512 inline __m512i read_number(const MixerBit* bit, uint32_t number, uint32_t fresh) {
  const Slot(*const rows)[kGroup] = bit->half + 4 * (number % 4);
  const uint32_t at = number / 4 * 4;
  const __m512i low = _mm512_zextsi256_si512(
      _mm256_inserti128_si256(_mm256_castsi128_si256(load4(rows[0] + at)), load4(rows[1] + at), 1));
  return _mm512_maskz_inserti32x4(static_cast<__mmask16>(~fresh), low, load4(rows[2] + at), 2);
}

EQINFO_AVX512 inline uint64_t first_eight(const Bucket* bucket) {
  uint64_t head;
  std::memcpy(&head, bucket, sizeof head);
  return head;
}

// Reads the histories and computes the inputs of `slots`, but for what belongs to no context.
// `before` and `entries` are the places of the bit before and what will lie there, which may not be
// in memory yet.
EQINFO_AVX512 inline void read_contexts(__m512i slots, __m512i before, __m512i entries,
                                        MixerBit* bit) {
  const __m512i history = _mm512_and_si512(_mm512_srli_epi32(slots, 16), all(255));
  const __m512i contexts = _mm512_setr_epi32(0, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304,
                                             2560, 2816, 0, 0, 0, 0);
  const __m512i places = _mm512_or_si512(history, contexts);
  store(bit->slots, slots);
  store(bit->history_places, places);
  // Loads take less time here than a gather, if the compiler does not take the places apart.
  __asm__ volatile("" ::: "memory");
  const uint32_t* const at = bit->history_places;
  const __m512i found =
      _mm512_inserti32x4(_mm512_zextsi256_si512(_mm256_set_m128i(
                             four_values(bit->histories, at + 4), four_values(bit->histories, at))),
                         four_values(bit->histories, at + 8), 2);
  const __m512i values =
      _mm512_mask_mov_epi32(found, _mm512_cmpeq_epi32_mask(places, before), entries);
  store(bit->history_values, values);
  // A probability plus one half, divided by 16.
  const __m512i probability =
      _mm512_srli_epi32(_mm512_slli_epi32(_mm512_xor_si512(slots, all(0x8000)), 16), 20);
  const __m512i count = _mm512_srli_epi32(slots, 24);
  const __mmask16 seen = _mm512_mask_test_epi32_mask(kContexts, count, count);
  bit->known = static_cast<uint32_t>(__builtin_popcount(seen));
  // Of the 32 bits, the upper half is not used: the confidence there is 0.
  const __m512i slot = _mm512_srai_epi32(
      _mm512_madd_epi16(gather16(kStretch, probability), by_count(kCountTables.confidence, count)),
      8);
  const __m512i known = gather16(kStretch, _mm512_srli_epi32(values, 20));
  store8(bit->inputs, _mm512_cvtepi32_epi16(slot));
  store8(bit->inputs + kGroup,
         _mm512_maskz_cvtepi32_epi16(_mm512_test_epi32_mask(history, history), known));
}

EQINFO_AVX512 void select_avx512(MixerBit* bit) {
  const Expected& expected = *bit->expected;
  Bucket** const buckets = bit->buckets[half_of(*bit)];
  for (uint32_t group = 0; group < kMixerContexts / 4; ++group) {
    read_group(expected.places[0], group, bit);
  }
  store(buckets, load(expected.places[0]));
  store(buckets + 8, load(expected.places[0] + 8));
  __m512i heads = read_number(bit, 0, 0);
  const uint32_t others = _mm512_mask_cmpneq_epi32_mask(
      kContexts, _mm512_and_si512(heads, all(0xffff)), load(expected.checks));
  uint32_t fresh = 0;
  uint32_t moved = 0;
  // Without branches that depend on memory, so that all misses of the cache are at the same time.
  for (uint32_t rest = others; rest != 0; rest &= rest - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(rest));
    Bucket* const own = expected.places[0][i];
    Bucket* const other = expected.places[1][i];
    const uint32_t check = expected.checks[i];
    const uint64_t own_head = first_eight(own);
    const uint64_t other_head = first_eight(other);
    const bool found = (other_head & 0xffff) == check;
    // The counts of the first slots are the highest bytes.
    const bool weaker = ((own_head & 0xffff) != 0) & (other_head >> 56 < own_head >> 56);
    Bucket* const chosen = found | weaker ? other : own;
    const __mmask16 kept = static_cast<__mmask16>(-static_cast<int>(found));
    store(chosen,
          _mm512_mask_loadu_epi32(
              _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(check))), kept, other));
    buckets[i] = chosen;
    fresh |= (found ? 0u : 1u) << i;
    moved |= (found ? 1u : 0u) << i;
    // The first half's bucket may be the one that begins anew.
    bit->heads[i] &= chosen == bit->buckets[0][i] && !found ? 0xffff : 0xffffffff;
  }
  bit->fresh = fresh;
  if (moved != 0) {
    for (uint32_t group = 0; group < kMixerContexts / 4; ++group) {
      if ((moved >> 4 * group & 15) != 0) read_group(buckets, group, bit);
    }
    heads = read_number(bit, 0, 0);
  }
  read_contexts(read_number(bit, 1, fresh), all(-1), all(0), bit);
  if (bit->shift != 7) return;
  heads = _mm512_maskz_mov_epi32(static_cast<__mmask16>(kContexts & ~fresh), heads);
  store(bit->heads, heads);
  const __m512i count = _mm512_srli_epi32(heads, 24);
  const __mmask16 seen = _mm512_test_epi32_mask(count, count);
  const __m512i byte = _mm512_and_si512(_mm512_srli_epi32(heads, 16), all(255));
  _mm512_mask_storeu_epi32(bit->run_bytes, kContexts, _mm512_maskz_or_epi32(seen, byte, all(256)));
  _mm512_mask_storeu_epi32(
      bit->run_inputs, kContexts,
      _mm512_maskz_min_epi32(seen, all(kMaxInput),
                             _mm512_add_epi32(all(256), _mm512_slli_epi32(count, 6))));
}

EQINFO_AVX512 void append_avx512(MixerBit* bit, uint8_t byte) {
  const __m512i heads = load(bit->heads);
  const __m512i last = _mm512_and_si512(_mm512_srli_epi32(heads, 16), all(255));
  const __mmask16 same = _mm512_cmpeq_epi32_mask(last, all(byte));
  const __m512i count = _mm512_add_epi32(_mm512_maskz_srli_epi32(same, heads, 24), all(1));
  const __m512i bounded = _mm512_slli_epi32(_mm512_min_epi32(count, all(255)), 8);
  alignas(64) uint32_t runs[kGroup];
  store(runs, _mm512_or_si512(bounded, all(byte)));
#pragma GCC unroll 12
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    const uint16_t run = static_cast<uint16_t>(runs[i]);
    std::memcpy(&bit->buckets[0][i]->run_byte, &run, sizeof run);
  }
}

// The same for the slots of half a byte that have changed: their numbers in a bucket are the node
// and the nodes before it in this half.
EQINFO_AVX512 inline void write_half(MixerBit* bit, uint32_t node) {
  const __m512i a = load(bit->path[0]);
  const __m512i b = load(bit->path[1]);
  const __m512i c = load(bit->path[2]);
  const __m512i d = load(bit->path[3]);
  const __m512i ab = _mm512_unpacklo_epi32(a, b);
  const __m512i cd = _mm512_unpacklo_epi32(c, d);
  const __m512i ab_high = _mm512_unpackhi_epi32(a, b);
  const __m512i cd_high = _mm512_unpackhi_epi32(c, d);
  const __m512i fours[4] = {_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd),
                            _mm512_unpacklo_epi64(ab_high, cd_high),
                            _mm512_unpackhi_epi64(ab_high, cd_high)};
  const __mmask16 changed =
      static_cast<__mmask16>(1u << node | 1u << (node >> 1) | 1u << (node >> 2) | 2u);
  Bucket* const* const buckets = bit->buckets[half_of(*bit)];
  const __m512i depth = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
#pragma GCC unroll 12
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    const __m512i from = _mm512_add_epi32(depth, all(static_cast<int>(i / 4 * 4)));
    _mm512_mask_storeu_epi32(buckets[i], changed, _mm512_permutexvar_epi32(from, fours[i % 4]));
  }
}

EQINFO_AVX512 inline __m256i with_extra(__m256i inputs, const int16_t* extra) {
  long long four;
  std::memcpy(&four, extra, sizeof four);
  return _mm256_mask_set1_epi64(inputs, 8, four);
}

// `squash` of an output, which is 32 bits.
inline int squash_entry(uint64_t output) {
  return kSquash[static_cast<int32_t>(output) + kMaxOutput + 1];
}

EQINFO_AVX512 int32_t predict_avx512(MixerBit* bit) {
  const __m512i shifted =
      _mm512_srl_epi32(load(bit->run_bytes), _mm_cvtsi32_si128(static_cast<int>(bit->shift)));
  const __mmask16 agrees =
      _mm512_cmpeq_epi32_mask(_mm512_srli_epi32(shifted, 1), all(static_cast<int>(bit->node)));
  const __mmask16 zero = _mm512_testn_epi32_mask(shifted, all(1));
  const __m512i run = load(bit->run_inputs);
  const __m512i signed_run = _mm512_mask_sub_epi32(run, zero, _mm512_setzero_si512(), run);

  // The last four are those of the matches.
  const __m256i runs = _mm512_maskz_cvtepi32_epi16(agrees, signed_run);
  const __m256i inputs[3] = {
      with_extra(load8(bit->inputs), bit->extra),
      _mm256_blend_epi32(load8(bit->inputs + kGroup), runs, 0xc0),
      _mm256_blend_epi32(runs, _mm256_setzero_si256(), 0xc0),
  };
  for (int i = 0; i < 3; ++i) store8(bit->inputs + i * 16, inputs[i]);
  bit->weights[kKnownSet] += known_row(bit->known) * kMixerInputs;
  __m256i sums[kMixerSets];
#pragma GCC unroll 4
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    const int16_t* const weights = bit->weights[set];
    // The runs and the slots are known before the histories.
    __m256i sum = _mm256_madd_epi16(inputs[2], load8(weights + 32));
    sum = _mm256_dpwssd_epi32(sum, inputs[0], load8(weights));
    sums[set] = _mm256_dpwssd_epi32(sum, inputs[1], load8(weights + 16));
  }
  const __m256i four =
      _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  const __m128i sum = _mm_srai_epi32(
      _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1)), kWeightBits);
  const __m128i outputs =
      _mm_max_epi32(_mm_min_epi32(sum, _mm_set1_epi32(kMaxOutput)), _mm_set1_epi32(-kMaxOutput));
  store4(bit->outputs, outputs);
  __m128i mixed = _mm_mullo_epi32(outputs, load4(bit->set_weights));
  mixed = _mm_add_epi32(mixed, _mm_shuffle_epi32(mixed, 0x4e));
  mixed = _mm_add_epi32(mixed, _mm_shuffle_epi32(mixed, 0xb1));
  const int32_t output = all_sets_output(static_cast<uint32_t>(_mm_cvtsi128_si32(mixed)));
  const uint64_t low = static_cast<uint64_t>(_mm_cvtsi128_si64(outputs));
  const uint64_t high = static_cast<uint64_t>(_mm_extract_epi64(outputs, 1));
  store4(bit->squashed, _mm_setr_epi32(squash_entry(low), squash_entry(low >> 32),
                                       squash_entry(high), squash_entry(high >> 32)));
  return output;
}

EQINFO_AVX512 inline void update_weights(MixerBit* bit, const __m256i* inputs, uint32_t value) {
  const __m128i target = _mm_set1_epi32(value != 0 ? 1 << 16 : 0);
  __m128i steps = _mm_srai_epi32(
      _mm_mullo_epi32(_mm_sub_epi32(target, load4(bit->squashed)), _mm_set1_epi32(bit->rate)), 8);
  steps = _mm_max_epi32(_mm_min_epi32(steps, _mm_set1_epi32(32767)), _mm_set1_epi32(-32767));
  const __m128i error = _mm_srai_epi32(_mm_sub_epi32(target, _mm_set1_epi32(bit->mixed)), 1);
  const __m128i changes = _mm_srai_epi32(
      _mm_add_epi32(_mm_mullo_epi32(load4(bit->outputs), error), _mm_set1_epi32(1 << 15)), 16);
  const __m128i moved = _mm_add_epi32(load4(bit->set_weights), changes);
  store4(bit->set_weights, _mm_max_epi32(_mm_min_epi32(moved, _mm_set1_epi32(kMaxSetWeight)),
                                         _mm_set1_epi32(-kMaxSetWeight)));
  const __m256i wide = _mm256_castsi128_si256(steps);
#pragma GCC unroll 4
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    int16_t* const weights = bit->weights[set];
    const __m256i step =
        _mm256_permutexvar_epi16(_mm256_set1_epi16(static_cast<int16_t>(2 * set)), wide);
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) {
      const __m256i change = _mm256_mulhrs_epi16(inputs[i], step);
      store8(weights + 16 * i, _mm256_adds_epi16(load8(weights + 16 * i), change));
    }
  }
}

// `adapt` of the values of histories.
EQINFO_AVX512 inline __m512i adapted(__m512i values, uint32_t value) {
  const __m512i counts = _mm512_and_si512(values, all(1023));
  const __m512i old = _mm512_srli_epi32(values, 10);
  // n / d, rounded down, for n = 2^13 and d = 2 count + 3: kAdaptRates. It is exact: a quotient
  // that is no integer is at least 1 / d away from one, and rounding to a float moves it by at most
  // 2^-24 n / d.
  const __m512 divisors =
      _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_add_epi32(counts, counts), all(3)));
  const __m512i rates =
      _mm512_cvttps_epi32(_mm512_div_ps(_mm512_set1_ps(static_cast<float>(1 << 13)), divisors));
  const __m512i error = _mm512_srai_epi32(_mm512_sub_epi32(all(value != 0 ? 1 << 22 : 0), old), 3);
  const __m512i moved =
      _mm512_add_epi32(old, _mm512_srai_epi32(_mm512_mullo_epi32(error, rates), 9));
  const __m512i bounded =
      _mm512_min_epi32(_mm512_max_epi32(moved, _mm512_setzero_si512()), all((1 << 22) - 1));
  const __m512i more =
      _mm512_min_epi32(_mm512_add_epi32(counts, all(1)), all(static_cast<int>(kMaxAdaptCount)));
  return _mm512_or_si512(_mm512_slli_epi32(bounded, 10), more);
}

EQINFO_AVX512 inline __m512i updated_slots(__m512i slots, uint32_t value) {
  // Of each byte; only those of histories count.
  const uint8_t* const next = kNextHistories.values[value];
  const __m512i low = _mm512_permutex2var_epi8(load(next), slots, load(next + 64));
  const __m512i high = _mm512_permutex2var_epi8(load(next + 128), slots, load(next + 192));
  const __m512i history = _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(slots), high);
  const __m512i count = _mm512_srli_epi32(slots, 24);
  const __m512i probability = _mm512_srai_epi32(_mm512_slli_epi32(slots, 16), 16);
  const __m512i error = _mm512_sub_epi32(all(value != 0 ? 32767 : -32768), probability);
  const __m512i moved = _mm512_add_epi32(
      probability,
      _mm512_srai_epi32(_mm512_mullo_epi32(error, by_count(kCountTables.rate, count)), 14));
  const __m512i counted =
      _mm512_slli_epi32(_mm512_min_epi32(_mm512_add_epi32(count, all(1)), all(kMaxCount)), 24);
  // The lower half from `moved`, the third byte from `history`, the fourth from `counted`.
  const __m512i upper = _mm512_mask_mov_epi8(counted, 0x4444444444444444, history);
  return _mm512_mask_mov_epi16(upper, 0x55555555, moved);
}

// Begins with what the next bit needs first.
EQINFO_AVX512 void update_avx512(MixerBit* bit, uint32_t value) {
  const uint32_t left = bit->shift % 4;
  const uint32_t number = bit->slot + 1;
  const __m256i inputs[3] = {load8(bit->inputs), load8(bit->inputs + 16), load8(bit->inputs + 32)};
  const __m512i slots = load(bit->slots);
  const __m512i places = load(bit->history_places);
  const __m512i entries = adapted(load(bit->history_values), value);
  if (left != 0) {
    read_contexts(read_number(bit, 2 * number + value, bit->fresh), places, entries, bit);
  }
  update_weights(bit, inputs, value);
  _mm512_mask_i32scatter_epi32(bit->histories, kContexts, places, entries, 4);
  store(bit->path[3 - left], updated_slots(slots, value));
  if (left == 0) write_half(bit, number);
}

}  // namespace

const MixerKernels kAvx512Mixer = {expect_avx512, select_avx512, predict_avx512, update_avx512,
                                   append_avx512};

}  // namespace eqinfo
#endif
