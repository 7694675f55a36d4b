#include "cuda/window_kernel.cuh"
