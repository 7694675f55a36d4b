// Whether ids of 16 bits are found by walks in AVX-512 vectors (walk_avx512.cpp). They are the same
// either way; what differs is speed, by how fast the processor gathers.
#pragma once

namespace eqinfo {

enum class VectorWalk : int { automatic = 0, off = 1, on = 2 };

// Whether this processor has the instructions. On others, the walk must not be switched on.
bool has_vector_walk();

void set_vector_walk(VectorWalk choice);

// Whether walks are in vectors now. Never with an instruction set below AVX-512. `automatic` means:
// on processors whose gathers are known to be fast.
bool walks_in_vectors();

}  // namespace eqinfo
