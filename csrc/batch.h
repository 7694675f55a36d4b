// Entry points of the core: pointers, lengths, Result. The caller owns all memory and checks sizes;
// these functions check values. Only making a codebook grows memory, in vectors that the caller
// passes. On a fault nothing that was passed in as state has changed.
#pragma once

#include <vector>

#include "bits.h"
#include "codebook.h"
#include "frequency.h"
#include "padded_window.h"
#include "range_coder.h"
#include "status.h"
#include "window.h"

namespace eqinfo {

// Predictions, one row a symbol: float32 logits, or frequencies that the model gave ready-made
// (exactly one of the two pointers is set). Rows are `alphabet` values, one after the other.
struct Rows {
  const float* logits;
  const uint32_t* frequencies;
  int64_t count;
  uint32_t alphabet;
  uint32_t precision;
};

// --- frequency ---
// All rows, which must be logits, into frequencies of the same shape.
Result frequency_rows(const Rows& rows, uint32_t* frequencies);
// Rows that are worked on at once, so that the latencies of one hide behind the others.
constexpr int64_t kRowBlock = 4;
// Rows first .. first + kRowBlock - 1, as far as there are so many: computed into `scratch`, which
// holds kRowBlock rows, or checked and left where they lie.
Result frequency_block(const Rows& rows, int64_t first, uint32_t* scratch, const uint32_t** out);
// Interval of symbols[i] in row i; `scratch` holds kRowBlock rows.
Result symbol_intervals(const Rows& rows, const int32_t* symbols, uint32_t* scratch,
                        Interval* intervals);

// --- range_coder ---
// One stream; the sink has room for `count` words.
void range_encode_intervals(RangeEncoder* encoder, WordSink* sink, const Interval* intervals,
                            int64_t count, uint32_t precision);
Result range_decode_rows(RangeDecoder* decoder, ByteSource* source, const Rows& rows,
                         uint32_t* scratch, int32_t* symbols);
// Symbol and interval of row i in decoders[lanes[i]], which does not advance yet.
Result range_peek_lanes(const RangeDecoder* decoders, const int64_t* lanes, const Rows& rows,
                        uint32_t* scratch, int32_t* symbols, Interval* intervals);
// One fixed distribution: `starts` are the alphabet + 1 cumulative frequencies.
Result range_encode_static(RangeEncoder* encoder, WordSink* sink, const uint32_t* starts,
                           uint32_t alphabet, uint32_t precision, const int32_t* symbols,
                           int64_t count);
// `buckets`, of 2^kBucketBits + 1 values, come from static_buckets.
constexpr uint32_t kBucketBits = 12;
void static_buckets(const uint32_t* starts, uint32_t alphabet, uint32_t precision,
                    uint32_t* buckets);
void range_decode_static(RangeDecoder* decoder, ByteSource* source, const uint32_t* starts,
                         uint32_t precision, const uint32_t* buckets, int32_t* symbols,
                         int64_t count);

// --- window ---
// Windows are rows of words: base and shared, or base, width and their fractional parts; the most
// significant word of a number comes first.
constexpr int64_t kWindowWords = 4;
constexpr int64_t kPaddedWords = 6;
// What a step works on: row i belongs to windows[lanes[i]]; `scratch` holds kRowBlock rows
// and `pending` as many words as a window for each row.
struct WindowLanes {
  uint64_t* windows;
  const int64_t* lanes;
  uint32_t* scratch;
  uint64_t* pending;
};
Window load_window(const uint64_t* words);
PaddedWindow load_padded_window(const uint64_t* words);
Result window_encode_lanes(const WindowLanes& lanes, const Rows& rows, const int32_t* symbols,
                           uint8_t* fits);
// symbols[i] = -1: the window has ended. `codewords` are rows of two words, by lane.
Result window_decode_lanes(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords,
                           int32_t* symbols);
// settled[i]: the paper's decoder would end the window of row i here, so its codeword may be
// written.
Result padded_encode_lanes(const WindowLanes& lanes, const Rows& rows, const int32_t* symbols,
                           uint8_t* fits, uint8_t* settled);
Result padded_decode_lanes(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords,
                           int32_t* symbols);
// All windows one symbol longer that fit into windows[row]: their row, symbol and words. The caller
// gives room for the sum over rows of min(alphabet, shared); returns how many there are.
Result window_children(const uint64_t* windows, const Rows& rows, uint32_t* scratch,
                       int64_t* parents, int32_t* symbols, uint64_t* children, int64_t* count);

// --- codebook ---
// A codebook as it is stored: for every id, in depth-first order, the length and last byte of its
// string.
struct NodeArrays {
  std::vector<uint32_t> depth;
  std::vector<uint8_t> symbol;
};
// Tables made from it, never changed afterwards.
struct CodebookTables {
  std::vector<TrieSlot> slots;
  std::vector<TrieSlot> nodes;  // by id, for walks that resume
  std::vector<Entry> entries;
  std::vector<uint32_t> links;
  std::vector<uint8_t> tails;
  Strings strings() const {
    return {entries.data(), links.data(), tails.data(), static_cast<uint32_t>(entries.size())};
  }
};
// `count` must be a power of two from 2^9 to 2^20. The row of a fault is the first node that is
// wrong, or `count` where a byte is missing.
Result build_codebook(const uint32_t* depth, const uint8_t* symbol, int64_t count,
                      CodebookTables* tables);
// Ids of the windows that close inside the text; `ids` has room for `bytes`. Returns how many.
// *node is where the walk begins, and where it ends: the last window stays open.
int64_t codebook_encode_text(const TrieSlot* slots, TrieSlot* node, const uint8_t* text,
                             int64_t bytes, uint16_t* ids);
int64_t codebook_encode_text(const TrieSlot* slots, TrieSlot* node, const uint8_t* text,
                             int64_t bytes, uint32_t* ids);
// Checks every id, and the bytes that they decode to; count < 2^43, so that they fit 63 bits.
Result codebook_decoded_bytes(const Strings& strings, const uint16_t* ids, int64_t count,
                              int64_t* bytes);
Result codebook_decoded_bytes(const Strings& strings, const uint32_t* ids, int64_t count,
                              int64_t* bytes);
// ids and bytes as codebook_decoded_bytes found them; `text` has room for just so many.
void codebook_decode_ids(const Strings& strings, const uint16_t* ids, int64_t count, uint8_t* text,
                         int64_t bytes);
void codebook_decode_ids(const Strings& strings, const uint32_t* ids, int64_t count, uint8_t* text,
                         int64_t bytes);

// All strings one symbol longer whose weight is at least `least`: their row, symbol and weight (two
// words). The caller gives room for all symbols of all rows; returns how many there are.
Result weighted_children(const uint64_t* weights, const Rows& rows, const uint64_t* least,
                         uint32_t* scratch, int64_t* parents, int32_t* symbols, uint64_t* children,
                         int64_t* count);

// --- bits ---
// tokens has room for ceil(count * window_bits / token_bits).
void pack_codewords(const uint64_t* codewords, int64_t count, uint32_t window_bits,
                    uint32_t token_bits, uint16_t* tokens);
// The reverse: codewords has room for floor(count * token_bits / window_bits).
Result unpack_codewords(const uint16_t* tokens, int64_t count, uint32_t window_bits,
                        uint32_t token_bits, uint64_t* codewords);
// The first `bits` bits of `bytes` as ceil(bits / token_bits) tokens, the last one padded with
// zeros.
void pack_bits(const uint8_t* bytes, int64_t bits, uint32_t token_bits, uint16_t* tokens);
// The reverse: bytes has room for ceil(count * token_bits / 8).
Result unpack_bits(const uint16_t* tokens, int64_t count, uint32_t token_bits, uint8_t* bytes);

}  // namespace eqinfo
