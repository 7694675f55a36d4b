// Transformer stage: a causal language model of Llama's kind, in integers only. docs/transformer.md
// defines it and shows that no sum below overflows. This is the portable form; the loops in
// cpu/transformer/ must equal it.
//
// A number is an integer and a unit. Values between layers are in units of 2^-16, the residual
// stream in a unit of the file's own. Before every product of matrices, a row is quantised to
// `levels` steps each way, and its unit becomes a mantissa of 31 bits and an exponent (RowScale).
#pragma once

#include "frequency.h"
#include "tables/sigmoid_table.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

constexpr uint32_t kTransformerVersion = 1;
constexpr int32_t kWeightLevels = 127;
constexpr int32_t kByteLevels = 127;        // quantised to 8 bits
constexpr int32_t kWideLevels = 127 * 128;  // quantised to 15 bits
constexpr int32_t kValueLimit = (1 << 30) - 1;
constexpr uint32_t kValueBits = 16;
constexpr uint32_t kRotationBits = 14;
// The limits of a model file. Widths are multiples of kWidthStep.
constexpr uint32_t kWidthStep = 16;
constexpr uint32_t kMaxWidth = 1 << 14;
constexpr uint32_t kMaxInputs = 1 << 15;
constexpr uint32_t kMaxHeadWidth = 256;
constexpr uint32_t kMaxLayers = 256;
constexpr uint32_t kMaxPositions = 1 << 16;
constexpr uint32_t kMaxScale = 0x7fffffff;
constexpr int32_t kMaxExponent = 256;
constexpr int64_t kMaxEpsilon = int64_t{1} << 60;

// out[o] = round(scale[o] 2^-exponent times the sum of weight[o][i] input[i]) + bias[o].
struct Matrix {
  const int8_t* weight;   // (outputs, inputs), -127 to 127
  const uint32_t* scale;  // (outputs,), at most kMaxScale
  const int32_t* bias;    // (outputs,), within kValueLimit; null for none
  int32_t exponent;
  uint32_t inputs;
  uint32_t outputs;
};

struct TransformerLayer {
  const int16_t* attention_norm;  // (width,)
  const int16_t* units_norm;      // (width,)
  Matrix query;                   // width to heads * head_width
  Matrix key;                     // width to key_heads * head_width
  Matrix value;                   // width to key_heads * head_width
  Matrix attention;               // heads * head_width to width
  Matrix gate;                    // width to units
  Matrix up;                      // width to units
  Matrix down;                    // units to width
};

struct TransformerSizes {
  uint32_t alphabet;
  uint32_t width;  // of the residual stream
  uint32_t units;  // of a feed-forward layer
  uint32_t heads;
  uint32_t key_heads;  // a divisor of `heads`
  uint32_t head_width;
  uint32_t layers;
  uint32_t positions;   // the longest context
  int32_t levels;       // of the rows that matrices take: kByteLevels or kWideLevels
  int32_t down_levels;  // the same for `down`
  int32_t head_levels;  // the same for the head
};

struct Transformer {
  TransformerSizes sizes;
  int64_t epsilon;       // of the norms: 2^14 width epsilon, in squared residual units
  uint32_t score_scale;  // 1024ths of an octave per product of a query and a key, 31 bits
  int32_t score_exponent;
  const int16_t* cosine;  // (positions, head_width / 2), in units of 2^-kRotationBits
  const int16_t* sine;    // the same
  Matrix embedding;       // width rows are looked up, not multiplied
  const TransformerLayer* layers;
  const int16_t* norm;  // (width,)
  Matrix head;          // width to alphabet
};

// A quantised row stands for its values times mantissa 2^-exponent, in a unit that the matrix
// knows.
struct RowScale {
  uint32_t mantissa;  // below 2^31; 0 for a row of zeros
  int32_t exponent;
};

EQINFO_HD int32_t limit_value(int64_t value) {
  if (value < -kValueLimit) return -kValueLimit;
  return value > kValueLimit ? kValueLimit : static_cast<int32_t>(value);
}

// value 2^-shift, rounded half up; for |value| <= 2^62 and any shift, of which 0 to 62 count.
EQINFO_HD int64_t shift_rounded(int64_t value, int32_t shift) {
  shift = shift < 0 ? 0 : shift > 62 ? 62 : shift;
  return (value + (int64_t{1} << shift >> 1)) >> shift;
}

EQINFO_HD uint64_t magnitude(int64_t value) {
  return static_cast<uint64_t>(value < 0 ? -value : value);
}

