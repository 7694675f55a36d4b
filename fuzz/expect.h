// Helpers that the fuzz targets share.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdio>
#include <vector>

#include "cpu/codebook/decode.h"
#include "cpu/codebook/encode.h"
#include "cpu/dispatch.h"

namespace eqinfo::fuzz {

inline void expect(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "expected: %s\n", what);
  __builtin_trap();
}

// The frequencies of `rows` rows, from logits of -2 to 2, or -infinity. Steeper rows would make a
// codeword stand for megabytes.
inline std::vector<uint32_t> frequency_rows(FuzzedDataProvider* input, int64_t rows,
                                            uint32_t alphabet, uint32_t precision) {
  std::vector<float> logits(static_cast<size_t>(rows) * alphabet);
  for (float& logit : logits) {
    const int8_t value = input->ConsumeIntegral<int8_t>();
    logit =
        value == -128 ? -std::numeric_limits<float>::infinity() : static_cast<float>(value) / 64;
  }
  for (int64_t row = 0; row < rows; ++row) logits[static_cast<size_t>(row) * alphabet] = 0;
  std::vector<uint32_t> frequencies(logits.size());
  const Rows all{logits.data(), nullptr, rows, alphabet, precision};
  const Result result = eqinfo::frequency_rows(all, frequencies.data());
  expect(result.status == Status::ok, "finite logits are accepted");
  return frequencies;
}

}  // namespace eqinfo::fuzz
