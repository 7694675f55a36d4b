#include "cuda/frequency_kernel.cuh"
