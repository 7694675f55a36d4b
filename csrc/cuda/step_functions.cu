// Every step function compiled for the device, so that the one arithmetic body stays fit for
// kernels: a header that needs the host breaks this build.
#include "codebook.h"
#include "frequency.h"
#include "padded_window.h"
#include "range_coder.h"
#include "window.h"
#include "word.h"

namespace eqinfo {

__global__ void encode_symbol(const float* logits, uint32_t alphabet, uint32_t precision,
                              uint32_t symbol, uint32_t* frequencies, Window* window,
                              PaddedWindow* padded, RangeEncoder* encoder, WordSink* sink,
                              int32_t* result) {
  if (frequency_row(logits, alphabet, precision, frequencies) != Status::ok) return;
  range_encode(encoder, symbol_interval(frequencies, symbol), precision, sink);
  result[0] = window_encode(window, frequencies, alphabet, precision, symbol);
  result[1] = padded_encode(padded, frequencies, precision, symbol);
}

__global__ void decode_symbol(const uint32_t* frequencies, uint32_t alphabet, uint32_t precision,
                              const uint128* codeword, Window* window, PaddedWindow* padded,
                              RangeDecoder* decoder, ByteSource* source, int32_t* result) {
  Interval interval{};
  const uint32_t target = range_target(*decoder, precision);
  result[0] = static_cast<int32_t>(locate_symbol(frequencies, target, &interval));
  range_advance(decoder, interval, precision, source);
  result[1] =
      static_cast<int32_t>(window_decode(window, frequencies, alphabet, precision, *codeword));
  result[2] = padded_decode(padded, frequencies, alphabet, precision, *codeword);
}

__global__ void encode_byte(Trie trie, Strings strings, uint8_t byte, TrieSlot* node, uint16_t* ids,
                            uint8_t* text) {
  uint16_t* end = ids;
  codebook_encode(trie, node, byte, &end);
  codebook_finish(trie, node, &end);
  codebook_write(strings, strings.words[ids[0]], text);
}

__global__ void next_word_ends(const uint8_t* text, int64_t bytes, bool* ends, bool* piece) {
  const Character first = read_character(text, bytes);
  const Character second = read_character(text + first.bytes, bytes - first.bytes);
  *ends = word_ends(first.word_class, second.word_class);
  *piece = is_piece_of_character(text, first.bytes);
}

}  // namespace eqinfo
