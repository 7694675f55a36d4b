#include "cuda/range_coder_kernel.cuh"
