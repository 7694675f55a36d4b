// A model without context: the same row of logits predicts every symbol.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "cpu/model/model.h"

namespace eqinfo {

class StaticModel : public Model {
 public:
  // kMinAlphabet to kMaxAlphabet logits.
  explicit StaticModel(std::vector<float> logits) : logits_(std::move(logits)) {}

  uint32_t alphabet() const override { return static_cast<uint32_t>(logits_.size()); }
  size_t context_bytes() const override { return 0; }
  size_t scratch_bytes(int64_t /*count*/) const override { return 0; }
  void start(uint8_t* /*context*/) const override {}

  Result step(uint8_t* const* /*contexts*/, const int32_t* /*symbols*/, int64_t count,
              uint32_t precision, uint32_t* frequencies, uint8_t* /*scratch*/,
              Stop* stop) const override {
    if (count == 0) return {};
    const Status status = frequency_row(logits_.data(), alphabet(), precision, frequencies);
    if (status != Status::ok) return {status, 0};
    StopChecks checks(stop);
    for (int64_t i = 1; i < count; ++i) {
      checks.after(alphabet());
      std::copy_n(frequencies, alphabet(), frequencies + i * alphabet());
    }
    return {};
  }

 private:
  std::vector<float> logits_;
};

}  // namespace eqinfo
