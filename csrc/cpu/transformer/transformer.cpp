#include <algorithm>

#include "cpu/dispatch.h"
#include "cpu/memory.h"
#include "cpu/transformer/transformer_kernels.h"
#include "cpu/transformer/transformer_loops.h"

namespace eqinfo {
namespace {

void matrix_scalar(const Matrix& matrix, const int16_t* rows, size_t row_stride,
                   const RowScale* scales, int64_t count, int32_t* outputs, size_t output_stride,
                   uint8_t* /*scratch*/) {
  for (int64_t k = 0; k < count; ++k) {
    const size_t row = static_cast<size_t>(k);
    matrix_row(matrix, rows + row * row_stride, scales[k], outputs + row * output_stride);
  }
}

// Hands out the parts of a block of memory, or only counts their bytes if that is null.
class Parts {
 public:
  explicit Parts(uint8_t* memory) : memory_(memory) {}
  template <typename T>
  T* take(size_t count) {
    T* part = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + bytes_);
    bytes_ += aligned_size(count * sizeof(T));
    return part;
  }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* memory_;
  size_t bytes_ = 0;
};

uint8_t* aligned(uint8_t* memory) {
  const size_t over = reinterpret_cast<uintptr_t>(memory) % kContextAlignment;
  return memory + (over == 0 ? 0 : kContextAlignment - over);
}

}  // namespace

Quantiser quantise_values(const int32_t* values, uint32_t count, int32_t levels, int16_t* row) {
  return quantise_row(count, levels, [=](uint32_t i) { return int64_t{values[i]}; }, row);
}

const TransformerKernels kScalarTransformer = {
    matrix_scalar, attend, norm_row, quantise_values, gated_row, rotate_head, store_head, add_row};

const TransformerKernels& transformer_kernels() {
#if defined(__x86_64__)
  static const bool vnni = __builtin_cpu_supports("avx512vnni") != 0;
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return vnni ? kAvx512Transformer : kAvx2Transformer;
    case InstructionSet::avx2:
      return kAvx2Transformer;
    case InstructionSet::scalar:
      break;
  }
#endif
  return kScalarTransformer;
}

// A context in its block of memory: how many positions are filled, the symbol at each (`begin` at
// the first), then keys and values by layer and key head.
struct TransformerModel::Context {
  uint32_t* length;
  int32_t* symbols;
  uint8_t* heads;
};

// A position of a context whose symbol has been noted and whose layers are to be computed.
struct TransformerModel::Row {
  Context context;
  uint32_t position;
};

// Scratch memory for kTransformerRows rows, or for one row where it says so.
struct TransformerModel::Block {
  int32_t* x;
  int16_t* rows;
  RowScale* scales;
  int32_t* first;
  int32_t* second;
  int32_t* scores;   // of one row
  int16_t* weights;  // of one row
  int16_t* query;    // of one head
  uint8_t* matrix;
  size_t bytes;
};

TransformerModel::TransformerModel(const Transformer& model, std::vector<TransformerLayer> layers,
                                   uint32_t begin, uint32_t context_length)
    : model_(model), layers_(std::move(layers)), begin_(begin), context_length_(context_length) {
  model_.layers = layers_.data();
  const TransformerSizes& sizes = model_.sizes;
  const uint32_t attended = sizes.heads * sizes.head_width;
  most_inputs_ = std::max({sizes.width, sizes.units, attended});
  most_outputs_ = most_inputs_;
}

TransformerModel::Block TransformerModel::block_at(uint8_t* scratch) const {
  constexpr size_t kRows = kTransformerRows;
  Parts parts(scratch);
  Block block;
  block.x = parts.take<int32_t>(kRows * model_.sizes.width);
  block.rows = parts.take<int16_t>(kRows * most_inputs_);
  block.scales = parts.take<RowScale>(kRows);
  block.first = parts.take<int32_t>(kRows * most_outputs_);
  block.second = parts.take<int32_t>(kRows * most_outputs_);
  block.scores = parts.take<int32_t>(context_length_);
  block.weights = parts.take<int16_t>(context_length_);
  block.query = parts.take<int16_t>(model_.sizes.head_width);
  block.matrix = parts.take<uint8_t>(matrix_scratch_bytes(most_inputs_));
  block.bytes = parts.bytes();
  return block;
}

