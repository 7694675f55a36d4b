// Loops that pack codewords and bits into tokens, and unpack them.
#pragma once

#include "bits.h"
#include "cpu/stop.h"
#include "status.h"

namespace eqinfo {

// tokens has room for ceil(count * window_bits / token_bits).
void pack_codewords(const uint64_t* codewords, int64_t count, uint32_t window_bits,
                    uint32_t token_bits, uint16_t* tokens, Stop* stop = nullptr);
// The inverse: codewords has room for floor(count * token_bits / window_bits).
Result unpack_codewords(const uint16_t* tokens, int64_t count, uint32_t window_bits,
                        uint32_t token_bits, uint64_t* codewords, Stop* stop = nullptr);
// The first `bits` bits of `bytes` as ceil(bits / token_bits) tokens, the last one padded with
// zeros.
void pack_bits(const uint8_t* bytes, int64_t bits, uint32_t token_bits, uint16_t* tokens,
               Stop* stop = nullptr);
// The inverse: bytes has room for ceil(count * token_bits / 8).
Result unpack_bits(const uint16_t* tokens, int64_t count, uint32_t token_bits, uint8_t* bytes,
                   Stop* stop = nullptr);

}  // namespace eqinfo
