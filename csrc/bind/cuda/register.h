// What the CUDA module registers, one function per stage.
#pragma once

#include <pybind11/pybind11.h>

namespace eqinfo::bind {

void register_cuda_frequency(pybind11::module_& module);
void register_cuda_range_coder(pybind11::module_& module);
void register_cuda_window(pybind11::module_& module);
void register_cuda_codebook(pybind11::module_& module);
void register_cuda_transformer(pybind11::module_& module);

}  // namespace eqinfo::bind
