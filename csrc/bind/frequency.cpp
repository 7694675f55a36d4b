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
  Result status;
  {
    // Rows are independent and read-only, so other Python threads may run meanwhile.
    const py::gil_scoped_release release;
    status = frequency_rows(rows, out);
  }
  check(status);
  return result;
}

void set_level(int level) {
  require(level >= 0 && level <= 2, "no such instruction set");
  if (!set_instruction_set(static_cast<InstructionSet>(level))) {
    raise("UnsupportedError", "this processor lacks the instruction set asked for");
  }
}

}  // namespace

void register_frequency(py::module_& module) {
  module.def("frequencies", &frequencies, py::arg("logits").noconvert(), py::arg("precision"));
  module.def(
      "min_precision",
      [](uint32_t alphabet) {
        require(alphabet >= kMinAlphabet && alphabet <= kMaxAlphabet,
                "the alphabet must have 2 to 2^18 symbols, found " + std::to_string(alphabet));
        return min_precision(alphabet);
      },
      py::arg("alphabet"));
  module.def("instruction_set", [] { return static_cast<int>(instruction_set()); });
  module.def("best_instruction_set", [] { return static_cast<int>(best_instruction_set()); });
  module.def("set_instruction_set", &set_level, py::arg("level"));
}

}  // namespace eqinfo::bind
