// One function a stage, called by module.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace eqinfo::bind {

void register_bits(pybind11::module_& module);
void register_codebook(pybind11::module_& module);
void register_codebook_fit(pybind11::module_& module);
void register_frequency(pybind11::module_& module);
void register_native_model(pybind11::module_& module);
void register_predictor(pybind11::module_& module);
void register_range_coder(pybind11::module_& module);
void register_string_rows(pybind11::module_& module);
void register_unset_bytes(pybind11::module_& module);
void register_window(pybind11::module_& module);
void register_window_engine(pybind11::module_& module);
void register_word(pybind11::module_& module);

}  // namespace eqinfo::bind
