#include "frequency.h"

#include "bind/arrays.h"
#include "bind/register.h"
#include "cpu/dispatch.h"

namespace eqinfo::bind {
namespace {

Array<uint32_t> frequencies(const Array<float>& logits, uint32_t precision) {
  const Rows rows = rows_of(logits, precision);
  Array<uint32_t> result({rows.count, static_cast<int64_t>(rows.alphabet)});
  uint32_t* out = result.mutable_data();
  run_without_gil([&](Stop* stop) { return frequency_rows(rows, out, stop); });
  return result;
}

void set_level(int level) {
  require(level >= 0 && level <= 2, "expected an instruction set of 0 to 2, found ", level);
  if (!set_instruction_set(static_cast<InstructionSet>(level))) {
    raise("UnsupportedError", "expected an instruction set of this processor (0 to " +
                                  std::to_string(static_cast<int>(best_instruction_set())) +
                                  "), found " + std::to_string(level));
  }
}

}  // namespace

void register_frequency(py::module_& module) {
  module.def("frequencies", &frequencies, py::arg("logits").noconvert(), py::arg("precision"));
  module.def(
      "min_precision",
      [](uint32_t alphabet) {
        require_alphabet(alphabet);
        return min_precision(alphabet);
      },
      py::arg("alphabet"));
  module.def("instruction_set", [] { return static_cast<int>(instruction_set()); });
  module.def("best_instruction_set", [] { return static_cast<int>(best_instruction_set()); });
  module.def("set_instruction_set", &set_level, py::arg("level"));
}

}  // namespace eqinfo::bind
