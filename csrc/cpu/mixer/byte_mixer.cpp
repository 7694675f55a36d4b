#include "cpu/mixer/byte_mixer.h"

#include <algorithm>
#include <cstring>

#include "cpu/dispatch.h"

namespace eqinfo {
namespace {

constexpr uint32_t kMinBits = 8;
constexpr uint32_t kMaxBits = 16;
constexpr uint32_t kMaxRowBits = 12;
constexpr uint32_t kMinLengths[2] = {5, 12};
// How many vectors of weights each set has: by node; by the state of the matches and how many
// contexts are known; by the last byte and the bit's place; by M1's certainty and the bit's place,
// or by the byte before the last.
constexpr uint32_t kSetSizes[kMixerSets] = {256, 320, 2048, 256};
constexpr int16_t kStartWeight = 1500;
constexpr int16_t kStartWeightBesideModel = 1000;
constexpr int16_t kStartModelWeight = 12000;
constexpr int32_t kStartSetWeight = 1 << 14;
// So that the sum of four products with outputs stays below 2^31.
constexpr int32_t kMaxSetWeight = 1 << 17;
constexpr uint32_t kFirstExtra = 12;  // of the inputs of the first group
constexpr uint32_t kModelExtra = 1;
constexpr uint32_t kRowRate = 5;
constexpr uint32_t kOrder0Rate = 6;
constexpr int16_t kBias = 256;

void predict_scalar(MixerBit* bit) {
  uint32_t known = 0;
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    const Slot slot = bit->buckets[i]->slots[bit->slot];
    known += slot.count != 0;
    bit->slots[i] = slot;
    bit->inputs[i] = static_cast<int16_t>(slot_input(slot));
    bit->history_places[i] = i * 256 + slot.history;
    const Adaptive value = bit->histories[bit->history_places[i]];
    bit->history_values[i] = value;
    bit->inputs[kGroup + i] = static_cast<int16_t>(slot.history == 0 ? 0 : adaptive_input(value));
    const int32_t run = bit->run_bytes[i] >> (bit->shift + 1) == bit->node ? bit->run_inputs[i] : 0;
    const bool one = (bit->run_bytes[i] >> bit->shift & 1) != 0;
    bit->inputs[2 * kGroup + i] = static_cast<int16_t>(one ? run : -run);
  }
  std::copy_n(bit->extra, 4, bit->inputs + kMixerContexts);
  std::copy_n(bit->extra + 4, 4, bit->inputs + kGroup + kMixerContexts);
  std::fill_n(bit->inputs + 2 * kGroup + kMixerContexts, 4, int16_t{0});
  bit->weights[kKnownSet] += known_row(known) * kMixerInputs;
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < kMixerInputs; ++i) {
      sum += static_cast<uint32_t>(bit->weights[set][i] * bit->inputs[i]);
    }
    bit->outputs[set] = set_output(sum);
  }
}

void update_scalar(MixerBit* bit, uint32_t value) {
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    int16_t* weights = bit->weights[set];
    for (uint32_t i = 0; i < kMixerInputs; ++i) {
      weights[i] = next_weight(weights[i], bit->inputs[i], bit->steps[set]);
    }
  }
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    bit->histories[bit->history_places[i]] = adapt(bit->history_values[i], value);
    bit->buckets[i]->slots[bit->slot] = next_slot(bit->slots[i], value);
  }
}

uint32_t match_step(uint32_t length) {
  return length < 16 ? length : std::min<uint32_t>(16 + (length - 16) / 8, 63);
}

// The probability at `output` in an interpolated row, and the entry nearest to it.
uint32_t row_probability(uint16_t* row, int32_t output, uint16_t** nearest) {
  const uint32_t place = static_cast<uint32_t>(output + kMaxOutput + 1);
  const uint32_t entry = place >> 8;
  const uint32_t part = place & 255;
  *nearest = row + entry + (part >= 128 ? 1 : 0);
  return (row[entry] * (256 - part) + row[entry + 1] * part) >> 8;
}

}  // namespace

const MixerKernels kScalarMixer = {predict_scalar, update_scalar};

const MixerKernels& mixer_kernels() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512:
    case InstructionSet::avx2:
      return kAvx2Mixer;
    case InstructionSet::scalar:
      break;
  }
#endif
  return kScalarMixer;
}

uint32_t mixer_bucket_bits(uint64_t size) {
  const uint32_t bits = size < 2 ? 0 : bit_width(size - 1);
  return std::clamp(bits == 0 ? 0 : bits - 1, kMinBits, kMaxBits);
}