// How values of at most `largest` become at most `levels` steps.
struct Quantiser {
  uint32_t mantissa;    // of `largest`, 2^30 to 2^31 - 1; 0 if that is 0
  uint32_t width;       // of `largest`, in bits; 31 if that is 0
  uint32_t reciprocal;  // floor(levels 2^47 / mantissa), below 2^31
};

EQINFO_HD Quantiser make_quantiser(uint64_t largest, int32_t levels) {
  if (largest == 0) return {0, 31, 0};
  const uint32_t width = bit_width(largest);
  const uint64_t mantissa = width <= 31 ? largest << (31 - width) : largest >> (width - 31);
  const uint64_t reciprocal = (static_cast<uint64_t>(levels) << 47) / mantissa;
  return {static_cast<uint32_t>(mantissa), width, static_cast<uint32_t>(reciprocal)};
}

EQINFO_HD int32_t quantise_value(int64_t value, const Quantiser& quantiser) {
  const int64_t scaled = quantiser.width <= 31 ? value * (int64_t{1} << (31 - quantiser.width))
                                               : value >> (quantiser.width - 31);
  return static_cast<int32_t>((scaled * quantiser.reciprocal + (int64_t{1} << 46)) >> 47);
}

// Quantises value(0), ..., value(count - 1), which are within 2^62, to `row`.
EQINFO_EITHER_SIDE
template <typename Value>
EQINFO_HD Quantiser quantise_row(uint32_t count, int32_t levels, Value value, int16_t* row) {
  uint64_t largest = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t next = magnitude(value(i));
    largest = next > largest ? next : largest;
  }
  const Quantiser quantiser = make_quantiser(largest, levels);
  for (uint32_t i = 0; i < count; ++i) {
    row[i] = static_cast<int16_t>(quantise_value(value(i), quantiser));
  }
  return quantiser;
}

EQINFO_HD RowScale plain_scale(const Quantiser& quantiser) {
  return {quantiser.mantissa, 31 - static_cast<int32_t>(quantiser.width)};
}

// floor(sqrt(square)), for square < 2^62.
EQINFO_HD uint32_t integer_root(uint64_t square) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 30; bit != 0; bit >>= 1) {
    const uint64_t next = root | bit;
    if (next * next <= square) root = next;
  }
  return static_cast<uint32_t>(root);
}

// The bits of the largest magnitude of x, as a norm counts them: 16 to 30.
EQINFO_HD uint32_t norm_bits(uint64_t largest) {
  const uint32_t bits = bit_width(largest);
  return bits < 16 ? 16 : bits;  // below 2^15, no precision is gained
}

EQINFO_HD uint64_t norm_square(int32_t x, uint32_t bits) {
  const int64_t scaled = x * (int64_t{1} << (30 - bits)) >> 7;
  return static_cast<uint64_t>(scaled * scaled);
}

// The scale of a row that was quantised from x[i] times weight i of a norm: divided by the root of
// the sum of all x[i]^2, of which `squares` is that of norm_square.
EQINFO_HD RowScale norm_scale(const Quantiser& quantiser, uint32_t bits, uint64_t squares,
                              int64_t epsilon) {
  const uint64_t sum = (static_cast<uint64_t>(epsilon) >> (2 * (bits - 16))) + squares;
  if (sum == 0) return {0, 0};
  const uint32_t half = (62 - bit_width(sum)) / 2;
  const uint32_t root = integer_root(sum << (2 * half));  // 2^30 to 2^31 - 1
  const uint64_t mantissa = (static_cast<uint64_t>(quantiser.mantissa) << 30) / root;
  return {static_cast<uint32_t>(mantissa), 38 - static_cast<int32_t>(quantiser.width) -
                                               static_cast<int32_t>(half) +
                                               static_cast<int32_t>(bits)};
}

EQINFO_HD RowScale norm_row(const int32_t* x, const int16_t* weight, uint32_t width,
                            int64_t epsilon, int32_t levels, int16_t* row) {
  const Quantiser quantiser =
      quantise_row(width, levels, [=](uint32_t i) { return int64_t{x[i]} * weight[i]; }, row);
  uint64_t largest = 0;
  for (uint32_t i = 0; i < width; ++i) {
    const uint64_t next = magnitude(x[i]);
    largest = next > largest ? next : largest;
  }
  const uint32_t bits = norm_bits(largest);
  uint64_t squares = 0;
  for (uint32_t i = 0; i < width; ++i) squares += norm_square(x[i], bits);
  return norm_scale(quantiser, bits, squares, epsilon);
}

