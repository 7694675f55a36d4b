#include "cuda/codebook_kernel.cuh"
