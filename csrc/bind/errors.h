// From Status to exception: the only place where results of the core become Python exceptions.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "status.h"

namespace eqinfo::bind {

namespace py = pybind11;

struct Fault {
  const char* exception;  // a class of eqinfo.errors, or a built-in exception
  const char* unit;       // what Result::row counts
  const char* what;
};

inline Fault describe(Status status) {
  switch (status) {
    case Status::ok:
      break;
    case Status::nan_logit:
      return {"ModelError", "row", "a logit is NaN; expected a number or -infinity"};
    case Status::infinite_logit:
      return {"ModelError", "row", "a logit is +infinity; expected a number or -infinity"};
    case Status::no_finite_logit:
      return {"ModelError", "row", "every logit is -infinity; expected at least one finite logit"};
    case Status::zero_frequency:
      return {"ModelError", "row", "a frequency is 0; expected every frequency to be at least 1"};
    case Status::frequency_sum:
      return {"ModelError", "row", "the frequencies do not sum to 2^precision"};
    case Status::symbol_out_of_range:
      return {"ValueError", "symbol number", "not in the alphabet (0 to vocab_size - 1)"};
    case Status::lane_out_of_range:
      return {"ValueError", "lane number",
              "no such lane, or named twice; expected existing lanes, each at most once"};
    case Status::corrupt_stream:
      return {"FormatError", "stream",
              "not a stream that an encoder writes with this model; it is damaged, or was written "
              "with another model"};
    case Status::truncated_tokens:
      return {"FormatError", "token", "the token stream ends inside a window"};
    case Status::token_out_of_range:
      return {"ValueError", "token", "does not fit token_bits; expected less than 2^token_bits"};
    case Status::padding_not_zero:
      return {"FormatError", "token", "bits after the last window are not zero"};
    case Status::id_out_of_range:
      return {"ValueError", "token", "no such id in the codebook"};
    case Status::malformed_codebook:
      return {"FormatError", "node",
              "not a sorted dictionary with all bytes in which every leaf has an id"};
    case Status::malformed_column:
      return {"FormatError", "row", "offsets fall, or do not end with the number of ids"};
  }
  return {"EqInfoError", "row", "unknown status"};
}

[[noreturn]] inline void raise(const char* exception, const std::string& message) {
  const py::module_ errors = py::module_::import("eqinfo.errors");
  const py::module_ builtins = py::module_::import("builtins");
  const py::object type =
      py::hasattr(errors, exception) ? errors.attr(exception) : builtins.attr(exception);
  PyErr_SetString(type.ptr(), message.c_str());
  throw py::error_already_set();
}

// Call with the GIL held.
inline void check(const Result& result) {
  if (result.status == Status::ok) return;
  const Fault fault = describe(result.status);
  std::string message = fault.what;
  if (result.row >= 0) message = fault.unit + (" " + std::to_string(result.row)) + ": " + message;
  raise(fault.exception, message);
}

}  // namespace eqinfo::bind