// What a sum of products becomes; |sum| < 2^36.
EQINFO_HD int32_t matrix_output(const Matrix& matrix, uint32_t output, int64_t sum,
                                const RowScale& scale) {
  const uint64_t factor =
      static_cast<uint64_t>(scale.mantissa) * matrix.scale[output] >> 38;  // below 2^24
  const int32_t shift = scale.exponent + matrix.exponent - 38;
  const int64_t value = shift_rounded(sum * static_cast<int64_t>(factor), shift);
  return limit_value(value + (matrix.bias == nullptr ? 0 : matrix.bias[output]));
}

EQINFO_HD void matrix_row(const Matrix& matrix, const int16_t* row, const RowScale& scale,
                          int32_t* outputs) {
  for (uint32_t o = 0; o < matrix.outputs; ++o) {
    const int8_t* weight = matrix.weight + static_cast<size_t>(o) * matrix.inputs;
    int64_t sum = 0;
    for (uint32_t i = 0; i < matrix.inputs; ++i) sum += weight[i] * int32_t{row[i]};
    outputs[o] = matrix_output(matrix, o, sum, scale);
  }
}

EQINFO_HD int32_t embedded_value(const Matrix& embedding, uint32_t symbol, uint32_t i) {
  const int8_t weight = embedding.weight[static_cast<size_t>(symbol) * embedding.inputs + i];
  return limit_value(shift_rounded(int64_t{embedding.scale[symbol]} * weight, embedding.exponent));
}

EQINFO_HD void embed_row(const Matrix& embedding, uint32_t symbol, int32_t* x) {
  for (uint32_t i = 0; i < embedding.inputs; ++i) x[i] = embedded_value(embedding, symbol, i);
}

// Rotates the pair (*first, *second) by the angle of a position.
EQINFO_HD void rotate_pair(int64_t cosine, int64_t sine, int32_t* first, int32_t* second) {
  const int64_t a = *first;
  const int64_t b = *second;
  *first = limit_value(shift_rounded(a * cosine - b * sine, kRotationBits));
  *second = limit_value(shift_rounded(b * cosine + a * sine, kRotationBits));
}

// Rotates the pairs (head[i], head[i + head_width / 2]) by the angles of a position.
EQINFO_HD void rotate_head(const Transformer& model, uint32_t position, int32_t* head) {
  const uint32_t half = model.sizes.head_width / 2;
  const size_t row = static_cast<size_t>(position) * half;
  for (uint32_t i = 0; i < half; ++i) {
    rotate_pair(model.cosine[row + i], model.sine[row + i], head + i, head + half + i);
  }
}

// The largest magnitude of a head's keys or values in 16 bits: at least that, 11 bits and a shift.
EQINFO_HD uint16_t pack_largest(uint32_t largest) {
  const uint32_t width = bit_width(largest);
  uint32_t shift = width > 11 ? width - 11 : 0;
  uint32_t digits = (largest + ((uint32_t{1} << shift) - 1)) >> shift;
  if (digits == 1 << 11) {
    digits >>= 1;
    ++shift;
  }
  return static_cast<uint16_t>(shift << 11 | digits);
}

EQINFO_HD uint32_t packed_digits(uint16_t packed) { return packed & 0x7ffu; }
EQINFO_HD uint32_t packed_shift(uint16_t packed) { return packed >> 11; }
EQINFO_HD uint32_t unpack_largest(uint16_t packed) {
  return packed_digits(packed) << packed_shift(packed);
}

// Quantises a head's keys or values at one position.
EQINFO_HD uint16_t store_head(const int32_t* head, uint32_t width, int8_t* stored) {
  uint32_t largest = 0;
  for (uint32_t i = 0; i < width; ++i) {
    const uint32_t next = static_cast<uint32_t>(magnitude(head[i]));
    largest = next > largest ? next : largest;
  }
  const uint16_t packed = pack_largest(largest);
  const Quantiser quantiser = make_quantiser(unpack_largest(packed), kByteLevels);
  for (uint32_t i = 0; i < width; ++i) {
    stored[i] = static_cast<int8_t>(quantise_value(head[i], quantiser));
  }
  return packed;
}

// The keys and values of one key head in one layer, by position.
struct HeadMemory {
  int8_t* keys;           // (positions, head_width)
  int8_t* values;         // (positions, head_width)
  uint16_t* key_largest;  // (positions,), of pack_largest
  uint16_t* value_largest;
};

// A query as attention reads it.
struct Query {
  const int16_t* values;
  uint32_t factor;  // below 2^22
  int32_t shift;
};

EQINFO_HD Query make_query(uint32_t score_scale, int32_t score_exponent, const int16_t* values,
                           const Quantiser& quantiser) {
  const uint64_t factor = static_cast<uint64_t>(quantiser.mantissa) * score_scale >> 40;
  return {values, static_cast<uint32_t>(factor),
          score_exponent - 9 - static_cast<int32_t>(quantiser.width)};
}

