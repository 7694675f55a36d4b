#include "frequency.h"

#include <algorithm>

#include "cpu/dispatch.h"
#include "cpu/frequency_loops.h"

namespace eqinfo {
namespace {

template <typename Logit>
Result scalar_rows(const Logit* logits, int64_t count, uint32_t alphabet, uint32_t precision,
                   uint32_t* frequencies) {
  for (int64_t row = 0; row < count; ++row) {
    const Status status =
        frequency_row(logits + row * alphabet, alphabet, precision, frequencies + row * alphabet);
    if (status != Status::ok) return {status, row};
  }
  return {};
}

Result scalar_intervals(const float* logits, int64_t count, uint32_t alphabet, uint32_t precision,
                        const int32_t* symbols, uint32_t* scratch, Interval* intervals) {
  for (int64_t row = 0; row < count; ++row) {
    const Status status = frequency_row(logits + row * alphabet, alphabet, precision, scratch);
    if (status != Status::ok) return {status, row};
    intervals[row] =
        symbol_interval(SerialRow{scratch, alphabet}, static_cast<uint32_t>(symbols[row]));
  }
  return {};
}

uint32_t scalar_locate(const uint32_t* frequencies, uint32_t alphabet, uint32_t target,
                       Interval* interval) {
  return locate_symbol(SerialRow{frequencies, alphabet}, target, interval);
}

Result check_rows(const Rows& rows, int64_t first, int64_t count) {
  for (int64_t row = first; row < first + count; ++row) {
    const uint32_t* frequencies = rows.frequencies + row * rows.alphabet;
    for (uint32_t i = 0; i < rows.alphabet; i += 16) prefetch_page_ahead(frequencies + i);
    const Status status = check_frequencies(frequencies, rows.alphabet, rows.precision);
    if (status != Status::ok) return {status, row};
  }
  return {};
}

}  // namespace

const FrequencyKernels kScalarFrequency = {scalar_rows<float>, scalar_rows<int32_t>,
                                           scalar_intervals, scalar_locate};

Result frequency_rows(const Rows& rows, uint32_t* frequencies, Stop* stop) {
  StopChecks checks(stop);
  for (int64_t first = 0; first < rows.count; first += kRowBlock) {
    checks.after(kRowBlock * rows.alphabet);
    const uint32_t* out = nullptr;
    const Result result = frequency_block(rows, first, frequencies + first * rows.alphabet, &out);
    if (result.status != Status::ok) return result;
  }
  return {};
}

Result frequency_block(const Rows& rows, int64_t first, uint32_t* scratch, const uint32_t** out) {
  const int64_t count = std::min(kRowBlock, rows.count - first);
  if (rows.frequencies != nullptr) {
    *out = rows.frequencies + first * rows.alphabet;
    return check_rows(rows, first, count);
  }
  *out = scratch;
  Result result = frequency_kernels().rows(rows.logits + first * rows.alphabet, count,
                                           rows.alphabet, rows.precision, scratch);
  result.row += first;
  return result;
}

template <typename Symbol>
Result check_symbols(const Symbol* symbols, int64_t count, uint32_t alphabet, Stop* stop) {
  constexpr int64_t kPart = 1 << 16;
  for (int64_t begin = 0; begin < count; begin += kPart) {
    if (stop != nullptr) stop->check();
    const int64_t end = std::min(count, begin + kPart);
    for (int64_t i = begin; i < end; ++i) {
      // A negative symbol becomes a large one.
      if (static_cast<uint32_t>(symbols[i]) >= alphabet) return {Status::symbol_out_of_range, i};
    }
  }
  return {};
}

template Result check_symbols(const int32_t*, int64_t, uint32_t, Stop*);
template Result check_symbols(const uint16_t*, int64_t, uint32_t, Stop*);

Result symbol_intervals(const Rows& rows, const int32_t* symbols, uint32_t* scratch,
                        Interval* intervals, Stop* stop) {
  const FrequencyKernels& kernels = frequency_kernels();
  const Result checked = check_symbols(symbols, rows.count, rows.alphabet, stop);
  if (checked.status != Status::ok) return checked;
  StopChecks checks(stop);
  for (int64_t first = 0; first < rows.count; first += kRowBlock) {
    checks.after(kRowBlock * rows.alphabet);
    const int64_t count = std::min(kRowBlock, rows.count - first);
    Result result;
    if (rows.frequencies != nullptr) {
      result = check_rows(rows, first, count);
      for (int64_t row = first; row < first + count; ++row) {
        intervals[row] =
            symbol_interval(SerialRow{rows.frequencies + row * rows.alphabet, rows.alphabet},
                            static_cast<uint32_t>(symbols[row]));
      }
    } else {
      result = kernels.intervals(rows.logits + first * rows.alphabet, count, rows.alphabet,
                                 rows.precision, symbols + first, scratch, intervals + first);
      result.row += first;
    }
    if (result.status != Status::ok) return result;
  }
  return {};
}

}  // namespace eqinfo
