// Loops of the window stage: a symbol on many lanes, bijective or padded.
#pragma once

#include "cpu/frequency_loops.h"
#include "padded_window.h"
#include "window.h"

namespace eqinfo {

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

}  // namespace eqinfo