ByteMixer::ByteMixer(const uint8_t* data, uint64_t size, bool with_model)
    : data_(data),
      with_model_(with_model),
      kernels_(mixer_kernels()),
      bucket_bits_(mixer_bucket_bits(size)),
      row_bits_(std::min(bucket_bits_, kMaxRowBits)),
      matches_{Match(kMinLengths[0], nullptr, bucket_bits_ + 2),
               Match(kMinLengths[1], nullptr, bucket_bits_ + 2)} {
  const size_t buckets = size_t{kMixerContexts} << bucket_bits_;
  const size_t rows = size_t{kRowStride} << row_bits_;
  const size_t places = size_t{4} << bucket_bits_;
  size_t weights = 0;
  for (const uint32_t count : kSetSizes) weights += size_t{count} * kMixerInputs;
  const size_t sizes[] = {buckets * sizeof(Bucket), 2 * places * sizeof(uint32_t),
                          kMixerContexts * 256 * sizeof(Adaptive), weights * sizeof(int16_t),
                          2 * rows * sizeof(uint16_t)};
  size_t total = 0;
  for (const size_t part : sizes) total += aligned_size(part);
  memory_ = aligned_bytes(total);
  memory_bytes_ = total;
  uint8_t* at = memory_.get();
  const auto take = [&](int part) {
    uint8_t* const begin = at;
    at += aligned_size(sizes[part]);
    return begin;
  };
  // Buckets are read at random places: small pages would cost a walk for nearly every one.
  prefer_huge_pages(at, static_cast<int64_t>(sizes[0]));
  std::memset(at, 0, sizes[0] + sizes[1]);
  buckets_ = reinterpret_cast<Bucket*>(take(0));
  for (uint32_t k = 0; k < 2; ++k) {
    if (k == 0) places_[0] = reinterpret_cast<uint32_t*>(take(1));
    places_[k] = places_[0] + k * places;
    matches_[k] = Match(kMinLengths[k], places_[k], bucket_bits_ + 2);
  }
  histories_ = reinterpret_cast<Adaptive*>(take(2));
  for (uint32_t i = 0; i < kMixerContexts * 256; ++i)
    histories_[i] = adaptive(kHistoryStart[i % 256]);
  weights_[0] = reinterpret_cast<int16_t*>(take(3));
  for (uint32_t set = 1; set < kMixerSets; ++set) {
    weights_[set] = weights_[set - 1] + size_t{kSetSizes[set - 1]} * kMixerInputs;
  }
  std::fill_n(weights_[0], weights, with_model ? kStartWeightBesideModel : kStartWeight);
  for (size_t i = kFirstExtra + kModelExtra; with_model && i < weights; i += kMixerInputs) {
    weights_[0][i] = kStartModelWeight;
  }
  rows_[0] = reinterpret_cast<uint16_t*>(take(4));
  rows_[1] = rows_[0] + rows;
  for (uint32_t i = 0; i < kRowStride; ++i) rows_[0][i] = row_start(i);
  for (size_t i = kRowStride; i < 2 * rows; ++i) rows_[0][i] = rows_[0][i - kRowStride];
  for (auto& values : match_values_) {
    for (uint32_t i = 0; i < 64; ++i) values[i] = adaptive((1 << 22) - 1 - (1 << 22) / (2 * i + 3));
  }
  std::fill_n(order0_, 256, static_cast<uint16_t>(kHalf));
  std::fill_n(&set_weights_[0][0], 256 * kMixerSets, kStartSetWeight);
  std::memset(&bit_, 0, sizeof bit_);
  bit_.histories = histories_;
  expect_byte(0);
}

Bucket* ByteMixer::find(uint32_t context, uint64_t hash) {
  Bucket* const bucket = find_or_begin(context, hash);
  if (changes_ < changed_.size()) changed_[changes_++] = static_cast<uint32_t>(bucket - buckets_);
  return bucket;
}

Bucket* ByteMixer::find_or_begin(uint32_t context, uint64_t hash) {
  Bucket* const table = buckets_ + (size_t{context} << bucket_bits_);
  const size_t place = hash >> (64 - bucket_bits_);
  const uint16_t check = static_cast<uint16_t>(hash | 1);
  Bucket* bucket = table + place;
  if (bucket->check == check) return bucket;
  Bucket* const other = table + (place ^ 1);
  if (other->check == check) return other;
  if (bucket->check != 0 && other->slots[0].count < bucket->slots[0].count) bucket = other;
  std::memset(bucket, 0, sizeof *bucket);
  bucket->check = check;
  return bucket;
}