// The score of a key, in 1024ths of an octave, from the sum of products, which is below 2^29.
EQINFO_HD int32_t key_score(const Query& query, int64_t sum, uint16_t largest) {
  return limit_value(shift_rounded(sum * packed_digits(largest) * query.factor,
                                   query.shift - static_cast<int32_t>(packed_shift(largest))));
}

// How the sums of weighted values become outputs.
struct AttentionScale {
  uint32_t factor;  // below 2^25
  int32_t shift;
};

// `total` >= 2^31 is the sum of all weights.
EQINFO_HD AttentionScale attention_scale(const Quantiser& weights, uint64_t total) {
  const uint32_t width = bit_width(total);
  const uint64_t factor = (static_cast<uint64_t>(weights.mantissa) << 24) / (total >> (width - 31));
  return {static_cast<uint32_t>(factor),
          static_cast<int32_t>(width) + 45 - static_cast<int32_t>(weights.width)};
}

// What the sum of weighted values becomes: |sum| < 2^37.
EQINFO_HD int32_t attention_output(int64_t sum, const AttentionScale& scale) {
  return limit_value(shift_rounded(sum * static_cast<int64_t>(scale.factor), scale.shift));
}

// What is quantised of the weight of a position: times the largest magnitude of its values.
EQINFO_HD int64_t weighted_largest(uint32_t weight, uint16_t largest) {
  return static_cast<int64_t>(uint64_t{weight} * unpack_largest(largest));
}

// From the scores of `count` positions to the weights of their values, in place and quantised.
EQINFO_HD Quantiser weigh_values(int32_t* scores, const uint16_t* value_largest, uint32_t count,
                                 uint64_t* total, int16_t* row) {
  int32_t top = scores[0];
  for (uint32_t t = 1; t < count; ++t) top = scores[t] > top ? scores[t] : top;
  uint64_t sum = 0;
  for (uint32_t t = 0; t < count; ++t) {
    const uint32_t weight = logit_weight(quantise_logit(top, scores[t]));
    scores[t] = static_cast<int32_t>(weight);
    sum += weight;
  }
  *total = sum;
  return quantise_row(
      count, kWideLevels,
      [=](uint32_t t) {
        return weighted_largest(static_cast<uint32_t>(scores[t]), value_largest[t]);
      },
      row);
}

EQINFO_HD int32_t key_product(const Query& query, const HeadMemory& memory, uint32_t head_width,
                              uint32_t position) {
  const int8_t* key = memory.keys + static_cast<size_t>(position) * head_width;
  int32_t sum = 0;
  for (uint32_t i = 0; i < head_width; ++i) sum += query.values[i] * int32_t{key[i]};
  return sum;
}

// Attention of one head to `count` positions; `scores` and `row` hold `count` numbers.
EQINFO_HD void attend(const Query& query, const HeadMemory& memory, uint32_t head_width,
                      uint32_t count, int32_t* scores, int16_t* row, int32_t* out) {
  for (uint32_t t = 0; t < count; ++t) {
    scores[t] = key_score(query, key_product(query, memory, head_width, t), memory.key_largest[t]);
  }
  uint64_t total = 0;
  const Quantiser weights = weigh_values(scores, memory.value_largest, count, &total, row);
  const AttentionScale scale = attention_scale(weights, total);
  for (uint32_t i = 0; i < head_width; ++i) {
    int64_t sum = 0;
    for (uint32_t t = 0; t < count; ++t) {
      sum += row[t] * int32_t{memory.values[static_cast<size_t>(t) * head_width + i]};
    }
    out[i] = attention_output(sum, scale);
  }
}

// x / (1 + e^-x) in units of 2^-kValueBits, by linear interpolation.
EQINFO_HD int32_t silu_value(int32_t x) {
  constexpr uint32_t kStepBits = kValueBits - 5;
  const uint32_t size = static_cast<uint32_t>(magnitude(x));
  const uint32_t step = size >> kStepBits;
  int32_t sigmoid = 1 << kSigmoidBits;
  if (step < kSigmoidSteps) {
    const int32_t rest = static_cast<int32_t>(size & ((1u << kStepBits) - 1));
    sigmoid = kSigmoid[step] + ((kSigmoid[step + 1] - kSigmoid[step]) * rest >> kStepBits);
  }
  if (x < 0) sigmoid = (1 << kSigmoidBits) - sigmoid;
  return static_cast<int32_t>(shift_rounded(int64_t{x} * sigmoid, kSigmoidBits));
}

