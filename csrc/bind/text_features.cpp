#include "text_features.h"

#include <utility>

#include "bind/arrays.h"
#include "bind/register.h"
#include "cpu/text_features_loops.h"

namespace eqinfo::bind {
namespace {

constexpr int64_t kMaxFeatureTexts = 1 << 20;
constexpr uint32_t kMaxBuckets = 1 << 24;
// So int32 holds all offsets.
static_assert(kMaxFeatureTexts * kMaxTextFeatures < int64_t{1} << 31);

std::pair<Array<int32_t>, Array<int32_t>> text_features(const Array<uint8_t>& text,
                                                        const Array<int64_t>& offsets,
                                                        uint32_t kinds, uint32_t buckets) {
  require_shape(text, "text", {-1});
  require_offsets(offsets, text.size());
  const int64_t count = offsets.size() - 1;
  require(count <= kMaxFeatureTexts, "expected at most 2^20 strings, found ", count);
  require(kinds >= 1 && kinds <= kAllTextFeatures, "expected kinds of 1 to ", kAllTextFeatures,
          ", found ", kinds);
  require(buckets >= 1 && buckets <= kMaxBuckets, "expected 1 to 2^24 buckets, found ", buckets);
  std::vector<int32_t> found;
  Array<int32_t> bounds(count + 1);
  int32_t* const out = bounds.mutable_data();
  run_without_gil([&](Stop* stop) {
    find_text_features({text.data(), offsets.data(), count, nullptr}, kinds, buckets, &found, out,
                       stop);
  });
  return {Array<int32_t>(static_cast<int64_t>(found.size()), found.data()), bounds};
}

}  // namespace

void register_text_features(py::module_& module) {
  module.def("text_features", &text_features, py::arg("text").noconvert(),
             py::arg("offsets").noconvert(), py::arg("kinds"), py::arg("buckets"));
}

}  // namespace eqinfo::bind
