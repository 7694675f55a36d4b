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
constexpr uint32_t kFirstExtra = 12;  // of the inputs of the first group
constexpr uint32_t kModelExtra = 1;
constexpr uint32_t kRowRate = 5;
constexpr uint32_t kOrder0Rate = 6;
constexpr int16_t kBias = 256;

int32_t predict_scalar(MixerBit* bit) {
  Bucket* const* const buckets = bit->buckets[half_of(*bit)];
  uint32_t known = 0;
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    const Slot slot = buckets[i]->slots[bit->slot];
    known += slot.count != 0;
    bit->slots[i] = slot;
    bit->inputs[i] = static_cast<int16_t>(slot_input(slot));
    bit->history_places[i] = i * 256 + slot.history;
    const Adaptive value = bit->histories[bit->history_places[i]];
    bit->history_values[i] = value;
    bit->inputs[kGroup + i] = static_cast<int16_t>(slot.history == 0 ? 0 : adaptive_input(value));
  }
  for (uint32_t i = 0; i < kGroup; ++i) {
    const int32_t run = bit->run_bytes[i] >> (bit->shift + 1) == bit->node ? bit->run_inputs[i] : 0;
    const bool one = (bit->run_bytes[i] >> bit->shift & 1) != 0;
    int16_t* const group = bit->inputs + (i < kMixerContexts ? 2 : 1) * kGroup;
    group[i] = static_cast<int16_t>(one ? run : -run);
  }
  std::copy_n(bit->extra, 4, bit->inputs + kMixerContexts);
  std::fill_n(bit->inputs + 2 * kGroup + kMixerContexts, 4, int16_t{0});
  bit->weights[kKnownSet] += known_row(known) * kMixerInputs;
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < kMixerInputs; ++i) {
      sum += static_cast<uint32_t>(bit->weights[set][i] * bit->inputs[i]);
    }
    bit->outputs[set] = set_output(sum);
    bit->squashed[set] = squash(bit->outputs[set]);
  }
  uint32_t sum = 0;
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    sum += static_cast<uint32_t>(bit->set_weights[set] * bit->outputs[set]);
  }
  return all_sets_output(sum);
}

void update_scalar(MixerBit* bit, uint32_t value) {
  const int32_t target = value != 0 ? 1 << 16 : 0;
  for (uint32_t set = 0; set < kMixerSets; ++set) {
    const int32_t step = weight_step(target - bit->squashed[set], bit->rate);
    int16_t* weights = bit->weights[set];
    for (uint32_t i = 0; i < kMixerInputs; ++i) {
      weights[i] = next_weight(weights[i], bit->inputs[i], step);
    }
    int32_t& weight = bit->set_weights[set];
    const int32_t change = (bit->outputs[set] * ((target - bit->mixed) >> 1) + (1 << 15)) >> 16;
    weight = within(weight + change, -kMaxSetWeight, kMaxSetWeight);
  }
  Bucket* const* const buckets = bit->buckets[half_of(*bit)];
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    bit->histories[bit->history_places[i]] = adapt(bit->history_values[i], value);
    buckets[i]->slots[bit->slot] = next_slot(bit->slots[i], value);
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

void expect_buckets(const uint64_t* values, uint64_t more, const MixerBit& bit,
                    Expected* expected) {
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    const uint64_t key = hash(values[i] + more);
    const size_t place = key >> (64 - bit.bucket_bits);
    Bucket* const table = bit.tables + (size_t{i} << bit.bucket_bits);
    expected->keys[i] = key;
    expected->places[0][i] = table + place;
    expected->places[1][i] = table + (place ^ 1);
    expected->checks[i] = (key & 0xffff) | 1;
    __builtin_prefetch(expected->places[0][i]);
    __builtin_prefetch(expected->places[1][i]);
  }
}

void select_buckets(MixerBit* bit) {
  const Expected& expected = *bit->expected;
  Bucket** const buckets = bit->buckets[half_of(*bit)];
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    Bucket* const other = expected.places[1][i];
    Bucket*& bucket = buckets[i];
    bucket = expected.places[0][i];
    const uint32_t check = expected.checks[i];
    if (bucket->check == check) continue;
    if (other->check == check) {
      bucket = other;
      continue;
    }
    if (bucket->check != 0 && other->slots[0].count < bucket->slots[0].count) bucket = other;
    std::memset(bucket, 0, sizeof *bucket);
    bucket->check = static_cast<uint16_t>(check);
  }
  if (bit->shift != 7) return;
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    const Bucket& bucket = *buckets[i];
    bit->run_inputs[i] = run_input(std::min<uint32_t>(bucket.run_count, 31));
    bit->run_bytes[i] = bucket.run_count == 0 ? 0 : 256u | bucket.run_byte;
  }
}

