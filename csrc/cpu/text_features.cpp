#include "text_features.h"

#include "cpu/text_features_loops.h"

namespace eqinfo {

void find_text_features(const Documents& texts, uint32_t kinds, uint32_t buckets,
                        std::vector<int32_t>* found, int32_t* bounds, Stop* stop) {
  found->clear();
  bounds[0] = 0;
  StopChecks checks(stop);
  for (int64_t i = 0; i < texts.count; ++i) {
    const int64_t bytes = texts.offsets[i + 1] - texts.offsets[i];
    each_text_feature(texts.text + texts.offsets[i], bytes, kinds, [&](uint32_t hash) {
      found->push_back(static_cast<int32_t>(feature_bucket(hash, buckets)));
    });
    bounds[i + 1] = static_cast<int32_t>(found->size());
    checks.after(1 + (bytes < kMaxFeatureBytes ? bytes : kMaxFeatureBytes));
  }
}

}  // namespace eqinfo
