// The name, arguments and geometry of every kernel, in plain C++ that needs no CUDA header.
//
// - A kernel is extern "C" __global__ void eqinfo_<stage>_<what>(<Stage><What>Arguments) and takes
//   one trivially copyable struct by value. Pointers point to device memory; sizes and strides are
//   int64 and count elements. A suffix _warp or _block says which threads share a row; both
//   variants take the same struct.
// - Bodies are in csrc/cuda/<stage>_kernel.cuh, launches in csrc/cuda/<stage>.cu. The geometry is
// in
//   this header, so that code that runs kernels elsewhere launches them as the launcher does.
// - All arithmetic is in the step functions of csrc/*.h. Kernels index, load, store, and use only
//   __syncthreads, __shfl_*_sync, __ballot_sync, __popc, __dp4a, atomicMin on 64-bit integers and
//   static __shared__ memory.
// - Kernels check values and never throw. A fault sets the status of its row, lane or document,
// which
//   is skipped; the others are not affected.
#pragma once

#include "codebook.h"
#include "frequency.h"
#include "range_coder.h"
#include "status.h"
#include "transformer.h"
#include "window.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

// --- geometry ---
constexpr uint32_t kWarpThreads = 32;
constexpr uint32_t kThreadsOfItems = 128;  // per block if each thread has an item
constexpr uint32_t kThreadsOfWarps = 128;  // per block if each warp has a row
constexpr uint32_t kThreadsOfBlock = 512;  // per block if the block shares one row
// Rows of up to this many symbols are processed by a warp; the barriers of a block would take
// longer.
constexpr uint32_t kWarpAlphabet = 1024;

struct Geometry {
  int64_t blocks;
  uint32_t threads;
};
constexpr int64_t blocks_for(int64_t items, int64_t each) { return (items + each - 1) / each; }
// One row per warp, one row per block, one item per thread.
constexpr Geometry warp_geometry(int64_t rows) {
  return {blocks_for(rows, kThreadsOfWarps / kWarpThreads), kThreadsOfWarps};
}
constexpr Geometry block_geometry(int64_t rows) { return {rows, kThreadsOfBlock}; }
constexpr Geometry thread_geometry(int64_t items) {
  return {blocks_for(items, kThreadsOfItems), kThreadsOfItems};
}

// Whether rows of this alphabet use the kernel whose name ends in _warp, not _block.
constexpr bool rows_of_warps(uint32_t alphabet) { return alphabet <= kWarpAlphabet; }
constexpr Geometry row_geometry(int64_t rows, uint32_t alphabet) {
  return rows_of_warps(alphabet) ? warp_geometry(rows) : block_geometry(rows);
}

// Products of rows and a matrix: a block has some rows and outputs, a thread some rows of an
// output.
constexpr uint32_t kTileRows = 16;
constexpr uint32_t kTileOutputs = 32;
constexpr Geometry matrix_geometry(int64_t rows, int64_t outputs) {
  return {blocks_for(rows, kTileRows) * blocks_for(outputs, kTileOutputs), kThreadsOfItems};
}

// --- frequency ---
enum class LogitType : int32_t { float32, float16, bfloat16, int32 };

struct LogitRows {
  const void* logits;  // (count, alphabet), of `type`; integers in 1024ths of an octave
  LogitType type;
  uint32_t alphabet;
  uint32_t precision;
  int64_t count;
  int64_t stride;  // between rows; the symbols of a row are adjacent
};

// row_geometry: eqinfo_frequency_rows_warp, eqinfo_frequency_rows_block
struct FrequencyRowsArguments {
  LogitRows rows;
  uint32_t* frequencies;  // (count, alphabet), contiguous; a faulty row is not written
  int32_t* status;        // (count): a Status
};

// row_geometry: eqinfo_frequency_intervals_warp, eqinfo_frequency_intervals_block
struct FrequencyIntervalsArguments {
  LogitRows rows;
  const int32_t* symbols;  // (count): coded symbols; for kNoSymbol the row is not read
  Interval* intervals;     // (count); {0, 0} where there is no symbol or the row is faulty
  int32_t* status;         // (count): a Status
};