void ByteMixer::prefetch_buckets() const {
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    const Bucket* const table = buckets_ + (size_t{i} << bucket_bits_);
    __builtin_prefetch(table + (keys_[i] >> (64 - bucket_bits_)));
  }
}

void ByteMixer::expect_byte(uint32_t position) {
  contexts_.hashes(position, hashes_);
  std::copy_n(hashes_, kMixerContexts, keys_);
  prefetch_buckets();
}

void ByteMixer::expect_half(uint32_t node) {
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    keys_[i] = hash(hashes_[i] + uint64_t{node} * 0x3D4D51CB);
  }
  expected_node_ = node;
  prefetch_buckets();
}

void ByteMixer::begin_byte(uint32_t position) {
  position_ = position;
  rate_ = learning_rate(position);
  bit_.node = 1;
  bit_.shift = 7;
}

void ByteMixer::select_buckets(bool first) {
  if (!first && bit_.node != expected_node_) expect_half(bit_.node);
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    bit_.buckets[i] = find(i, keys_[i]);
    if (!first) continue;
    const Bucket& bucket = *bit_.buckets[i];
    first_[i] = bit_.buckets[i];
    bit_.run_inputs[i] = run_input(std::min<uint32_t>(bucket.run_count, 31));
    bit_.run_bytes[i] = bucket.run_count == 0 ? 0 : 256u | bucket.run_byte;
  }
}

void ByteMixer::match_inputs() {
  for (uint32_t k = 0; k < 2; ++k) {
    match_bits_[k] = -1;
    int32_t adapted = 0;
    int32_t fixed = 0;
    const uint32_t length = matches_[k].length();
    if (length > 0) {
      const uint32_t byte = 256u | data_[matches_[k].place()];
      if (byte >> (bit_.shift + 1) == bit_.node) {
        match_bits_[k] = byte >> bit_.shift & 1;
        match_steps_[k] = match_step(length);
        adapted = adaptive_input(match_values_[k][match_steps_[k]]);
        fixed = 16 * static_cast<int32_t>(std::min<uint32_t>(length, 32));
        if (match_bits_[k] == 0) {
          adapted = -adapted;
          fixed = -fixed;
        }
      }
    }
    bit_.extra[4 + 2 * k] = static_cast<int16_t>(adapted);
    bit_.extra[5 + 2 * k] = static_cast<int16_t>(fixed);
  }
}

void ByteMixer::select_weights(int32_t model_input) {
  const uint32_t length = matches_[0].length();
  const uint32_t near = length == 0 ? 0 : length < 8 ? 1 : length < 16 ? 2 : length < 32 ? 3 : 4;
  const uint32_t far =
      matches_[1].length() == 0 ? 0 : std::min<uint32_t>(matches_[1].length() / 16 + 1, 7);
  const uint32_t last = contexts_.bytes() & 255;
  const uint32_t certainty = static_cast<uint32_t>(std::min(std::abs(model_input) / 128, 15));
  const size_t rows[kMixerSets] = {
      bit_.node,
      near * 64 + far * 8,
      last * 8 + bit_.shift,
      with_model_ ? certainty * 8 + bit_.shift : contexts_.bytes() >> 8 & 255,
  };
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    bit_.weights[set] = weights_[set] + rows[set] * kMixerInputs;
  }
}

