#include "string_column.h"

#include <pybind11/typing.h>

#include "bind/codebook.h"
#include "bind/register.h"
#include "cpu/codebook/decode.h"
#include "cpu/codebook/encode.h"
#include "cpu/string_column_loops.h"

namespace eqinfo::bind {
namespace {

// Immutable, and so are the arrays that it holds, which are checked once.
class Rows {
 public:
  Rows(const py::object& codebook, const py::array& ids, const Array<int64_t>& bases,
       const py::array& steps)
      : object_(codebook),
        codebook_(codebook.cast<const Codebook*>()),
        ids_(ids),
        bases_(bases),
        steps_(steps),
        wide_(codebook_->window_bits() > kMaxTokenBits),
        step_bytes_(steps.itemsize()),
        count_(steps.size() - 1) {
    if (wide_ ? !py::isinstance<Array<uint32_t>>(ids) : !py::isinstance<Array<uint16_t>>(ids)) {
      raise("TypeError", "ids must be contiguous, of the codebook's dtype");
    }
    if (!py::isinstance<Array<uint8_t>>(steps) && !py::isinstance<Array<uint16_t>>(steps) &&
        !py::isinstance<Array<uint32_t>>(steps)) {
      raise("TypeError", "steps must be contiguous uint8, uint16 or uint32");
    }
    require_shape(ids, "ids", {-1});
    require_shape(steps, "steps", {-1});
    require(count_ >= 0, "steps must not be empty");
    require_shape(bases, "bases", {count_ / kRowsABase + 1});
    Result result;
    visit([&](const auto& rows) {
      const py::gil_scoped_release release;
      result = check_rows(rows, ids_.size(), codebook_->strings().count);
    });
    check(result);
  }

  py::bytes row(int64_t index) const {
    require(index >= 0 && index < count_, "no such row");
    py::bytes text;
    const Strings strings = codebook_->strings();
    visit([&](const auto& rows) {
      const auto* const ids = rows.ids + rows.begin(index);
      const int64_t count = rows.begin(index + 1) - rows.begin(index);
      int64_t size = 0;
      for (int64_t i = 0; i < count; ++i) size += string_length(strings, strings.words[ids[i]]);
      text = py::bytes(nullptr, static_cast<size_t>(size));
      const int64_t starts[2] = {0, size};
      codebook_decode_ids(strings, ids, count, 1, starts,
                          reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(text.ptr())));
    });
    return text;
  }

  Array<int64_t> offsets(int64_t first, int64_t count) const {
    require_range(first, count);
    Array<int64_t> offsets(count + 1);
    int64_t* const out = offsets.mutable_data();
    visit([&](const auto& rows) {
      const py::gil_scoped_release release;
      row_offsets(rows, first, count, out);
    });
    return offsets;
  }

  // The ids of some rows, one after the other, and their offsets.
  py::typing::Tuple<py::array, Array<int64_t>> gather(const Array<int64_t>& wanted) const {
    require_shape(wanted, "rows", {-1});
    const int64_t count = wanted.size();
    Array<int64_t> offsets(count + 1);
    int64_t* const ends = offsets.mutable_data();
    const int64_t* const in = wanted.data();
    py::array result;
    visit([&](const auto& rows) {
      ends[0] = 0;
      for (int64_t i = 0; i < count; ++i) {
        require(in[i] >= 0 && in[i] < count_, "no such row");
        ends[i + 1] = ends[i] + rows.begin(in[i] + 1) - rows.begin(in[i]);
      }
      Array<std::decay_t<decltype(*rows.ids)>> ids(ends[count]);
      auto* const out = ids.mutable_data();
      {
        const py::gil_scoped_release release;
        for (int64_t i = 0; i < count; ++i) {
          std::copy_n(rows.ids + rows.begin(in[i]), ends[i + 1] - ends[i], out + ends[i]);
        }
      }
      result = ids;
    });
    return py::make_tuple(result, offsets);
  }

  Array<bool> equal(int64_t first, int64_t count, const py::array& ids) const {
    require_range(first, count);
    require_shape(ids, "ids", {-1});
    require(ids.dtype().equal(ids_.dtype()), "ids must be of the codebook's dtype");
    Array<bool> found(count);
    bool* const out = found.mutable_data();
    visit([&](const auto& rows) {
      const auto* const wanted = static_cast<decltype(rows.ids)>(ids.data());
      const int64_t size = ids.size();
      const py::gil_scoped_release release;
      rows_equal(rows, first, count, wanted, size, out);
    });
    return found;
  }