constexpr int32_t kNoSymbol = -1;

// --- range coder ---
// thread_geometry(lanes): eqinfo_range_encode
struct RangeEncodeArguments {
  const Interval* intervals;  // (steps, lanes); a frequency of 0 means no symbol
  int64_t steps;
  int64_t lanes;
  uint32_t precision;
  RangeEncoder* encoders;  // (lanes)
  uint32_t* words;         // (lanes, capacity)
  int64_t capacity;        // at least one word per symbol of the stream, plus one
  int64_t* counts;         // (lanes): words written
};

// thread_geometry(lanes): eqinfo_range_finish. Resets the encoders; the words stay.
struct RangeFinishArguments {
  int64_t lanes;
  RangeEncoder* encoders;
  uint32_t* words;
  int64_t capacity;
  int64_t* counts;
  int64_t* bits;  // (lanes): length of the stream
};

// One stream per lane; streams are stored one after the other.
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
  int32_t* status;  // (lanes): corrupt_stream where no encoder writes such a beginning
};

// row_geometry(lanes, alphabet): eqinfo_range_decode_warp, eqinfo_range_decode_block
struct RangeDecodeArguments {
  RangeStreams streams;
  const uint32_t* frequencies;  // (lanes, alphabet)
  const int32_t* status;        // (lanes): lanes that are not ok are skipped
  uint32_t alphabet;
  uint32_t precision;
  int64_t* remaining;  // (lanes): symbols still to be decoded
  int32_t* symbols;    // (lanes): out; kNoSymbol where none remains
};

// thread_geometry(lanes): eqinfo_range_end
struct RangeEndArguments {
  RangeStreams streams;
  int64_t* bits;  // (lanes): as range_stream_bits, including -1
};

// --- window ---
// A step codes one symbol on every lane. A lane has a work item, such as a document, and continues
// with next[work], or kNoWork, when that is done. A faulty row ends the work item of its lane.
constexpr int64_t kNoWork = -1;
constexpr int32_t kFresh = -1;  // in `previous`: the model must begin with an empty context

struct WindowStep {
  const uint32_t* frequencies;  // (lanes, alphabet): row i belongs to lane i
  const int32_t* row_status;    // (lanes): a Status of each row
  int64_t lanes;
  uint32_t alphabet;
  uint32_t precision;
  uint32_t window_bits;
  int64_t* work;           // (lanes): the work item of each
  const int64_t* next;     // (works)
  int64_t* positions;      // (lanes): next symbol, or current codeword, among those of all items
  uint64_t* windows;       // (lanes, kWindowWords)
  int32_t* previous;       // (lanes): out; the symbol that the model must append, or kFresh
  int32_t* status;         // (works): out; a Status where a work item ends early
  int64_t* fault_offsets;  // (works): out; the symbols or codewords of it that were done by then
};

// row_geometry(lanes, alphabet): eqinfo_window_encode_warp, eqinfo_window_encode_block
struct WindowEncodeArguments {
  WindowStep step;
  const int32_t* symbols;  // of all documents, one after the other
  const int64_t* offsets;  // (documents + 1): where they begin; none is empty
  int64_t reset_every;     // windows between resets of the model; 0: never
  int64_t* since_reset;    // (lanes): windows closed since the last reset
  uint64_t* codewords;     // (symbols, 2): out; those of document i begin at row offsets[i]
  int64_t* counts;         // (documents): out; codewords written
};

// row_geometry(lanes, alphabet): eqinfo_window_decode_warp, eqinfo_window_decode_block
struct WindowDecodeArguments {
  WindowStep step;
  const uint64_t* codewords;  // (n, 2), of all segments, one after the other; none is 0
  const int64_t* offsets;     // (segments + 1): where they begin; none is empty
  int32_t* symbols;           // (lanes): out; kNoSymbol where the lane has no work
  int64_t* symbol_work;       // (lanes): out; the segment that the symbol belongs to
};

// --- codebook ---
// Ids are uint32 where `wide`, otherwise uint16; the slots of the two differ.

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