TransformerModel::Context TransformerModel::context_at(uint8_t* context) const {
  Parts parts(context);
  Context result;
  result.length = parts.take<uint32_t>(1);
  result.symbols = parts.take<int32_t>(context_length_);
  result.heads = context + parts.bytes();
  return result;
}

HeadMemory TransformerModel::head_memory(const Context& context, uint32_t layer,
                                         uint32_t head) const {
  const size_t positions = context_length_;
  const size_t each = positions * 2 * (model_.sizes.head_width + sizeof(uint16_t));
  const size_t index = static_cast<size_t>(layer) * model_.sizes.key_heads + head;
  uint8_t* keys = context.heads + index * aligned_size(each);
  uint8_t* values = keys + positions * model_.sizes.head_width;
  uint8_t* largest = values + positions * model_.sizes.head_width;
  return {reinterpret_cast<int8_t*>(keys), reinterpret_cast<int8_t*>(values),
          reinterpret_cast<uint16_t*>(largest), reinterpret_cast<uint16_t*>(largest) + positions};
}

size_t TransformerModel::context_bytes() const {
  Parts parts(nullptr);
  parts.take<uint32_t>(1);
  parts.take<int32_t>(context_length_);
  const size_t each =
      static_cast<size_t>(context_length_) * 2 * (model_.sizes.head_width + sizeof(uint16_t));
  return parts.bytes() +
         static_cast<size_t>(model_.sizes.layers) * model_.sizes.key_heads * aligned_size(each);
}

size_t TransformerModel::scratch_bytes(int64_t /*count*/) const {
  return block_at(nullptr).bytes + kContextAlignment;
}

void TransformerModel::start(uint8_t* context) const { *context_at(context).length = 0; }

Result TransformerModel::check(const int32_t* symbols, int64_t count) const {
  for (int64_t i = 0; i < count; ++i) {
    if (symbols[i] < kFresh || symbols[i] >= static_cast<int32_t>(model_.sizes.alphabet)) {
      return {Status::symbol_out_of_range, i};
    }
  }
  return {};
}

// Whether the context does not simply grow by the symbol.
bool TransformerModel::begins(const Context& context, int32_t symbol) const {
  return symbol == kFresh || *context.length == 0 || *context.length == context_length_;
}

// The symbols, `begin` among them, whose rows must be computed before that of `symbol`; empties the
// context where they are not what it holds.
std::vector<int32_t> TransformerModel::pending(const Context& context, int32_t symbol) const {
  std::vector<int32_t> before;
  if (symbol == kFresh) {
    *context.length = 0;
  } else if (*context.length == 0) {
    before.push_back(static_cast<int32_t>(begin_));
  } else if (*context.length == context_length_) {
    const int32_t* end = context.symbols + context_length_;
    before.push_back(static_cast<int32_t>(begin_));
    before.insert(before.end(), end - (context_length_ / 2 - 1), end);
    *context.length = 0;
  }
  return before;
}

TransformerModel::Row TransformerModel::append(const Context& context, int32_t symbol) const {
  const uint32_t position = (*context.length)++;
  context.symbols[position] = symbol == kFresh ? static_cast<int32_t>(begin_) : symbol;
  return {context, position};
}

void TransformerModel::prepare(const Context& context, const std::vector<int32_t>& before,
                               const Block& block, Stop* stop) const {
  Row rows[kTransformerRows];
  int64_t count = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    rows[count++] = append(context, before[i]);
    if (count < kTransformerRows && i + 1 < before.size()) continue;
    if (stop != nullptr) stop->check();
    run(rows, count, block);
    count = 0;
  }
}