  Array<bool> starts_with(int64_t first, int64_t count, const py::buffer& object) const {
    require_range(first, count);
    const Text prefix(object);
    Array<bool> found(count);
    bool* const out = found.mutable_data();
    visit([&](const auto& rows) {
      const py::gil_scoped_release release;
      if (prefix.size == 0) {
        std::fill_n(out, count, true);
        return;
      }
      std::vector<std::decay_t<decltype(*rows.ids)>> ids;
      std::vector<PrefixBranch> branches;
      prefix_pattern(codebook_->tables(), prefix.bytes, prefix.size, &ids, &branches);
      rows_start_with(rows, first, count,
                      {ids.data(), branches.data(), static_cast<int64_t>(branches.size())}, out);
    });
    return found;
  }

 private:
  void require_range(int64_t first, int64_t count) const {
    require(first >= 0 && count >= 0 && first <= count_ - count, "no such rows");
  }

  // Calls work with the rows by their own types.
  template <typename Work>
  void visit(const Work& work) const {
    wide_ ? visit_steps<uint32_t>(work) : visit_steps<uint16_t>(work);
  }
  template <typename Id, typename Work>
  void visit_steps(const Work& work) const {
    switch (step_bytes_) {
      case 1:
        return work(typed<Id, uint8_t>());
      case 2:
        return work(typed<Id, uint16_t>());
      default:
        return work(typed<Id, uint32_t>());
    }
  }
  template <typename Id, typename Step>
  StringRows<Id, Step> typed() const {
    return {static_cast<const Id*>(ids_.data()), bases_.data(),
            static_cast<const Step*>(steps_.data()), count_};
  }

  py::object object_;
  const Codebook* codebook_;
  py::array ids_;
  Array<int64_t> bases_;
  py::array steps_;
  bool wide_;
  int64_t step_bytes_;
  int64_t count_;
};

using RowList = py::typing::List<py::object>;

// One object a row: str or bytes, or None where it is not valid.
RowList row_list(const Array<uint8_t>& data, const Array<int64_t>& offsets,
                 const py::typing::Optional<Array<bool>>& valid, bool text) {
  require_shape(data, "data", {-1});
  require_offsets(offsets, data.size());
  const int64_t count = offsets.size() - 1;
  const auto flags = valid.is_none() ? Array<bool>() : valid.cast<Array<bool>>();
  if (!valid.is_none()) require_shape(flags, "valid", {count});
  const int64_t* const at = offsets.data();
  const char* const bytes = reinterpret_cast<const char*>(data.data());
  RowList rows(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    PyObject* row = nullptr;
    if (!valid.is_none() && !flags.data()[i]) {
      row = py::none().release().ptr();
    } else if (text) {
      row = PyUnicode_DecodeUTF8(bytes + at[i], at[i + 1] - at[i], nullptr);
      if (row == nullptr) {
        PyErr_Clear();
        // Raises with the package's message.
        const py::bytes broken(bytes + at[i], static_cast<size_t>(at[i + 1] - at[i]));
        py::module_::import("eqinfo.common.text").attr("to_text")(broken);
      }
    } else {
      row = PyBytes_FromStringAndSize(bytes + at[i], at[i + 1] - at[i]);
    }
    if (row == nullptr) throw py::error_already_set();
    PyList_SET_ITEM(rows.ptr(), i, row);
  }
  return rows;
}

}  // namespace

void register_string_rows(py::module_& module) {
  py::class_<Rows>(module, "StringRows")
      .def(py::init<const py::object&, const py::array&, const Array<int64_t>&, const py::array&>(),
           py::arg("codebook"), py::arg("ids"), py::arg("bases").noconvert(), py::arg("steps"))
      .def("row", &Rows::row, py::arg("index"))
      .def("offsets", &Rows::offsets, py::arg("first"), py::arg("count"))
      .def("gather", &Rows::gather, py::arg("rows").noconvert())
      .def("equal", &Rows::equal, py::arg("first"), py::arg("count"), py::arg("ids"))
      .def("starts_with", &Rows::starts_with, py::arg("first"), py::arg("count"),
           py::arg("prefix"));
  module.def("row_list", &row_list, py::arg("data").noconvert(), py::arg("offsets").noconvert(),
             py::arg("valid"), py::arg("text"));
  module.attr("ROWS_A_BASE") = kRowsABase;
}

}  // namespace eqinfo::bind
