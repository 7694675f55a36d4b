// Codebook: encoding walks one document per thread. Decoding has one id per thread, and a block
// writes the bytes of its ids together.
#pragma once

#include "cuda/team.cuh"

namespace eqinfo {
inline namespace EQINFO_TARGET {

template <typename Id>
__device__ void encode_document(const CodebookEncodeArguments& arguments, int64_t document) {
  const int64_t begin = arguments.offsets[document];
  const int64_t end = arguments.offsets[document + 1];
  Id* const first = static_cast<Id*>(arguments.ids) + begin;
  Id* ids = first;
  TrieSlot node = kTrieRoot;
  for (int64_t i = begin; i < end; ++i) {
    codebook_encode(arguments.trie, &node, arguments.text[i], &ids);
  }
  codebook_finish(arguments.trie, &node, &ids);
  arguments.counts[document] = ids - first;
}

extern "C" __global__ void __launch_bounds__(kThreadsOfItems, 1)
    eqinfo_codebook_encode(CodebookEncodeArguments arguments) {
  const int64_t document = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (document >= arguments.documents) return;
  if (arguments.wide) {
    encode_document<uint32_t>(arguments, document);
  } else {
    encode_document<uint16_t>(arguments, document);
  }
}

// The word of the string of an id, or that of the empty string if the index is past the end or the
// id is invalid.
__device__ inline uint32_t word_of(const CodebookIds& ids, int64_t index, int64_t* fault) {
  if (index >= ids.count) return 0;
  const uint32_t id = ids.wide ? static_cast<const uint32_t*>(ids.ids)[index]
                               : static_cast<const uint16_t*>(ids.ids)[index];
  if (id < ids.strings.count) return ids.strings.words[id];
  if (fault != nullptr) {
    atomicMin(reinterpret_cast<long long*>(fault), static_cast<long long>(index));
  }
  return 0;
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock, 1)
    eqinfo_codebook_measure(CodebookMeasureArguments arguments) {
  __shared__ BlockMemory memory;
  const CodebookIds& ids = arguments.ids;
  const int64_t index = int64_t{blockIdx.x} * kThreadsOfBlock + threadIdx.x;
  const int64_t bytes = string_length(ids.strings, word_of(ids, index, arguments.fault));
  const int64_t total = team_sum(BlockTeam{&memory}, bytes);
  if (threadIdx.x == 0) ids.blocks[blockIdx.x] = total;
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock, 1)
    eqinfo_codebook_scan(CodebookScanArguments arguments) {
  __shared__ BlockMemory memory;
  const BlockTeam team{&memory};
  int64_t before = 0;
  for (int64_t first = 0; first < arguments.count; first += kThreadsOfBlock) {
    const int64_t block = first + threadIdx.x;
    int64_t total = 0;
    const int64_t bytes = block < arguments.count ? arguments.blocks[block] : 0;
    const int64_t start = before + sum_of_earlier(team, bytes, &total);
    if (block < arguments.count) arguments.blocks[block] = start;
    before += total;
  }
  if (threadIdx.x == 0) arguments.blocks[arguments.count] = before;
}

// The bytes of a block are gathered in shared memory and written as whole words, if they fit; an id
// of text has about five bytes.
constexpr uint32_t kStageBytes = 16 * kThreadsOfBlock;

// Copies `bytes` bytes from `stage` to `text`. They begin in `stage` at the same offset within a
// word as in `text`.
__device__ inline void copy_stage(const uint32_t* stage, uint8_t* text, int64_t bytes) {
  const uint32_t skew = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(text) % sizeof(uint32_t));
  const uint8_t* staged = reinterpret_cast<const uint8_t*>(stage);
  uint32_t* words = reinterpret_cast<uint32_t*>(text - skew);
  const int64_t end = skew + bytes;
  for (int64_t word = threadIdx.x; word * 4 < end; word += kThreadsOfBlock) {
    const int64_t first = word * 4;
    if (first >= skew && first + 4 <= end) {
      words[word] = stage[word];
      continue;
    }
    for (int64_t i = first < skew ? skew : first; i < first + 4 && i < end; ++i) {
      text[i - skew] = staged[i];
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreadsOfBlock, 1)
    eqinfo_codebook_write(CodebookWriteArguments arguments) {
  __shared__ BlockMemory memory;
  __shared__ uint32_t stage[kStageBytes / sizeof(uint32_t) + 1];
  const CodebookIds& ids = arguments.ids;
  const int64_t index = int64_t{blockIdx.x} * kThreadsOfBlock + threadIdx.x;
  const uint32_t word = word_of(ids, index, nullptr);
  const int64_t bytes = string_length(ids.strings, word);
  int64_t total = 0;
  const int64_t start = sum_of_earlier(BlockTeam{&memory}, bytes, &total);
  const int64_t first = ids.blocks[blockIdx.x];
  if (arguments.starts != nullptr && index < ids.count) {
    arguments.starts[index] = first + start;
    if (index == ids.count - 1) arguments.starts[ids.count] = first + start + bytes;
  }
  if (ids.blocks[gridDim.x] > arguments.capacity) return;
  uint8_t* const text = arguments.text + first;
  if (total > kStageBytes) {
    codebook_write(ids.strings, word, text + start + bytes);
    return;
  }
  const int64_t skew = static_cast<int64_t>(reinterpret_cast<uintptr_t>(text) % sizeof(uint32_t));
  uint8_t* const staged = reinterpret_cast<uint8_t*>(stage) + skew;
  codebook_write(ids.strings, word, staged + start + bytes);
  __syncthreads();
  copy_stage(stage, text, total);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