EQINFO_HD int64_t gated_value(int32_t gate, int32_t up) { return int64_t{silu_value(gate)} * up; }

// Quantises gated_value of each unit; `gate` becomes what silu_value makes of it.
EQINFO_HD Quantiser gated_row(int32_t* gate, const int32_t* up, uint32_t units, int32_t levels,
                              int16_t* row) {
  for (uint32_t i = 0; i < units; ++i) gate[i] = silu_value(gate[i]);
  return quantise_row(units, levels, [=](uint32_t i) { return int64_t{gate[i]} * up[i]; }, row);
}

EQINFO_HD void add_row(const int32_t* change, uint32_t width, int32_t* x) {
  for (uint32_t i = 0; i < width; ++i) x[i] = limit_value(int64_t{x[i]} + change[i]);
}

// The memory that a step needs besides its context.
struct TransformerScratch {
  int32_t* x;        // (width,)
  int16_t* row;      // (the most inputs of a matrix,)
  int32_t* first;    // (the most outputs of a matrix but the head,)
  int32_t* second;   // the same
  int32_t* scores;   // (positions,)
  int16_t* weights;  // (positions,)
};

// Adds a layer to x at `position`; `memory` has the layer's key heads.
EQINFO_HD void layer_step(const Transformer& model, const TransformerLayer& layer,
                          const HeadMemory* memory, uint32_t position,
                          const TransformerScratch& scratch) {
  const TransformerSizes& sizes = model.sizes;
  const uint32_t head_width = sizes.head_width;
  RowScale scale = norm_row(scratch.x, layer.attention_norm, sizes.width, model.epsilon,
                            sizes.levels, scratch.row);
  matrix_row(layer.key, scratch.row, scale, scratch.first);
  matrix_row(layer.value, scratch.row, scale, scratch.second);
  for (uint32_t k = 0; k < sizes.key_heads; ++k) {
    const size_t place = static_cast<size_t>(position) * head_width;
    int32_t* key = scratch.first + k * head_width;
    rotate_head(model, position, key);
    memory[k].key_largest[position] = store_head(key, head_width, memory[k].keys + place);
    memory[k].value_largest[position] =
        store_head(scratch.second + k * head_width, head_width, memory[k].values + place);
  }
  matrix_row(layer.query, scratch.row, scale, scratch.first);
  for (uint32_t h = 0; h < sizes.heads; ++h) {
    int32_t* head = scratch.first + h * head_width;
    rotate_head(model, position, head);
    const Quantiser quantiser = quantise_row(
        head_width, kWideLevels, [=](uint32_t i) { return int64_t{head[i]}; }, scratch.row);
    attend(make_query(model.score_scale, model.score_exponent, scratch.row, quantiser),
           memory[h / (sizes.heads / sizes.key_heads)], head_width, position + 1, scratch.scores,
           scratch.weights, head);
  }
  const int32_t* attended = scratch.first;
  scale = plain_scale(quantise_row(
      sizes.heads * head_width, sizes.levels, [=](uint32_t i) { return int64_t{attended[i]}; },
      scratch.row));
  matrix_row(layer.attention, scratch.row, scale, scratch.second);
  add_row(scratch.second, sizes.width, scratch.x);
  scale =
      norm_row(scratch.x, layer.units_norm, sizes.width, model.epsilon, sizes.levels, scratch.row);
  matrix_row(layer.gate, scratch.row, scale, scratch.first);
  matrix_row(layer.up, scratch.row, scale, scratch.second);
  scale = plain_scale(
      gated_row(scratch.first, scratch.second, sizes.units, sizes.down_levels, scratch.row));
  matrix_row(layer.down, scratch.row, scale, scratch.first);
  add_row(scratch.first, sizes.width, scratch.x);
}

// Appends `symbol` at `position` and writes the logits of what follows, in 1024ths of an octave.
// `memory` has shape (layers, key_heads) and holds the positions before.
EQINFO_HD void transformer_step(const Transformer& model, const HeadMemory* memory,
                                uint32_t position, uint32_t symbol,
                                const TransformerScratch& scratch, int32_t* logits) {
  const TransformerSizes& sizes = model.sizes;
  embed_row(model.embedding, symbol, scratch.x);
  for (uint32_t l = 0; l < sizes.layers; ++l) {
    layer_step(model, model.layers[l], memory + l * sizes.key_heads, position, scratch);
  }
  const RowScale scale =
      norm_row(scratch.x, model.norm, sizes.width, model.epsilon, sizes.head_levels, scratch.row);
  matrix_row(model.head, scratch.row, scale, logits);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
