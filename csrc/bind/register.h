// One function per stage, called by module.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace eqinfo::bind {

void register_bits(pybind11::module_& module);
void register_codebook(pybind11::module_& module);
void register_codebook_fit(pybind11::module_& module);
void register_codebook_from_model(pybind11::module_& module);
void register_frequency(pybind11::module_& module);
void register_json_lines(pybind11::module_& module);
void register_lz77(pybind11::module_& module);
void register_native_model(pybind11::module_& module);
void register_mixer(pybind11::module_& module);
void register_model(pybind11::module_& module);
void register_range_coder(pybind11::module_& module);
void register_string_column(pybind11::module_& module);
void register_text_features(pybind11::module_& module);
void register_transformer(pybind11::module_& module);
void register_window(pybind11::module_& module);
void register_window_engine(pybind11::module_& module);
void register_word(pybind11::module_& module);
void register_x86_calls(pybind11::module_& module);

}  // namespace eqinfo::bind
