// Finds matches. Not part of the definition: any sequences that give the data can be coded.
#pragma once

#include <vector>

#include "cpu/stop.h"
#include "lz77.h"

namespace eqinfo {

// Sequences for data whose literals are bytes: every match that saves bits by a rough estimate.
void find_matches(const uint8_t* data, int64_t size, std::vector<Sequence>* sequences,
                  Stop* stop = nullptr);
// For data whose literals are ids of a codebook, which take fewer bits: all matches of 33 bytes,
// and shorter ones that are found on the way. Others would cut strings of the codebook in pieces.
void find_long_matches(const uint8_t* data, int64_t size, std::vector<Sequence>* sequences,
                       Stop* stop = nullptr);

}  // namespace eqinfo
