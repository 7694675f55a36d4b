// Loops of the window stage: one symbol on each of many lanes, for bijective and padded windows.
#pragma once

#include "cpu/frequency_loops.h"
#include "padded_window.h"
#include "window.h"

namespace eqinfo {

// A window is stored as words: base and shared, or base, width and their fractional parts, with the
// most significant word of a number first.
constexpr int64_t kPaddedWords = 6;
// What a step works on: row i belongs to window lanes[i]. `scratch` holds kRowBlock rows, `pending`
// one window per row.
struct WindowLanes {
  uint64_t* windows;
  const int64_t* lanes;
  uint32_t* scratch;
  uint64_t* pending;
  Stop* stop = nullptr;
};
PaddedWindow load_padded_window(const uint64_t* words);
Result window_encode_lanes(const WindowLanes& lanes, const Rows& rows, const int32_t* symbols,
                           uint8_t* fits);
// symbols[i] is -1 where the window has ended. `codewords` holds two words per lane.
Result window_decode_lanes(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords,
                           int32_t* symbols);
// settled[i]: whether the paper's decoder would end the window of row i here, so that its codeword
// may be written.
Result padded_encode_lanes(const WindowLanes& lanes, const Rows& rows, const int32_t* symbols,
                           uint8_t* fits, uint8_t* settled);
Result padded_decode_lanes(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords,
                           int32_t* symbols);
// All windows that are one symbol longer than windows[row] and fit: their row, symbol and words.
// The caller provides room for the sum over rows of min(alphabet, shared); *count is how many there
// are.
Result window_children(const uint64_t* windows, const Rows& rows, uint32_t* scratch,
                       int64_t* parents, int32_t* symbols, uint64_t* children, int64_t* count,
                       Stop* stop);

}  // namespace eqinfo