uint32_t ByteMixer::predict(uint32_t model_probability) {
  const uint32_t shift = bit_.shift;
  if (shift == 7 || shift == 3) select_buckets(shift == 7);
  // The nodes of a half byte in the order of a heap, from 1.
  const uint32_t depth = shift > 3 ? 7 - shift : 3 - shift;
  bit_.slot = (1u << depth) - 1 + (bit_.node & ((1u << depth) - 1));
  const uint64_t order1 = (contexts_.bytes() & 0xff) << 8 | bit_.node;
  const uint64_t order3 = (contexts_.bytes() & 0xffffff) << 8 | bit_.node;
  uint16_t* const rows[2] = {rows_[0] + (hash(order1) >> (64 - row_bits_)) * kRowStride,
                             rows_[1] + (hash(order3) >> (64 - row_bits_)) * kRowStride};
  __builtin_prefetch(rows[0]);
  __builtin_prefetch(rows[1]);
  int32_t model_input = 0;
  bit_.extra[0] = static_cast<int16_t>(stretch(order0_[bit_.node]));
  if (with_model_) {
    model_input = stretch(model_probability);
    bit_.extra[kModelExtra] = static_cast<int16_t>(model_input);
    bit_.extra[2] = static_cast<int16_t>((static_cast<int32_t>(model_probability) - 32768) >> 4);
  }
  bit_.extra[3] = kBias;
  match_inputs();
  select_weights(model_input);
  kernels_.predict(&bit_);

  uint32_t sum = 0;
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    sum += static_cast<uint32_t>(set_weights_[bit_.node][set] * bit_.outputs[set]);
  }
  output_ = within(static_cast<int32_t>(sum) >> 16, -kMaxOutput, kMaxOutput);
  mixed_ = squash(output_);
  uint32_t probability = 2 * static_cast<uint32_t>(mixed_) + 2;
  for (uint32_t k = 0; k < 2; ++k) {
    probability += row_probability(rows[k], output_, &entries_[k]);
  }
  // Memory brings the buckets of the likely half while this bit is coded.
  if (shift == 4) expect_half(2 * bit_.node + (output_ > 0 ? 1 : 0));
  return std::clamp<uint32_t>(probability >> 2, 1, 65535);
}

void ByteMixer::update(uint32_t value) {
  const int32_t target = value != 0 ? 1 << 16 : 0;
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    bit_.steps[set] = weight_step(target - squash(bit_.outputs[set]), rate_);
    int32_t& weight = set_weights_[bit_.node][set];
    const int32_t change = (bit_.outputs[set] * ((target - mixed_) >> 1) + (1 << 15)) >> 16;
    weight = within(weight + change, -kMaxSetWeight, kMaxSetWeight);
  }
  kernels_.update(&bit_, value);
  const int32_t full = value != 0 ? 65535 : 0;
  for (uint16_t* entry : entries_) {
    *entry = static_cast<uint16_t>(*entry + ((full - *entry) >> kRowRate));
  }
  uint16_t& order0 = order0_[bit_.node];
  order0 = static_cast<uint16_t>(order0 + ((full - order0) >> kOrder0Rate));
  for (uint32_t k = 0; k < 2; ++k) {
    if (match_bits_[k] < 0) continue;
    const bool right = match_bits_[k] == static_cast<int32_t>(value);
    Adaptive& adapted = match_values_[k][match_steps_[k]];
    adapted = adapt(adapted, right ? 1 : 0);
    if (!right) matches_[k].drop();
  }
  bit_.node = bit_.node * 2 + value;
  --bit_.shift;
}

void ByteMixer::end_byte() {
  const uint8_t byte = data_[position_];
  for (Match& match : matches_) match.expect(data_, position_ + 1);
  contexts_.append(data_, position_);
  expect_byte(position_ + 1);
  for (Bucket* bucket : first_) {
    const uint32_t count = bucket->run_byte == byte ? bucket->run_count : 0;
    bucket->run_count = static_cast<uint8_t>(std::min<uint32_t>(count + 1, 255));
    bucket->run_byte = byte;
  }
  for (Match& match : matches_) match.append(data_, position_ + 1);
}

void ByteMixer::forget(uint32_t count) {
  contexts_.forget(count, data_, position_ + 1 - count);
  for (Match& match : matches_) match.forget(count);
  // Places in the data, and the byte above, are others now.
  expect_byte(position_ + 1 - count);
}

void ByteMixer::become(const ByteMixer& other, const uint8_t* data) {
  const size_t buckets = size_t{kMixerContexts} << bucket_bits_;
  if (changes_ < changed_.size()) {
    for (size_t i = 0; i < changes_; ++i) buckets_[changed_[i]] = other.buckets_[changed_[i]];
  } else {
    // From half of the buckets on, one after the other takes longer than all.
    changed_.resize(buckets / 2);
    std::copy_n(other.buckets_, buckets, buckets_);
  }
  changes_ = 0;
  const size_t rest = buckets * sizeof(Bucket);
  std::copy(other.memory_.get() + rest, other.memory_.get() + memory_bytes_, memory_.get() + rest);
  std::memcpy(match_values_, other.match_values_, sizeof match_values_);
  std::memcpy(order0_, other.order0_, sizeof order0_);
  std::memcpy(set_weights_, other.set_weights_, sizeof set_weights_);
  data_ = data;
  position_ = other.position_;
  contexts_ = other.contexts_;
  for (uint32_t k = 0; k < 2; ++k) matches_[k].become(other.matches_[k]);
  expect_byte(position_ + 1);
}

}  // namespace eqinfo