void TransformerModel::attention(const TransformerLayer& layer, uint32_t index, const Row* rows,
                                 int64_t count, const Block& block) const {
  const TransformerKernels& kernels = transformer_kernels();
  const TransformerSizes& sizes = model_.sizes;
  const uint32_t head_width = sizes.head_width;
  for (int64_t r = 0; r < count; ++r) {
    block.scales[r] = kernels.norm_row(block.x + r * sizes.width, layer.attention_norm, sizes.width,
                                       model_.epsilon, sizes.levels, block.rows + r * most_inputs_);
  }
  kernels.matrix(layer.key, block.rows, most_inputs_, block.scales, count, block.first,
                 most_outputs_, block.matrix);
  kernels.matrix(layer.value, block.rows, most_inputs_, block.scales, count, block.second,
                 most_outputs_, block.matrix);
  // All rows are stored before any is read: a row's context may hold earlier rows of this block,
  // and later ones are beyond the positions that it reads.
  for (int64_t r = 0; r < count; ++r) {
    const uint32_t position = rows[r].position;
    for (uint32_t k = 0; k < sizes.key_heads; ++k) {
      const HeadMemory memory = head_memory(rows[r].context, index, k);
      int32_t* key = block.first + r * most_outputs_ + k * head_width;
      const int32_t* value = block.second + r * most_outputs_ + k * head_width;
      const size_t place = static_cast<size_t>(position) * head_width;
      kernels.rotate_head(model_, position, key);
      memory.key_largest[position] = kernels.store_head(key, head_width, memory.keys + place);
      memory.value_largest[position] = kernels.store_head(value, head_width, memory.values + place);
    }
  }
  kernels.matrix(layer.query, block.rows, most_inputs_, block.scales, count, block.first,
                 most_outputs_, block.matrix);
  for (int64_t r = 0; r < count; ++r) {
    const uint32_t position = rows[r].position;
    int32_t* heads = block.first + r * most_outputs_;
    for (uint32_t h = 0; h < sizes.heads; ++h) {
      int32_t* head = heads + h * head_width;
      kernels.rotate_head(model_, position, head);
      const Quantiser quantiser =
          kernels.quantise_values(head, head_width, kWideLevels, block.query);
      kernels.attend(make_query(model_.score_scale, model_.score_exponent, block.query, quantiser),
                     head_memory(rows[r].context, index, h / (sizes.heads / sizes.key_heads)),
                     head_width, position + 1, block.scores, block.weights, head);
    }
    block.scales[r] = plain_scale(kernels.quantise_values(
        heads, sizes.heads * head_width, sizes.levels, block.rows + r * most_inputs_));
  }
  kernels.matrix(layer.attention, block.rows, most_inputs_, block.scales, count, block.second,
                 most_outputs_, block.matrix);
  for (int64_t r = 0; r < count; ++r) {
    kernels.add_row(block.second + r * most_outputs_, sizes.width, block.x + r * sizes.width);
  }
}

void TransformerModel::feed_forward(const TransformerLayer& layer, int64_t count,
                                    const Block& block) const {
  const TransformerKernels& kernels = transformer_kernels();
  const TransformerSizes& sizes = model_.sizes;
  for (int64_t r = 0; r < count; ++r) {
    block.scales[r] = kernels.norm_row(block.x + r * sizes.width, layer.units_norm, sizes.width,
                                       model_.epsilon, sizes.levels, block.rows + r * most_inputs_);
  }
  kernels.matrix(layer.gate, block.rows, most_inputs_, block.scales, count, block.first,
                 most_outputs_, block.matrix);
  kernels.matrix(layer.up, block.rows, most_inputs_, block.scales, count, block.second,
                 most_outputs_, block.matrix);
  for (int64_t r = 0; r < count; ++r) {
    block.scales[r] = plain_scale(
        kernels.gated_row(block.first + r * most_outputs_, block.second + r * most_outputs_,
                          sizes.units, sizes.down_levels, block.rows + r * most_inputs_));
  }
  kernels.matrix(layer.down, block.rows, most_inputs_, block.scales, count, block.first,
                 most_outputs_, block.matrix);
  for (int64_t r = 0; r < count; ++r) {
    kernels.add_row(block.first + r * most_outputs_, sizes.width, block.x + r * sizes.width);
  }
}

// Computes all layers of at most kTransformerRows rows. Those of one context must be in the order
// of their positions, and what lies before them computed.
void TransformerModel::run(const Row* rows, int64_t count, const Block& block) const {
  for (int64_t r = 0; r < count; ++r) {
    const int32_t symbol = rows[r].context.symbols[rows[r].position];
    embed_row(model_.embedding, static_cast<uint32_t>(symbol), block.x + r * model_.sizes.width);
  }
  for (uint32_t l = 0; l < model_.sizes.layers; ++l) {
    attention(layers_[l], l, rows, count, block);
    feed_forward(layers_[l], count, block);
  }
}