// Decoding takes three kernels: they count the bytes of every block of ids, find where each block
// begins, and write the text.
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
  int64_t* fault;  // lowered to the index of the first invalid id; such an id stands for no bytes
};

// block_geometry(1): eqinfo_codebook_scan. The last of `blocks` becomes the total number of bytes.
struct CodebookScanArguments {
  int64_t* blocks;
  int64_t count;  // of blocks
};

// block_geometry(blocks): eqinfo_codebook_write
struct CodebookWriteArguments {
  CodebookIds ids;
  uint8_t* text;  // nothing is written if there are more bytes than `capacity`
  int64_t capacity;
  int64_t* starts;  // (count + 1): out; where the bytes of each id begin. May be null.
};

// --- transformer ---
// The parts of transformer_step, each for `count` rows at a time. A row is a symbol in the context
// of a lane; rows of one lane have different positions. They are stored, by all launches of
// eqinfo_transformer_store of a layer, before any row attends to them.
struct TransformerRows {
  const int32_t* positions;  // (count); negative: nothing is read or written
  const int32_t* lanes;      // (count)
  int64_t count;
};

// The rows that a matrix takes: 128 high + low, or only low for kByteLevels. 16-byte aligned.
struct QuantisedRows {
  int8_t* low;       // (count, stride)
  int8_t* high;      // (count, stride)
  RowScale* scales;  // (count)
  int64_t stride;    // a multiple of kWidthStep
};

// The keys and values of a layer.
struct LaneMemory {
  int8_t* keys;           // (lanes, key_heads, positions, head_width), 16-byte aligned
  int8_t* values;         // the same
  uint16_t* key_largest;  // (lanes, key_heads, positions), of pack_largest
  uint16_t* value_largest;
  const int16_t* cosine;  // (at least positions, head_width / 2)
  const int16_t* sine;
  uint32_t key_heads;
  uint32_t head_width;
  uint32_t positions;
};

// block_geometry(count): eqinfo_transformer_embed
struct TransformerEmbedArguments {
  TransformerRows rows;
  const int32_t* symbols;  // (count), within the alphabet
  Matrix embedding;
  int32_t* x;  // (count, width): out
};

// block_geometry(count): eqinfo_transformer_norm
struct TransformerNormArguments {
  TransformerRows rows;
  const int32_t* x;       // (count, width)
  const int16_t* weight;  // (width)
  uint32_t width;
  int32_t levels;
  int64_t epsilon;
  QuantisedRows quantised;  // out
};

// matrix_geometry(count, outputs): eqinfo_transformer_matrix
struct TransformerMatrixArguments {
  TransformerRows rows;
  QuantisedRows quantised;
  int32_t levels;
  int32_t adds;  // not 0: the results are added to what is there
  Matrix matrix;
  int32_t* outputs;  // (count, stride)
  int64_t stride;
};

// warp_geometry(count * key_heads): eqinfo_transformer_store
struct TransformerStoreArguments {
  TransformerRows rows;
  int32_t* keys;          // (count, stride): rotated in place
  const int32_t* values;  // (count, stride)
  int64_t stride;
  LaneMemory memory;  // out
};

// block_geometry(count * heads): eqinfo_transformer_attend
struct TransformerAttendArguments {
  TransformerRows rows;
  LaneMemory memory;
  uint32_t heads;
  uint32_t score_scale;
  int32_t score_exponent;
  int32_t* queries;  // (count, stride): replaced by what the heads give
  int64_t stride;
  int32_t* scores;  // (count, heads, positions): scratch
};

// block_geometry(count): eqinfo_transformer_plain
struct TransformerPlainArguments {
  TransformerRows rows;
  const int32_t* values;  // (count, stride)
  int64_t stride;
  uint32_t width;
  int32_t levels;
  QuantisedRows quantised;  // out
};

// block_geometry(count): eqinfo_transformer_gate
struct TransformerGateArguments {
  TransformerRows rows;
  const int32_t* gates;  // (count, stride)
  const int32_t* ups;    // (count, stride)
  int64_t stride;
  uint32_t units;
  int32_t levels;
  QuantisedRows quantised;  // out
};

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
