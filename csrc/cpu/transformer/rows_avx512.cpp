#if defined(__x86_64__)

#include "cpu/transformer/rows_avx512.h"

namespace eqinfo {
namespace {

EQINFO_VNNI_INLINE uint64_t greatest(__m512i values) {
  return static_cast<uint64_t>(_mm512_reduce_max_epi64(values));
}

EQINFO_VNNI_INLINE __m512i longer(__m512i largest, __m512i values) {
  return _mm512_max_epi64(largest, _mm512_abs_epi64(values));
}

// The largest magnitude of `count` values.
EQINFO_VNNI_INLINE uint64_t largest_value(const int32_t* values, uint32_t count) {
  __m512i largest = _mm512_setzero_si512();
  for (uint32_t i = 0; i < count; i += 16) {
    largest = _mm512_max_epi32(largest, _mm512_abs_epi32(_mm512_loadu_si512(values + i)));
  }
  return static_cast<uint64_t>(_mm512_reduce_max_epi32(largest));
}

EQINFO_VNNI_INLINE __m512i normed(const int32_t* x, const int16_t* weight) {
  return _mm512_mul_epi32(load_longs(x), load_longs(weight));
}

// silu_value of 8 values.
EQINFO_VNNI_INLINE __m512i silu_values(__m512i x) {
  constexpr uint32_t kStepBits = kValueBits - 5;
  const __m512i one = _mm512_set1_epi64(1 << kSigmoidBits);
  const __m512i last = _mm512_set1_epi64(kSigmoidSteps - 1);
  const __m512i size = _mm512_abs_epi64(x);
  const __m512i step = _mm512_srli_epi64(size, kStepBits);
  const __m512i rest = _mm512_and_si512(size, _mm512_set1_epi64((1 << kStepBits) - 1));
  // A number of the table and the next.
  const __m512i pair = _mm512_i64gather_epi64(_mm512_min_epi64(step, last), kSigmoid, 4);
  const __m512i here = _mm512_and_si512(pair, _mm512_set1_epi64(0xffffffff));
  const __m512i rise = _mm512_sub_epi64(_mm512_srli_epi64(pair, 32), here);
  __m512i sigmoid =
      _mm512_add_epi64(here, _mm512_srai_epi64(_mm512_mul_epi32(rise, rest), kStepBits));
  sigmoid = _mm512_mask_mov_epi64(sigmoid, _mm512_cmpgt_epi64_mask(step, last), one);
  sigmoid = _mm512_mask_sub_epi64(sigmoid, _mm512_movepi64_mask(x), one, sigmoid);
  const __m512i half = _mm512_set1_epi64(1 << (kSigmoidBits - 1));
  return _mm512_srai_epi64(_mm512_add_epi64(_mm512_mul_epi32(x, sigmoid), half), kSigmoidBits);
}

}  // namespace

EQINFO_VNNI RowScale norm_row_vnni(const int32_t* x, const int16_t* weight, uint32_t width,
                                   int64_t epsilon, int32_t levels, int16_t* row) {
  __m512i largest = _mm512_setzero_si512();
  for (uint32_t i = 0; i < width; i += 8) largest = longer(largest, normed(x + i, weight + i));
  const Quantiser quantiser = make_quantiser(greatest(largest), levels);
  const LongQuantiser quantise(quantiser);
  const uint32_t bits = norm_bits(largest_value(x, width));
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(30 - bits));
  __m512i squares = _mm512_setzero_si512();
  for (uint32_t i = 0; i < width; i += 8) {
    store_shorts(quantise(normed(x + i, weight + i)), row + i);
    const __m512i scaled = _mm512_srai_epi64(_mm512_sll_epi64(load_longs(x + i), shift), 7);
    squares = _mm512_add_epi64(squares, _mm512_mul_epi32(scaled, scaled));
  }
  const uint64_t sum = static_cast<uint64_t>(_mm512_reduce_add_epi64(squares));
  return norm_scale(quantiser, bits, sum, epsilon);
}

EQINFO_VNNI Quantiser quantise_values_vnni(const int32_t* values, uint32_t count, int32_t levels,
                                           int16_t* row) {
  const Quantiser quantiser = make_quantiser(largest_value(values, count), levels);
  const LongQuantiser quantise(quantiser);
  for (uint32_t i = 0; i < count; i += 8) store_shorts(quantise(load_longs(values + i)), row + i);
  return quantiser;
}

EQINFO_VNNI Quantiser gated_row_vnni(int32_t* gate, const int32_t* up, uint32_t units,
                                     int32_t levels, int16_t* row) {
  __m512i largest = _mm512_setzero_si512();
  for (uint32_t i = 0; i < units; i += 8) {
    const __m512i silu = silu_values(load_longs(gate + i));
    store_ints(silu, gate + i);
    largest = longer(largest, _mm512_mul_epi32(silu, load_longs(up + i)));
  }
  const Quantiser quantiser = make_quantiser(greatest(largest), levels);
  const LongQuantiser quantise(quantiser);
  for (uint32_t i = 0; i < units; i += 8) {
    const __m512i value = _mm512_mul_epi32(load_longs(gate + i), load_longs(up + i));
    store_shorts(quantise(value), row + i);
  }
  return quantiser;
}

EQINFO_VNNI void rotate_head_vnni(const Transformer& model, uint32_t position, int32_t* head) {
  const uint32_t half = model.sizes.head_width / 2;
  const size_t row = static_cast<size_t>(position) * half;
  const __m512i shift = _mm512_set1_epi64(kRotationBits);
  for (uint32_t i = 0; i < half; i += 8) {
    const __m512i cosine = load_longs(model.cosine + row + i);
    const __m512i sine = load_longs(model.sine + row + i);
    const __m512i a = load_longs(head + i);
    const __m512i b = load_longs(head + half + i);
    const __m512i first = _mm512_sub_epi64(_mm512_mul_epi32(a, cosine), _mm512_mul_epi32(b, sine));
    const __m512i second = _mm512_add_epi64(_mm512_mul_epi32(b, cosine), _mm512_mul_epi32(a, sine));
    store_ints(limit_values(shift_rounded(first, shift)), head + i);
    store_ints(limit_values(shift_rounded(second, shift)), head + half + i);
  }
}

EQINFO_VNNI uint16_t store_head_vnni(const int32_t* head, uint32_t width, int8_t* stored) {
  const uint16_t packed = pack_largest(static_cast<uint32_t>(largest_value(head, width)));
  const LongQuantiser quantise(make_quantiser(unpack_largest(packed), kByteLevels));
  for (uint32_t i = 0; i < width; i += 8) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(stored + i),
                     _mm512_cvtepi64_epi8(quantise(load_longs(head + i))));
  }
  return packed;
}

EQINFO_VNNI void add_row_vnni(const int32_t* change, uint32_t width, int32_t* x) {
  const __m512i limit = _mm512_set1_epi32(kValueLimit);
  const __m512i least = _mm512_set1_epi32(-kValueLimit);
  for (uint32_t i = 0; i < width; i += 16) {
    // Two values within 2^30 sum to less than 2^31.
    const __m512i sum = _mm512_add_epi32(_mm512_loadu_si512(x + i), _mm512_loadu_si512(change + i));
    _mm512_storeu_si512(x + i, _mm512_max_epi32(_mm512_min_epi32(sum, limit), least));
  }
}

}  // namespace eqinfo

#endif