// The logits after the rows of the last run.
void TransformerModel::predict(int64_t count, const Block& block, int32_t* logits) const {
  const TransformerKernels& kernels = transformer_kernels();
  const TransformerSizes& sizes = model_.sizes;
  for (int64_t r = 0; r < count; ++r) {
    block.scales[r] =
        kernels.norm_row(block.x + r * sizes.width, model_.norm, sizes.width, model_.epsilon,
                         sizes.head_levels, block.rows + r * most_inputs_);
  }
  kernels.matrix(model_.head, block.rows, most_inputs_, block.scales, count, logits, sizes.alphabet,
                 block.matrix);
}

Result TransformerModel::step(uint8_t* const* contexts, const int32_t* symbols, int64_t count,
                              uint32_t precision, uint32_t* frequencies, uint8_t* scratch,
                              Stop* stop) const {
  const Result checked = check(symbols, count);
  if (checked.status != Status::ok) return checked;
  const Block block = block_at(aligned(scratch));
  const size_t alphabet = model_.sizes.alphabet;
  for (int64_t first = 0; first < count;) {
    Row row[kTransformerRows];
    int64_t rows = 0;
    while (rows < std::min(kTransformerRows, count - first)) {
      const Context context = context_at(contexts[first + rows]);
      const int32_t symbol = symbols[first + rows];
      if (begins(context, symbol)) {
        // Its rows in this block must be computed before others take their places.
        if (std::any_of(row, row + rows,
                        [&](const Row& r) { return r.context.length == context.length; })) {
          break;
        }
        prepare(context, pending(context, symbol), block, stop);
      }
      row[rows++] = append(context, symbol);
    }
    if (stop != nullptr) stop->check();
    run(row, rows, block);
    // Frequencies take the place of the logits.
    uint32_t* out = frequencies + first * alphabet;
    int32_t* logits = reinterpret_cast<int32_t*>(out);
    predict(rows, block, logits);
    for (int64_t i = 0; i < rows; i += kRowBlock) {
      frequency_kernels().integer_rows(logits + i * alphabet, std::min(kRowBlock, rows - i),
                                       model_.sizes.alphabet, precision, out + i * alphabet);
    }
    first += rows;
  }
  return {};
}

Result TransformerModel::extend(uint8_t* context, const int32_t* symbols, int64_t count,
                                int32_t* logits, uint8_t* scratch, Stop* stop) const {
  const Result checked = check(symbols, count);
  if (checked.status != Status::ok) return checked;
  const Block block = block_at(aligned(scratch));
  const Context at = context_at(context);
  for (int64_t first = 0; first < count;) {
    prepare(at, pending(at, symbols[first]), block, stop);
    Row rows[kTransformerRows];
    int64_t size = 0;
    do {
      rows[size] = append(at, symbols[first + size]);
      ++size;
    } while (size < std::min(kTransformerRows, count - first) && *at.length < context_length_);
    if (stop != nullptr) stop->check();
    run(rows, size, block);
    predict(size, block, logits + first * model_.sizes.alphabet);
    first += size;
  }
  return {};
}

Result TransformerModel::define(uint8_t* context, int32_t symbol, int32_t* logits,
                                uint8_t* scratch) const {
  const Result checked = check(&symbol, 1);
  if (checked.status != Status::ok) return checked;
  const Block block = block_at(aligned(scratch));
  const Context at = context_at(context);
  std::vector<HeadMemory> memory;
  for (uint32_t l = 0; l < model_.sizes.layers; ++l) {
    for (uint32_t k = 0; k < model_.sizes.key_heads; ++k) memory.push_back(head_memory(at, l, k));
  }
  std::vector<int32_t> symbols = pending(at, symbol);
  symbols.push_back(symbol);
  for (const int32_t next : symbols) {
    const Row row = append(at, next);
    transformer_step(
        model_, memory.data(), row.position, static_cast<uint32_t>(at.symbols[row.position]),
        {block.x, block.rows, block.first, block.second, block.scores, block.weights}, logits);
  }
  return {};
}

}  // namespace eqinfo
