// Decodes ids to text.
#pragma once

#include "cpu/codebook/tables.h"
#include "cpu/stop.h"

namespace eqinfo {

// Checks every id and measures where the text of each document ids[offsets[i]..offsets[i + 1]) goes
// if texts follow each other: text_offsets[i], in bytes, documents + 1 of them, from 0 on. There
// must be fewer than 2^42 ids, so that the bytes fit 63 bits. starts[k] is where thread k of
// codebook_decode_ids begins to write; starts[threads] is the end.
template <typename Id>
Result codebook_decoded_bytes(const Strings& strings, const Id* ids, const int64_t* offsets,
                              int64_t documents, int threads, int64_t* text_offsets,
                              int64_t* starts, Stop* stop = nullptr);
// Takes the ids and threads that codebook_decoded_bytes was given and the starts that it found;
// `count` ids from the first id of the first document on. `text` has room for exactly those bytes.
template <typename Id>
void codebook_decode_ids(const Strings& strings, const Id* ids, int64_t count, int threads,
                         const int64_t* starts, uint8_t* text, Stop* stop = nullptr);

// For decoding in one pass on one thread, without measuring: an estimate of the bytes of text from
// a sample of the ids, plus a little. The ids may be invalid. The estimate is rarely too small, and
// is never above 33 bytes per id plus 128.
template <typename Id>
int64_t codebook_expected_bytes(const Strings& strings, const Id* ids, int64_t count);
// How much has been decoded.
struct Decoded {
  int64_t documents = 0;
  int64_t ids = 0;  // from the first id of the first document on
  int64_t bytes = 0;
};
// Decodes from *decoded on, to the end of the last document or up to the first string that does not
// fit `room`, the bytes of `text`; a call with more room resumes there. Writes the text_offsets of
// codebook_decoded_bytes. Bytes of `text` after those decoded are undefined. Checks ids as it
// reaches them; Result::row is the index of an invalid one, as in codebook_decoded_bytes.
template <typename Id>
Result codebook_decode_onward(const Strings& strings, const Id* ids, const int64_t* offsets,
                              int64_t documents, uint8_t* text, int64_t room, int64_t* text_offsets,
                              Decoded* decoded, Stop* stop = nullptr);

}  // namespace eqinfo