void append_runs(MixerBit* bit, uint8_t byte) {
  for (uint32_t i = 0; i < kMixerContexts; ++i) {
    Bucket* const bucket = bit->buckets[0][i];
    const uint32_t count = bucket->run_byte == byte ? bucket->run_count : 0;
    bucket->run_count = static_cast<uint8_t>(std::min<uint32_t>(count + 1, 255));
    bucket->run_byte = byte;
  }
}

const MixerKernels kScalarMixer = {expect_buckets, select_buckets, predict_scalar, update_scalar,
                                   append_runs};

const MixerKernels& mixer_kernels() {
#if defined(__x86_64__)
  static const bool permutes =
      __builtin_cpu_supports("avx512vbmi") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return permutes ? kAvx512Mixer : kAvx2Mixer;
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
  // Most is read at random places: small pages would cost a walk for nearly every one.
  prefer_huge_pages(at, static_cast<int64_t>(total));
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
  ahead_.expected = &expected_[2];
  bit_.histories = histories_;
  bit_.tables = buckets_;
  bit_.bucket_bits = bucket_bits_;
  expect_byte(0);
}

void ByteMixer::expect_byte(uint32_t position) {
  alignas(64) uint64_t values[kGroup] = {};
  contexts_.values(position, values);
  kernels_.expect(values, 0, bit_, this_byte_);
}

void ByteMixer::expect_half(uint32_t node) {
  expected_node_ = node;
  kernels_.expect(this_byte_->keys, uint64_t{node} * 0x3D4D51CB, bit_, second_half_);
}

uint8_t ByteMixer::next_byte() const {
  if (known_) return data_[position_];
  const uint32_t known_bits = 7 - bit_.shift;
  // Of the matches, and of contexts that are long before those that are short.
  for (const uint32_t context : {12, 14, 4, 3, 6, 2, 5, 1, 0}) {
    const uint32_t byte = bit_.run_bytes[context];
    if (byte >> (8 - known_bits) == bit_.node) return static_cast<uint8_t>(byte);
  }
  return static_cast<uint8_t>(bit_.node << (bit_.shift + 1));
}

void ByteMixer::look_ahead(uint8_t byte) {
  ahead_.byte = byte;
  for (uint32_t k = 0; k < 2; ++k) {
    ahead_.entries[k] = matches_[k].expect(byte, data_, position_ + 1);
  }
  ahead_.contexts = contexts_;
  ahead_.contexts.append(byte, data_, position_);
  alignas(64) uint64_t values[kGroup] = {};
  ahead_.contexts.values(position_ + 1, values);
  kernels_.expect(values, 0, bit_, ahead_.expected);
}

void ByteMixer::begin_byte(uint32_t position, bool known) {
  position_ = position;
  known_ = known;
  bit_.rate = learning_rate(position);
  bit_.node = 1;
  bit_.shift = 7;
  for (uint32_t k = 0; k < 2; ++k) match_inputs(k);
  match_state();
  const size_t last = contexts_.bytes() & 255;
  byte_weights_[0] = weights_[2] + last * 8 * kMixerInputs;
  const size_t before = with_model_ ? 0 : contexts_.bytes() >> 8 & 255;
  byte_weights_[1] = weights_[3] + before * kMixerInputs;
}

void ByteMixer::begin_half(bool first) {
  if (!first && bit_.node != expected_node_) expect_half(bit_.node);
  bit_.expected = first ? this_byte_ : second_half_;
  kernels_.select(&bit_);
  if (first) {
    expect_half((256u | next_byte()) >> 4);
  } else {
    look_ahead(next_byte());
  }
  for (uint32_t i = 0; i < kMixerContexts && changes_ < changed_.size(); ++i) {
    changed_[changes_++] = static_cast<uint32_t>(bit_.buckets[first ? 0 : 1][i] - buckets_);
  }
}

void ByteMixer::match_inputs(uint32_t k) {
  const uint32_t lane = kMixerContexts + 2 * k;
  const uint32_t length = matches_[k].length();
  const uint32_t byte = length > 0 ? 256u | data_[matches_[k].place()] : 0;
  bit_.run_bytes[lane] = bit_.run_bytes[lane + 1] = byte;
  if (length == 0) return;
  match_steps_[k] = match_step(length);
  bit_.run_inputs[lane] = adaptive_input(match_values_[k][match_steps_[k]]);
  bit_.run_inputs[lane + 1] = 16 * static_cast<int32_t>(std::min<uint32_t>(length, 32));
}

void ByteMixer::match_state() {
  const uint32_t length = matches_[0].length();
  const uint32_t near = length == 0 ? 0 : length < 8 ? 1 : length < 16 ? 2 : length < 32 ? 3 : 4;
  const uint32_t far =
      matches_[1].length() == 0 ? 0 : std::min<uint32_t>(matches_[1].length() / 16 + 1, 7);
  match_weights_ = weights_[1] + size_t{near * 64 + far * 8} * kMixerInputs;
}

