#include "frequency.h"

#include "batch.h"
#include "cpu/dispatch.h"

namespace eqinfo {
namespace {

Status scalar_interval(const float* logits, uint32_t alphabet, uint32_t precision, uint32_t symbol,
                       uint32_t* scratch, Interval* interval) {
  const Status status = frequency_row(logits, alphabet, precision, scratch);
  if (status == Status::ok) *interval = symbol_interval(scratch, symbol);
  return status;
}

uint32_t scalar_locate(const uint32_t* frequencies, uint32_t /*alphabet*/, uint32_t target,
                       Interval* interval) {
  return locate_symbol(frequencies, target, interval);
}

}  // namespace

const FrequencyKernels kScalarFrequency = {frequency_row, scalar_interval, scalar_locate};

void prefetch_logits(const Rows& rows, int64_t row) {
  constexpr int64_t kAhead =
      4;  // rows of 256 logits in a page, where the hardware's own prefetch stops
  constexpr uint32_t kLine = 64 / sizeof(float);
  if (rows.logits == nullptr || rows.alphabet > 1024 || row + kAhead >= rows.count) return;
  const float* next = rows.logits + (row + kAhead) * rows.alphabet;
  for (uint32_t i = 0; i < rows.alphabet; i += kLine) __builtin_prefetch(next + i);
}

Result frequency_rows(const Rows& rows, uint32_t* frequencies) {
  const FrequencyKernels& kernels = frequency_kernels();
  for (int64_t row = 0; row < rows.count; ++row) {
    prefetch_logits(rows, row);
    const Status status = kernels.row(rows.logits + row * rows.alphabet, rows.alphabet,
                                      rows.precision, frequencies + row * rows.alphabet);
    if (status != Status::ok) return {status, row};
  }
  return {};
}

Status row_frequencies(const Rows& rows, int64_t row, uint32_t* scratch, const uint32_t** out) {
  if (rows.frequencies != nullptr) {
    *out = rows.frequencies + row * rows.alphabet;
    return check_frequencies(*out, rows.alphabet, rows.precision);
  }
  *out = scratch;
  return frequency_kernels().row(rows.logits + row * rows.alphabet, rows.alphabet, rows.precision,
                                 scratch);
}

Result symbol_intervals(const Rows& rows, const int32_t* symbols, uint32_t* scratch,
                        Interval* intervals) {
  const FrequencyKernels& kernels = frequency_kernels();
  for (int64_t row = 0; row < rows.count; ++row) {
    if (symbols[row] < 0 || static_cast<uint32_t>(symbols[row]) >= rows.alphabet) {
      return {Status::symbol_out_of_range, row};
    }
    const uint32_t symbol = static_cast<uint32_t>(symbols[row]);
    prefetch_logits(rows, row);
    Status status = Status::ok;
    if (rows.frequencies != nullptr) {
      const uint32_t* frequencies = nullptr;
      status = row_frequencies(rows, row, scratch, &frequencies);
      if (status == Status::ok) intervals[row] = symbol_interval(frequencies, symbol);
    } else {
      status = kernels.interval(rows.logits + row * rows.alphabet, rows.alphabet, rows.precision,
                                symbol, scratch, &intervals[row]);
    }
    if (status != Status::ok) return {status, row};
  }
  return {};
}

}  // namespace eqinfo
