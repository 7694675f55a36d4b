// Every kernel's name, arguments and geometry, in plain C++ that needs no CUDA header.
//
// - A kernel is extern "C" __global__ void eqinfo_<stage>_<what>(<Stage><What>Arguments): one
//   trivially copyable struct by value. Pointers point to device memory, sizes and strides are
//   int64 and count elements. A name that ends in _warp or _block says which threads share a row;
//   both take the same struct.
// - Bodies are in csrc/cuda/<stage>_kernel.cuh, launches in csrc/cuda/<stage>.cu with the geometry
//   of this header, so whoever executes kernels elsewhere launches them as the launcher does.
// - All arithmetic is that of the step functions in csrc/*.h. Kernels index, load, store, and use
//   __syncthreads, __shfl_*_sync, __ballot_sync, __popc, atomicMin on 64-bit integers and static
//   __shared__ memory; no other device function.
// - Kernels check values and never throw: a fault goes to a status of its row, lane or document,
//   whose work is left out; the others are not touched.
#pragma once

#include "codebook.h"
#include "frequency.h"
#include "range_coder.h"
#include "status.h"
#include "window.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// --- geometry ---
constexpr uint32_t kWarpThreads = 32;
constexpr uint32_t kThreadsOfItems = 128;  // of a block whose threads have an item each
constexpr uint32_t kThreadsOfWarps = 128;  // of a block whose warps have a row each
constexpr uint32_t kThreadsOfBlock = 512;  // of a block that shares one row
// Rows of up to so many symbols are a warp's; a block's barriers would take longer.
constexpr uint32_t kWarpAlphabet = 1024;

struct Geometry {
  int64_t blocks;
  uint32_t threads;
};
constexpr int64_t blocks_for(int64_t items, int64_t each) { return (items + each - 1) / each; }
// One row a warp, one row a block, one item a thread.
constexpr Geometry warp_geometry(int64_t rows) {
  return {blocks_for(rows, kThreadsOfWarps / kWarpThreads), kThreadsOfWarps};
}
constexpr Geometry block_geometry(int64_t rows) { return {rows, kThreadsOfBlock}; }
constexpr Geometry thread_geometry(int64_t items) {
  return {blocks_for(items, kThreadsOfItems), kThreadsOfItems};
}

// The kernel for rows of so many symbols is the one whose name ends in _warp; else _block.
constexpr bool rows_of_warps(uint32_t alphabet) { return alphabet <= kWarpAlphabet; }
constexpr Geometry row_geometry(int64_t rows, uint32_t alphabet) {
  return rows_of_warps(alphabet) ? warp_geometry(rows) : block_geometry(rows);
}

// --- frequency ---
enum class LogitType : int32_t { float32, float16, bfloat16 };

struct LogitRows {
  const void* logits;  // (count, alphabet), of `type`
  LogitType type;
  uint32_t alphabet;
  uint32_t precision;
  int64_t count;
  int64_t stride;  // between rows; symbols of a row are neighbours
};

// row_geometry: eqinfo_frequency_rows_warp, eqinfo_frequency_rows_block
struct FrequencyRowsArguments {
  LogitRows rows;
  uint32_t* frequencies;  // (count, alphabet), without gaps; a faulty row is not written
  int32_t* status;        // (count): a Status
};

// row_geometry: eqinfo_frequency_intervals_warp, eqinfo_frequency_intervals_block
struct FrequencyIntervalsArguments {
  LogitRows rows;
  const int32_t* symbols;  // (count): coded symbols; kNoSymbol: none, the row is not read
  Interval* intervals;     // (count); {0, 0} without a symbol and where the row is faulty
  int32_t* status;         // (count): a Status
};

constexpr int32_t kNoSymbol = -1;

// --- range coder ---
// thread_geometry(lanes): eqinfo_range_encode
struct RangeEncodeArguments {
  const Interval* intervals;  // (steps, lanes); of frequency 0: no symbol
  int64_t steps;
  int64_t lanes;
  uint32_t precision;
  RangeEncoder* encoders;  // (lanes)
  uint32_t* words;         // (lanes, capacity)
  int64_t capacity;        // at least one word a symbol of the stream, and one
  int64_t* counts;         // (lanes): words written
};

// thread_geometry(lanes): eqinfo_range_finish. The encoders begin anew; the words stay.
struct RangeFinishArguments {
  int64_t lanes;
  RangeEncoder* encoders;
  uint32_t* words;
  int64_t capacity;
  int64_t* counts;
  int64_t* bits;  // (lanes): length of the stream
};

// A stream a lane, one after the other.
struct RangeStreams {
  const uint8_t* bytes;
  const int64_t* offsets;  // (lanes + 1): stream i is bytes[offsets[i]..offsets[i + 1])
  RangeDecoder* decoders;  // (lanes)
  int64_t* positions;      // (lanes): bytes read of the stream
  int64_t lanes;
};