void ByteMixer::adapt_match(uint32_t k, uint32_t value) {
  const uint32_t lane = kMixerContexts + 2 * k;
  const bool right = (bit_.run_bytes[lane] >> bit_.shift & 1) == value;
  Adaptive& adapted = match_values_[k][match_steps_[k]];
  adapted = adapt(adapted, right ? 1 : 0);
  bit_.run_inputs[lane] = adaptive_input(adapted);
  if (right) return;
  matches_[k].drop();
  match_inputs(k);
  match_state();
}

uint16_t* ByteMixer::row(uint32_t table, uint32_t node) const {
  const uint64_t bytes = contexts_.bytes() & (table == 0 ? 0xff : 0xffffff);
  return rows_[table] + (hash(bytes << 8 | node) >> (64 - row_bits_)) * kRowStride;
}

uint32_t ByteMixer::predict(uint32_t model_probability) {
  const uint32_t shift = bit_.shift;
  if (shift == 7 || shift == 3) begin_half(shift == 7);
  // The nodes of a half byte in the order of a heap, from 1.
  const uint32_t depth = shift > 3 ? 7 - shift : 3 - shift;
  bit_.slot = (1u << depth) - 1 + (bit_.node & ((1u << depth) - 1));
  uint16_t* const rows[2] = {row(0, bit_.node), row(1, bit_.node)};
  __builtin_prefetch(rows[0]);
  __builtin_prefetch(rows[1]);
  bit_.weights[0] = weights_[0] + size_t{bit_.node} * kMixerInputs;
  bit_.weights[kKnownSet] = match_weights_;
  bit_.weights[2] = byte_weights_[0] + shift * kMixerInputs;
  bit_.weights[3] = byte_weights_[1];
  // The four in one, as the kernels read them.
  int16_t extra[4] = {static_cast<int16_t>(stretch(order0_[bit_.node])), 0, 0, kBias};
  if (with_model_) {
    const int32_t input = stretch(model_probability);
    extra[kModelExtra] = static_cast<int16_t>(input);
    extra[2] = static_cast<int16_t>((static_cast<int32_t>(model_probability) - 32768) >> 4);
    const uint32_t certainty = static_cast<uint32_t>(std::min(std::abs(input) / 128, 15));
    bit_.weights[3] += (certainty * 8 + shift) * kMixerInputs;
  }
  uint64_t four = 0;
  for (uint32_t i = 4; i-- > 0;) four = four << 16 | static_cast<uint16_t>(extra[i]);
  std::memcpy(bit_.extra, &four, sizeof four);
  bit_.set_weights = set_weights_[bit_.node];
  output_ = kernels_.predict(&bit_);
  bit_.mixed = squash(output_);
  uint32_t probability = 2 * static_cast<uint32_t>(bit_.mixed) + 2;
  for (uint32_t k = 0; k < 2; ++k) {
    probability += row_probability(rows[k], output_, &entries_[k]);
  }
  // Memory brings the buckets of the likely half while this bit is coded.
  if (shift == 4) {
    const uint32_t likely = 2 * bit_.node + (output_ > 0 ? 1 : 0);
    if (likely != expected_node_) expect_half(likely);
  }
  if (shift == 0 && !known_) {
    const uint8_t likely = static_cast<uint8_t>(2 * bit_.node + (output_ > 0 ? 1 : 0));
    if (likely != ahead_.byte) look_ahead(likely);
  }
  return std::clamp<uint32_t>(probability >> 2, 1, 65535);
}

void ByteMixer::update(uint32_t value) {
  kernels_.update(&bit_, value);
  const int32_t full = value != 0 ? 65535 : 0;
  for (uint16_t* entry : entries_) {
    *entry = static_cast<uint16_t>(*entry + ((full - *entry) >> kRowRate));
  }
  uint16_t& order0 = order0_[bit_.node];
  order0 = static_cast<uint16_t>(order0 + ((full - order0) >> kOrder0Rate));
  for (uint32_t k = 0; k < 2; ++k) {
    if (bit_.run_bytes[kMixerContexts + 2 * k] >> (bit_.shift + 1) == bit_.node) {
      adapt_match(k, value);
    }
  }
  bit_.node = bit_.node * 2 + value;
  --bit_.shift;
  // What `append` compares.
  if (bit_.shift == 1) {
    for (uint32_t k = 0; k < 2; ++k) matches_[k].expect_data(ahead_.entries[k], data_);
  }
}

void ByteMixer::end_byte() {
  const uint8_t byte = data_[position_];
  if (byte != ahead_.byte) look_ahead(byte);
  contexts_ = ahead_.contexts;
  std::swap(this_byte_, ahead_.expected);
  kernels_.append(&bit_, byte);
  for (uint32_t k = 0; k < 2; ++k) matches_[k].append(ahead_.entries[k], data_, position_ + 1);
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
