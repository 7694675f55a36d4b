#include <pybind11/pybind11.h>

#include "bind/errors.h"
#include "bind/register.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Native stages of eqinfo. Use them through the Python modules of the package.";
  module.def(
      "status_message",
      [](int32_t status) {
        return eqinfo::bind::describe(static_cast<eqinfo::Status>(status)).what;
      },
      pybind11::arg("status"));
  eqinfo::bind::register_bits(module);
  eqinfo::bind::register_codebook(module);
  eqinfo::bind::register_codebook_fit(module);
  eqinfo::bind::register_codebook_from_model(module);
  eqinfo::bind::register_frequency(module);
  eqinfo::bind::register_json_lines(module);
  eqinfo::bind::register_lz77(module);
  eqinfo::bind::register_model(module);
  eqinfo::bind::register_mixer(module);
  eqinfo::bind::register_native_model(module);
  eqinfo::bind::register_range_coder(module);
  eqinfo::bind::register_string_column(module);
  eqinfo::bind::register_text_features(module);
  eqinfo::bind::register_transformer(module);
  eqinfo::bind::register_window(module);
  eqinfo::bind::register_window_engine(module);
  eqinfo::bind::register_word(module);
  eqinfo::bind::register_x86_calls(module);
}
