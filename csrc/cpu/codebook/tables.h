// Entry points of the core: pointers, lengths, Result. The caller owns all memory and checks sizes;
// these functions check values. Only making a codebook grows memory, in vectors that the caller
// passes. On a fault nothing that was passed in as state has changed.
#pragma once

#include <vector>

#include "bits.h"
#include "codebook.h"
#include "counted_frequency.h"
#include "frequency.h"
#include "cpu/memory.h"
#include "padded_window.h"
#include "range_coder.h"
#include "status.h"
#include "string_column.h"
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
template <typename Symbol>
Result range_encode_static(RangeEncoder* encoder, WordSink* sink, const uint32_t* starts,
                           uint32_t alphabet, uint32_t precision, const Symbol* symbols,
                           int64_t count);
// `buckets`, of 2^kBucketBits + 1 values, come from static_buckets.
constexpr uint32_t kBucketBits = 12;
void static_buckets(const uint32_t* starts, uint32_t alphabet, uint32_t precision,
                    uint32_t* buckets);
template <typename Symbol>
void range_decode_static(RangeDecoder* decoder, ByteSource* source, const uint32_t* starts,
                         uint32_t precision, const uint32_t* buckets, Symbol* symbols,
                         int64_t count);
// A run of ids with the frequencies that `all` gives, in which they are counted then. Room for
// all->ids + 1 `starts` and 2^kBucketBits + 1 `buckets`.
Result range_encode_counted(RangeEncoder* encoder, WordSink* sink, IdCounts* all, uint32_t* starts,
                            const uint16_t* ids, int64_t count);
void range_decode_counted(RangeDecoder* decoder, ByteSource* source, IdCounts* all,
                          uint32_t* starts, uint32_t* buckets, uint16_t* ids, int64_t count);

// --- window ---
// Windows are rows of words: base and shared, or base, width and their fractional parts; the most
// significant word of a number comes first.
constexpr int64_t kPaddedWords = 6;
// What a step works on: row i belongs to windows[lanes[i]]; `scratch` holds kRowBlock rows
// and `pending` as many words as a window for each row.
struct WindowLanes {
  uint64_t* windows;
  const int64_t* lanes;
  uint32_t* scratch;
  uint64_t* pending;
};
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
// Tables made from a codebook, never changed afterwards.
struct CodebookTables {
  std::vector<TrieSlot> slots;
  std::vector<uint32_t> closing;
  std::vector<Failure> failures;
  std::vector<uint32_t> pops;
  std::vector<uint32_t> failure_nodes;  // by failure: its passing node
  std::vector<TrieSlot> nodes;          // by node, for walks that resume
  std::vector<uint32_t> id_nodes;       // by id: its node
  std::vector<uint32_t> words;
  std::vector<uint8_t> sizes;
  std::vector<LongString> longs;
  std::vector<uint8_t> tails;
  // A walk from any node through n bytes closes at most n + open_windows - 1 windows, and
  // codebook_finish at most open_windows.
  int64_t open_windows;
  // Ids are uint32, not uint16: the slots of the two differ.
  bool wide_ids() const { return id_nodes.size() > size_t{1} << 16; }
  Trie trie() const { return {slots.data(), closing.data(), failures.data(), pops.data()}; }
  Strings strings() const {
    return {words.data(), sizes.data(), longs.data(), tails.data(),
            static_cast<uint32_t>(words.size())};
  }
  uint32_t node(TrieSlot slot) const {
    const uint32_t closing_by = slot_closing(trie(), slot);
    if (closing_by < kHasId) return failure_nodes[closing_by];
    return id_nodes[wide_ids() ? slot_value<uint32_t>(slot) : slot_value<uint16_t>(slot)];
  }
};
// Nodes come in depth-first order: length and last byte of their string, and whether it has an id.
// `ids` of them are to have one, a power of two from 2^9 to 2^20; `count` is at most kMaxNodes. The
// row of a fault is the first node that is wrong, or `count` where a byte is missing.
Result build_codebook(const uint32_t* depth, const uint8_t* symbol, const uint8_t* end,
                      int64_t count, int64_t ids, CodebookTables* tables);

