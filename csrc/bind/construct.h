// Constructors of Python objects that survive a lack of memory.
#pragma once

#include <pybind11/pybind11.h>

#include <utility>

namespace eqinfo::bind {

namespace detail {

template <typename Make, typename Result, typename Self, typename... Arguments>
auto init_of(const Make& make, Result (Self::*)(Arguments...) const) {
  return [make](pybind11::detail::value_and_holder& value, Arguments... arguments) {
    Result object = make(std::forward<Arguments>(arguments)...);
    value.value_ptr() = object.get();
    try {
      value.type->init_instance(value.inst, &object);
    } catch (...) {
      value.value_ptr() = nullptr;  // `object` still owns it
      throw;
    }
  };
}

}  // namespace detail

// Defines __init__ as make(arguments...), which returns a smart pointer of the kind that the class
// holds. py::init would register the object after the exceptions of the call have been caught, so
// that a lack of memory there ended the process.
template <typename Class, typename Make, typename... Extra>
Class& define_init(Class& type, const Make& make, const Extra&... extra) {
  return type.def("__init__", detail::init_of(make, &Make::operator()),
                  pybind11::detail::is_new_style_constructor(), extra...);
}

// The same for a constructor of T with these parameters.
template <typename T, typename... Parameters, typename Class, typename... Extra>
Class& define_constructor(Class& type, const Extra&... extra) {
  using Holder = typename Class::holder_type;
  return define_init(
      type,
      [](Parameters... parameters) {
        return Holder(new T(std::forward<Parameters>(parameters)...));
      },
      extra...);
}

}  // namespace eqinfo::bind
