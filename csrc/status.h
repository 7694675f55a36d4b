// What a stage reports. The core does not print, and throws only where memory runs out or a call is
// stopped (cpu/stop.h); csrc/bind turns a Status into an exception.
#pragma once

#include <cstdint>

namespace eqinfo {

enum class Status : int32_t {
  ok = 0,
  nan_logit,            // a logit is NaN
  infinite_logit,       // a logit is +infinity
  no_finite_logit,      // every logit of a row is -infinity
  zero_frequency,       // a frequency that a model gave is 0
  frequency_sum,        // frequencies that a model gave do not sum to 2^precision
  symbol_out_of_range,  // a symbol is negative or not below the alphabet size
  lane_out_of_range,    // a lane index is negative or not below the number of lanes
  corrupt_stream,       // a stream or codeword that no encoder writes
  truncated_tokens,     // a token stream ends inside a window
  token_out_of_range,   // a token does not fit its number of bits
  padding_not_zero,     // the bits after the last codeword are not all zero
  id_out_of_range,      // a token id is not below the number of strings
  malformed_codebook,   // node arrays are not a sorted dictionary with all bytes
  malformed_column,     // offsets of a column fall, or do not end with the number of ids
};

// Where the first fault lies. `row` counts what the function works on: rows, symbols, lanes,
// tokens or nodes.
struct Result {
  Status status = Status::ok;
  int64_t row = -1;
};

}  // namespace eqinfo