// Texts, each where its pointer says, or one after the other: text i is
// data[offsets[i]..offsets[i + 1]).
struct Texts {
  const uint8_t* const* pointers;  // null: flat
  const int64_t* sizes;
  const uint8_t* data;
  const int64_t* offsets;
  int64_t count;
  const uint8_t* text(int64_t i) const { return pointers ? pointers[i] : data + offsets[i]; }
  int64_t size(int64_t i) const { return pointers ? sizes[i] : offsets[i + 1] - offsets[i]; }
};
// The greedy parse of every text, appended to `ids`; ends[i] is the length of `ids` after text i.
// Scratch memory is a few bytes for each of the texts' bytes, and at most some MiB a thread.
template <typename Id>
void codebook_encode_texts(const CodebookTables& tables, const Texts& texts, int threads,
                           Growing<Id>* ids, int64_t* ends);
// The same for one text that goes on: from *node on, and the last window stays open.
template <typename Id>
void codebook_encode_part(const CodebookTables& tables, const uint8_t* text, int64_t bytes,
                          int threads, TrieSlot* node, Growing<Id>* ids);
// The parse with the fewest windows; among equals the one with the longest first window, and so on.
// Takes four bytes more for every byte of the longest text a thread has, and time in proportion to
// the length of strings.
template <typename Id>
void codebook_encode_shortest(const CodebookTables& tables, const Texts& texts, int threads,
                              Growing<Id>* ids, int64_t* ends);
// Checks every id, and says where documents ids[offsets[i]..offsets[i + 1]) decode to, one after
// the other: text_offsets[i], in bytes, documents + 1 of them from 0 on. Fewer than 2^42 ids, so
// that the bytes fit 63 bits. starts[k] is where thread k of codebook_decode_ids begins to write,
// starts[threads] where the last one ends.
template <typename Id>
Result codebook_decoded_bytes(const Strings& strings, const Id* ids, const int64_t* offsets,
                              int64_t documents, int threads, int64_t* text_offsets,
                              int64_t* starts);
// ids, threads and starts as codebook_decoded_bytes had and found them; `count` ids from the first
// document's first on; `text` has room for just the bytes found.
template <typename Id>
void codebook_decode_ids(const Strings& strings, const Id* ids, int64_t count, int threads,
                         const int64_t* starts, uint8_t* text);

// The same in one pass on one thread, where it is not known beforehand how much room it takes: what
// a sample of the ids says, and a little more. Any ids; seldom too little, and never more than 33
// bytes an id, and 128.
template <typename Id>
int64_t codebook_expected_bytes(const Strings& strings, const Id* ids, int64_t count);
// How far documents are decoded.
struct Decoded {
  int64_t documents = 0;
  int64_t ids = 0;  // from the first document's first on
  int64_t bytes = 0;
};
// Decodes from where *decoded says to the end of the last document, or up to the first string for
// which `room`, the bytes of `text`, is too little; with more, the next call goes on. Finds the
// text_offsets of codebook_decoded_bytes. Bytes of text past those decoded are undefined. Checks
// ids as it comes to them; Result::row is the number of a bad one, as in codebook_decoded_bytes.
template <typename Id>
Result codebook_decode_onward(const Strings& strings, const Id* ids, const int64_t* offsets,
                              int64_t documents, uint8_t* text, int64_t room, int64_t* text_offsets,
                              Decoded* decoded);

// All strings one symbol longer whose weight is at least `least`: their row, symbol and weight (two
// words). The caller gives room for all symbols of all rows; returns how many there are.
Result weighted_children(const uint64_t* weights, const Rows& rows, const uint64_t* least,
                         uint32_t* scratch, int64_t* parents, int32_t* symbols, uint64_t* children,
                         int64_t* count);

// --- string_rows ---
// Rows from anywhere: begin(0) is 0, begin(count) is `size`, none begins before the one before it,
// and ids are below `strings`.
template <typename Id, typename Step>
Result check_rows(const StringRows<Id, Step>& rows, int64_t size, uint32_t strings);
// Where rows first..first + count begin, and the last of them ends: count + 1 offsets.
template <typename Id, typename Step>
void row_offsets(const StringRows<Id, Step>& rows, int64_t first, int64_t count, int64_t* offsets);
// found[i]: row first + i has just these ids.
template <typename Id, typename Step>
void rows_equal(const StringRows<Id, Step>& rows, int64_t first, int64_t count, const Id* ids,
                int64_t size, bool* found);
// found[i]: row first + i begins with the prefix that the pattern is of.
template <typename Id, typename Step>
void rows_start_with(const StringRows<Id, Step>& rows, int64_t first, int64_t count,
                     const PrefixPattern<Id>& pattern, bool* found);
// The pattern of a prefix of at least one byte.
template <typename Id>
void prefix_pattern(const CodebookTables& tables, const uint8_t* prefix, int64_t bytes,
                    std::vector<Id>* ids, std::vector<PrefixBranch>* branches);

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
