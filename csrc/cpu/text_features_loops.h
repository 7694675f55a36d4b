// Loops of the text features: those of many texts.
#pragma once

#include <vector>

#include "cpu/documents.h"
#include "cpu/stop.h"
#include "text_features.h"

namespace eqinfo {

// The buckets of the features of all texts, one text after the other: those of text i are
// found[bounds[i]..bounds[i + 1]). `bounds` has room for one more than there are texts. The caller
// makes sure that int32 holds their number.
void find_text_features(const Documents& texts, uint32_t kinds, uint32_t buckets,
                        std::vector<int32_t>* found, int32_t* bounds, Stop* stop = nullptr);

}  // namespace eqinfo
