// Short texts, and ids as lists. Functions of Python's C API, because a call through pybind11 takes
// longer than the walk through a short text.
#include <pybind11/typing.h>

#include <algorithm>
#include <new>
#include <type_traits>

#include "bind/codebook.h"
#include "bind/utf8.h"
#include "cpu/codebook/encode.h"

namespace eqinfo::bind {
namespace {

constexpr const char* kCapsuleName = "eqinfo._core.Codebook";
// Numbers that are put into lists between two places where a signal handler can run.
constexpr int64_t kNumbersBetweenSignals = 1 << 20;

// A str or bytes of at most kMaxShortBytes bytes of UTF-8; `bytes` is null for any other object.
struct ShortText {
  const uint8_t* bytes = nullptr;
  int64_t size = 0;

  explicit ShortText(PyObject* object) {
    if (PyUnicode_Check(object) && PyUnicode_IS_COMPACT_ASCII(object)) {
      set(PyUnicode_DATA(object), PyUnicode_GET_LENGTH(object));
    } else if (PyBytes_Check(object)) {
      set(PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
    } else if (PyUnicode_Check(object)) {
      write(object);
    }
  }
  ShortText(const ShortText&) = delete;
  ShortText& operator=(const ShortText&) = delete;

 private:
  void set(const void* data, int64_t length) {
    if (length > kMaxShortBytes) return;
    bytes = static_cast<const uint8_t*>(data);
    size = length;
  }
  // Writes as many characters at a time as are sure to fit.
  void write(PyObject* text) {
    const int64_t count = PyUnicode_GET_LENGTH(text);
    uint8_t* end = utf8_;
    for (int64_t at = 0; at < count;) {
      const int64_t part = std::min(count - at, (utf8_ + kMaxShortBytes - end) / kMaxUtf8Bytes);
      if (part == 0) return;
      end = write_utf8(text, at, part, end);
      if (end == nullptr) return;  // a surrogate is refused elsewhere
      at += part;
    }
    set(utf8_, end - utf8_);
  }
  uint8_t utf8_[kMaxShortBytes];
};

// Returns work(codebook, ids, count) for a short text and a codebook whose trie is built, and None
// for anything else. Keeps the GIL, and needs no memory: both would take longer than the walk.
template <typename Work>
PyObject* with_short_ids(PyObject* capsule, PyObject* object, const Work& work) {
  const auto& codebook = *static_cast<const Codebook*>(PyCapsule_GetPointer(capsule, kCapsuleName));
  const CodebookTables* const tables = codebook.tables_if_built();
  const ShortText text(object);
  if (text.bytes == nullptr || tables == nullptr) Py_RETURN_NONE;
  return with_ids(codebook, [&](auto id) -> PyObject* {
    decltype(id) ids[kMaxShortBytes];
    return work(codebook, ids, codebook_encode_short(*tables, text.bytes, text.size, ids));
  });
}

PyObject* encode_short(PyObject* capsule, PyObject* object) {
  return with_short_ids(capsule, object,
                        [](const Codebook&, const auto* ids, int64_t count) -> PyObject* {
                          using Id = std::decay_t<decltype(*ids)>;
                          try {
                            Array<Id> array(count);
                            std::copy_n(ids, count, array.mutable_data());
                            return array.release().ptr();
                          } catch (py::error_already_set& error) {
                            error.restore();
                          } catch (const std::bad_alloc&) {
                            PyErr_NoMemory();
                          }
                          return nullptr;
                        });
}

PyObject* encode_short_as_list(PyObject* capsule, PyObject* object) {
  return with_short_ids(capsule, object,
                        [](const Codebook& codebook, const auto* ids, int64_t count) {
                          return codebook.integers().list(ids, count);
                        });
}

PyMethodDef kEncodeShort = {"encode_short", &encode_short, METH_O, nullptr};
PyMethodDef kEncodeShortAsList = {"encode_short_as_list", &encode_short_as_list, METH_O, nullptr};

using Encode = py::typing::Callable<py::typing::Optional<py::array>(py::object)>;
using EncodeAsList =
    py::typing::Callable<py::typing::Optional<py::typing::List<py::int_>>(py::object)>;

// Functions that return the ids of a short text as an array and as a list, or None where the text
// is not short; each keeps the codebook alive.
py::typing::Tuple<Encode, EncodeAsList> short_encoders(const py::object& codebook) {
  PyObject* const capsule = PyCapsule_New(
      &py::cast<Codebook&>(codebook), kCapsuleName,
      [](PyObject* dying) { Py_DECREF(static_cast<PyObject*>(PyCapsule_GetContext(dying))); });
  if (capsule == nullptr) throw py::error_already_set();
  PyCapsule_SetContext(capsule, codebook.inc_ref().ptr());
  const auto held = py::reinterpret_steal<py::object>(capsule);
  const auto function = [&](PyMethodDef* definition) {
    PyObject* const made = PyCFunction_New(definition, capsule);
    if (made == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
  };
  return py::make_tuple(function(&kEncodeShort), function(&kEncodeShortAsList));
}

// Returns a list for each row, of its first `most` numbers.
template <typename Id>
py::typing::List<py::typing::List<py::int_>> lists_of(const Codebook& codebook,
                                                      const Array<Id>& numbers,
                                                      const Array<int64_t>& offsets, int64_t most) {
  require_shape(numbers, "numbers", {-1});
  require_offsets(offsets, numbers.size());
  require(most >= 0, "expected at least 0 numbers per row, found ", most);
  const int64_t* const at = offsets.data();
  const int64_t count = offsets.size() - 1;
  py::list lists;
  int64_t made = 0;
  for (int64_t i = 0; i < count; ++i) {
    py::list list;
    int64_t begin = at[i];
    const int64_t row_end = begin + std::min(most, at[i + 1] - begin);
    do {
      const int64_t end = std::min(row_end, begin + kNumbersBetweenSignals);
      const auto part = py::reinterpret_steal<py::list>(
          codebook.integers().list(numbers.data() + begin, end - begin));
      if (!part) throw py::error_already_set();
      if (begin == at[i]) {
        list = part;
      } else if (PyList_SetSlice(list.ptr(), begin - at[i], begin - at[i], part.ptr()) != 0) {
        throw py::error_already_set();
      }
      made += end - begin;
      begin = end;
      if (made >= kNumbersBetweenSignals) {
        made = 0;
        check_signals();
      }
    } while (begin < row_end);
    lists.append(list);
  }
  return lists;
}

}  // namespace

void define_codebook_lists(py::class_<Codebook>& codebook) {
  codebook.def("short_encoders", &short_encoders)
      .def("lists", &lists_of<uint16_t>, py::arg("numbers").noconvert(),
           py::arg("offsets").noconvert(), py::arg("most"))
      .def("lists", &lists_of<uint32_t>, py::arg("numbers").noconvert(),
           py::arg("offsets").noconvert(), py::arg("most"));
}

}  // namespace eqinfo::bind
