// Streams of lz77: literals and matches, coded. See lz77.h.
#pragma once

#include <vector>

#include "codebook.h"
#include "cpu/stop.h"
#include "lz77.h"
#include "status.h"

namespace eqinfo {

// The sequences of some data, for as many bytes as the data has.
struct Lz77Input {
  const uint8_t* data;
  int64_t size;  // at most kMaxLz77Bytes
  const Sequence* sequences;
  int64_t count;
};

// What the literals are coded as, if not as bytes: their ids, one after the other.
struct LiteralIds {
  const uint16_t* ids;
  int64_t count;
  uint32_t alphabet;  // the number of ids there are
};

void lz77_encode(const Lz77Input& input, const LiteralIds* ids, std::vector<uint8_t>* stream,
                 Stop* stop = nullptr);
// Fills the `size` bytes of `data`. corrupt_stream where the stream does not give exactly that
// many, or does not end with the last of them. `strings` are those of the codebook whose ids the
// literals are; null for bytes.
Result lz77_decode(const uint8_t* stream, int64_t stream_size, const Strings* strings,
                   uint8_t* data, int64_t size, Stop* stop = nullptr);

}  // namespace eqinfo
