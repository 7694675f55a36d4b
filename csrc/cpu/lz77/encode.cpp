#include <memory>
#include <utility>

#include "cpu/lz77/coder.h"
#include "cpu/lz77/tables.h"

namespace eqinfo {
namespace {

// All intervals of a stream, in the order in which they are decoded.
class AnsEncoder {
 public:
  // Has room for `most` intervals, and more are never put. Memory that is not used stays untouched.
  explicit AnsEncoder(int64_t most)
      : intervals_(new uint64_t[static_cast<size_t>(most)]), end_(intervals_.get()) {}

  void put(AnsInterval interval) {
    *end_++ =
        uint64_t{interval.precision} << 48 | uint64_t{interval.frequency} << 24 | interval.start;
  }
  void put_bits(uint32_t value, uint32_t bits) {
    if (bits > 0) put({value, 1, bits});
  }
  template <uint32_t symbols>
  void put_symbol(SymbolTable<symbols, false>* table, uint32_t symbol) {
    put(table->interval(symbol));
    table->count(symbol);
  }
  template <uint32_t symbols>
  void put_number(SymbolTable<symbols, false>* table, uint32_t value, uint32_t first_code = 0) {
    const Number number = number_of(value);
    put_symbol(table, first_code + number.code);
    put_bits(number.rest, number.bits);
  }

  // The states, little-endian, and then the words. They are written from the last to the first,
  // over intervals that are done: a word takes half the room of one.
  void finish(std::vector<uint8_t>* stream) {
    uint8_t* const words_end = reinterpret_cast<uint8_t*>(end_);
    uint8_t* words = words_end;
    // Those of the next symbol and of the one after it.
    uint64_t state = kLeastState;
    uint64_t other = kLeastState;
    if ((end_ - intervals_.get()) % kStates != 0) std::swap(state, other);
    while (end_ != intervals_.get()) {
      const uint64_t packed = *--end_;
      constexpr uint32_t kMask = (1u << 24) - 1u;
      const AnsInterval interval{static_cast<uint32_t>(packed) & kMask,
                                 static_cast<uint32_t>(packed >> 24) & kMask,
                                 static_cast<uint32_t>(packed >> 48)};
      std::swap(state, other);
      if (ans_is_full(state, interval)) {
        words = put_before(words, static_cast<uint32_t>(state));
        state >>= 32;
      }
      state = ans_encode(state, interval);
    }
    stream->reserve(kStates * kStateBytes + static_cast<size_t>(words_end - words));
    for (const uint64_t each : {state, other}) {
      for (uint32_t i = 0; i < kStateBytes; ++i) {
        stream->push_back(static_cast<uint8_t>(each >> (8 * i)));
      }
    }
    stream->insert(stream->end(), words, words_end);
  }

 private:
  static uint8_t* put_before(uint8_t* end, uint32_t word) {
    for (uint32_t k = kAnsWordBytes; k-- > 0;) *--end = static_cast<uint8_t>(word >> (8 * k));
    return end;
  }

  const std::unique_ptr<uint64_t[]> intervals_;
  uint64_t* end_;
};

void put_ids(const LiteralIds& literals, AnsEncoder* encoder, Stop* stop) {
  constexpr int64_t kAhead = 12;
  IdTables<false> tables(literals.alphabet);
  StopChecks checks(stop);
  for (int64_t i = 0; i < literals.count; ++i) {
    checks.after(1);
    if (i + kAhead < literals.count) {
      tables.prefetch(literals.ids[i + kAhead], literals.ids[i + kAhead - 1]);
    }
    const uint16_t id = literals.ids[i];
    const Guess pair = tables.pair();
    const Guess last = tables.last();
    const Outcome outcome = outcome_of(pair, last, id);
    if (pair.hits > 0 || last.hits > 0) {
      encoder->put_symbol(&tables.outcomes[outcome_context(pair, last)], outcome);
    }
    if (outcome == kMiss) {
      encoder->put(tables.misses.interval(id));
      tables.misses.count(id);
    }
    tables.learn_next(id);
  }
}

void put_match(const Sequence& sequence, SequenceTables<false>* tables, AnsEncoder* encoder) {
  encoder->put_number(&tables->lengths[length_context(sequence.literals)],
                      sequence.length - kMinMatch);
  const uint32_t recent = tables->recent.find(sequence.distance);
  auto* const distances = &tables->distances[distance_context(sequence.length)];
  if (recent < kRecent) {
    encoder->put_symbol(distances, recent);
  } else {
    encoder->put_number(distances, sequence.distance - 1, kRecent);
  }
  tables->recent.use(sequence.distance, recent);
}

int64_t most_intervals(const Lz77Input& input, const LiteralIds* ids) {
  constexpr int64_t kNumber = 2;
  constexpr int64_t kId = 2;  // an outcome and a miss
  int64_t most = ids != nullptr ? kNumber + kId * ids->count : 0;
  for (int64_t i = 0; i < input.count; ++i) {
    most += 3 * kNumber + (ids == nullptr ? int64_t{input.sequences[i].literals} : 0);
  }
  return most;
}

}  // namespace

void lz77_encode(const Lz77Input& input, const LiteralIds* ids, std::vector<uint8_t>* stream,
                 Stop* stop) {
  AnsEncoder encoder(most_intervals(input, ids));
  SequenceTables<false> tables;
  ByteTables<false> bytes(ids != nullptr ? 0 : 256, SymbolTable<256, false>());
  if (ids != nullptr) {
    encoder.put_number(&tables.literals, static_cast<uint32_t>(ids->count));
    put_ids(*ids, &encoder, stop);
  }
  StopChecks checks(stop);
  int64_t at = 0;
  for (int64_t i = 0; i < input.count; ++i) {
    const Sequence& sequence = input.sequences[i];
    checks.after(sequence.literals + 1);
    encoder.put_number(&tables.literals, sequence.literals);
    if (ids == nullptr) {
      for (uint32_t k = 0; k < sequence.literals; ++k, ++at) {
        encoder.put_symbol(&bytes[at > 0 ? input.data[at - 1] : 0], input.data[at]);
      }
    } else {
      at += sequence.literals;
    }
    if (sequence.length > 0) put_match(sequence, &tables, &encoder);
    at += sequence.length;
  }
  encoder.finish(stream);
}

}  // namespace eqinfo
