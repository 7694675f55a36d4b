// Ids into text.
#pragma once

#include "cpu/codebook/tables.h"

namespace eqinfo {

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

}  // namespace eqinfo
