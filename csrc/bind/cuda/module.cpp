#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bind/cuda/register.h"
#include "cuda/device.h"

namespace py = pybind11;

PYBIND11_MODULE(_cuda, module) {
  module.doc() = "CUDA stages of eqinfo. Imports without a CUDA driver.";
  module.def("availability", [] {
    const eqinfo::cuda_device::Availability found = eqinfo::cuda_device::availability();
    return std::make_pair(found.available, found.reason);
  });
  eqinfo::bind::register_cuda_frequency(module);
  eqinfo::bind::register_cuda_range_coder(module);
  eqinfo::bind::register_cuda_window(module);
  eqinfo::bind::register_cuda_codebook(module);
  eqinfo::bind::register_cuda_transformer(module);
}
