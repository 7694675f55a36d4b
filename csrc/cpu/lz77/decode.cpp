#include "cpu/codebook/decode.h"

#include <algorithm>
#include <cstring>

#include "cpu/lz77/coder.h"
#include "cpu/lz77/tables.h"

namespace eqinfo {
namespace {

// A stream that ends early is read as if zeros followed; `finished` tells.
class AnsDecoder {
 public:
  AnsDecoder(const uint8_t* stream, int64_t size) : next_(stream), end_(stream + size) {
    for (uint64_t* state : {&state_, &other_}) {
      const uint64_t low = word();
      *state = uint64_t{word()} << 32 | low;
    }
  }

  uint32_t bits(uint32_t count) {
    if (count == 0) return 0;
    const uint32_t value = ans_slot(state_, count);
    advance({value, 1, count});
    return value;
  }
  template <uint32_t symbols>
  uint32_t symbol(SymbolTable<symbols, true>* table) {
    const uint32_t symbol = table->symbol_at(ans_slot(state_, kTablePrecision));
    advance(table->interval(symbol));
    table->count(symbol);
    return symbol;
  }
  uint32_t number(uint32_t code) { return number_value(code, bits(rest_bits(code))); }
  uint16_t id(IdTable<true>* table) {
    const uint32_t id = table->id_at(ans_slot(state_, kCountedPrecision));
    advance(table->interval(id));
    table->count(id);
    return static_cast<uint16_t>(id);
  }
  // Whether all was read, as an encoder writes it.
  bool finished() const {
    return !overrun_ && next_ == end_ && state_ == kLeastState && other_ == kLeastState;
  }

 private:
  uint32_t word() {
    if (end_ - next_ < kAnsWordBytes) {
      overrun_ = true;
      return 0;
    }
    uint32_t value = 0;
    for (uint32_t k = 0; k < kAnsWordBytes; ++k) value |= uint32_t{next_[k]} << (8 * k);
    next_ += kAnsWordBytes;
    return value;
  }
  void advance(AnsInterval interval) {
    uint64_t state = ans_advance(state_, interval);
    if (state < kLeastState) state = state << 32 | word();
    state_ = other_;
    other_ = state;
  }

  const uint8_t* next_;
  const uint8_t* end_;
  uint64_t state_;  // of the next symbol
  uint64_t other_;
  bool overrun_ = false;
};

uint16_t read_id(IdTables<true>* tables, AnsDecoder* decoder) {
  const Guess pair = tables->pair();
  const Guess last = tables->last();
  uint32_t outcome = kMiss;
  if (pair.hits > 0 || last.hits > 0) {
    outcome = decoder->symbol(&tables->outcomes[outcome_context(pair, last)]);
  }
  const uint16_t id = outcome == kPairHit   ? pair.id
                      : outcome == kLastHit ? last.id
                                            : decoder->id(&tables->misses);
  tables->learn_next(id);
  return id;
}

// Returns the literals, the strings of their ids; at most `most` bytes, or the stream is corrupt.
Result read_literals(const Strings& strings, int64_t count, int64_t most, AnsDecoder* decoder,
                     std::vector<uint8_t>* literals, Stop* stop) {
  if (count > most) return {Status::corrupt_stream, 0};
  std::vector<uint16_t> ids(static_cast<size_t>(count));
  {
    IdTables<true> tables(strings.count);
    StopChecks checks(stop);
    for (uint16_t& id : ids) {
      checks.after(1);
      id = read_id(&tables, decoder);
    }
  }
  const int64_t offsets[2] = {0, count};
  int64_t ends[2];
  int64_t starts[2];
  const Result measured =
      codebook_decoded_bytes(strings, ids.data(), offsets, 1, 1, ends, starts, stop);
  if (measured.status != Status::ok || ends[1] > most) return {Status::corrupt_stream, 0};
  literals->resize(static_cast<size_t>(ends[1]));
  codebook_decode_ids(strings, ids.data(), count, 1, starts, literals->data(), stop);
  return {};
}

// Copies forward, so that what is copied may have been written by the same match.
void copy_match(uint8_t* data, int64_t at, int64_t size, uint32_t length, uint32_t distance) {
  constexpr uint32_t kStep = 16;
  uint8_t* to = data + at;
  const uint8_t* from = to - distance;
  if (distance < kStep || size - at < int64_t{length} + kStep) {
    for (uint32_t i = 0; i < length; ++i) to[i] = from[i];
    return;
  }
  for (uint32_t i = 0; i < length; i += kStep) std::memcpy(to + i, from + i, kStep);
}

}  // namespace

Result lz77_decode(const uint8_t* stream, int64_t stream_size, const Strings* strings,
                   uint8_t* data, int64_t size, Stop* stop) {
  const Result corrupt{Status::corrupt_stream, 0};
  AnsDecoder decoder(stream, stream_size);
  SequenceTables<true> tables;
  ByteTables<true> bytes(strings != nullptr ? 0 : 256, SymbolTable<256, true>());
  std::vector<uint8_t> literals;
  if (strings != nullptr) {
    const uint32_t count = decoder.number(decoder.symbol(&tables.literals));
    const Result read = read_literals(*strings, count, size, &decoder, &literals, stop);
    if (read.status != Status::ok) return read;
  }
  int64_t literal = 0;
  StopChecks checks(stop);
  for (int64_t at = 0; at < size;) {
    const uint32_t run = decoder.number(decoder.symbol(&tables.literals));
    checks.after(int64_t{run} + 1);
    if (run > size - at) return corrupt;
    if (strings == nullptr) {
      for (uint32_t i = 0; i < run; ++i, ++at) {
        data[at] = static_cast<uint8_t>(decoder.symbol(&bytes[at > 0 ? data[at - 1] : 0]));
      }
    } else {
      if (run > static_cast<int64_t>(literals.size()) - literal) return corrupt;
      std::copy_n(literals.data() + literal, run, data + at);
      literal += run;
      at += run;
    }
    if (at == size) break;
    const uint32_t length =
        decoder.number(decoder.symbol(&tables.lengths[length_context(run)])) + kMinMatch;
    const uint32_t code = decoder.symbol(&tables.distances[distance_context(length)]);
    const uint32_t distance =
        code < kRecent ? tables.recent.distances[code] : decoder.number(code - kRecent) + 1;
    if (length > size - at || distance > at) return corrupt;
    tables.recent.use(distance, code);
    copy_match(data, at, size, length, distance);
    at += length;
  }
  const bool all = literal == static_cast<int64_t>(literals.size()) && decoder.finished();
  return all ? Result{} : corrupt;
}

}  // namespace eqinfo