// thread_geometry(lanes): eqinfo_range_start
struct RangeStartArguments {
  RangeStreams streams;
  int32_t* status;  // (lanes): corrupt_stream where no encoder begins like this
};

// row_geometry(lanes, alphabet): eqinfo_range_decode_warp, eqinfo_range_decode_block
struct RangeDecodeArguments {
  RangeStreams streams;
  const uint32_t* frequencies;  // (lanes, alphabet)
  const int32_t* status;        // (lanes): lanes that are not ok stand still
  uint32_t alphabet;
  uint32_t precision;
  int64_t* remaining;  // (lanes): symbols still to come
  int32_t* symbols;    // (lanes): out; kNoSymbol where none remains
};

// thread_geometry(lanes): eqinfo_range_end
struct RangeEndArguments {
  RangeStreams streams;
  int64_t* bits;  // (lanes): as range_stream_bits, -1 included
};

// --- window ---
// A step takes one symbol on every lane. A lane has work, such as a document, and the next work
// when that is done: next[work], or kNoWork. A faulty row ends the work of its lane.
constexpr int64_t kNoWork = -1;
constexpr int32_t kFresh = -1;  // of `previous`: the model is to begin with an empty context

struct WindowStep {
  const uint32_t* frequencies;  // (lanes, alphabet): row i belongs to lane i
  const int32_t* row_status;    // (lanes): a Status of each row
  int64_t lanes;
  uint32_t alphabet;
  uint32_t precision;
  uint32_t window_bits;
  int64_t* work;           // (lanes)
  const int64_t* next;     // (works)
  int64_t* positions;      // (lanes): next symbol, or current codeword, among those of all works
  uint64_t* windows;       // (lanes, kWindowWords)
  int32_t* previous;       // (lanes): out; the symbol that the model is to take in, or kFresh
  int32_t* status;         // (works): out; a Status where a work ends early, and
  int64_t* fault_offsets;  // (works): how many symbols or codewords of it were done then
};

// row_geometry(lanes, alphabet): eqinfo_window_encode_warp, eqinfo_window_encode_block
struct WindowEncodeArguments {
  WindowStep step;
  const int32_t* symbols;  // of all documents, one after the other
  const int64_t* offsets;  // (documents + 1): where they begin; none is empty
  int64_t reset_every;     // windows between resets of the model; 0: never
  int64_t* since_reset;    // (lanes): windows closed since
  uint64_t* codewords;     // (symbols, 2): out; those of document i begin at row offsets[i]
  int64_t* counts;         // (documents): out; codewords written
};

// row_geometry(lanes, alphabet): eqinfo_window_decode_warp, eqinfo_window_decode_block
struct WindowDecodeArguments {
  WindowStep step;
  const uint64_t* codewords;  // (n, 2) of all segments, one after the other; none is 0
  const int64_t* offsets;     // (segments + 1): where they begin; none is empty
  int32_t* symbols;           // (lanes): out; kNoSymbol where the lane has no work
  int64_t* symbol_work;       // (lanes): out; the segment that the symbol belongs to
};

// --- codebook ---
// Ids are uint32 where `wide`, else uint16; the slots of the two differ.

// thread_geometry(documents): eqinfo_codebook_encode
struct CodebookEncodeArguments {
  Trie trie;
  int32_t wide;
  const uint8_t* text;     // of all documents, one after the other
  const int64_t* offsets;  // (documents + 1): where they begin
  int64_t documents;
  void* ids;        // (bytes of text): out; those of document i begin at offsets[i]
  int64_t* counts;  // (documents): out; ids of each
};

// Decoding is three kernels: bytes of every block of ids, where each block begins, the text.
struct CodebookIds {
  Strings strings;
  int32_t wide;
  const void* ids;  // (count)
  int64_t count;
  int64_t* blocks;  // (blocks_for(count, kThreadsOfBlock) + 1): bytes, then where they begin
};

// block_geometry(blocks): eqinfo_codebook_measure
struct CodebookMeasureArguments {
  CodebookIds ids;
  int64_t* fault;  // lowered to the first id that the codebook has not; it stands for no bytes
};

// block_geometry(1): eqinfo_codebook_scan. The last of `blocks` becomes the bytes of all.
struct CodebookScanArguments {
  int64_t* blocks;
  int64_t count;  // of blocks
};

// block_geometry(blocks): eqinfo_codebook_write
struct CodebookWriteArguments {
  CodebookIds ids;
  uint8_t* text;  // nothing is written where there are more bytes than `capacity`
  int64_t capacity;
  int64_t* starts;  // (count + 1): out; where the bytes of each id begin. May be null.
};

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
