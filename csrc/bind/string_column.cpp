#include "string_column.h"

#include <pybind11/typing.h>

#include <algorithm>

#include "bind/codebook.h"
#include "bind/construct.h"
#include "bind/register.h"
#include "bind/text.h"
#include "cpu/codebook/decode.h"
#include "cpu/codebook/encode.h"
#include "cpu/string_column_loops.h"

namespace eqinfo::bind {
namespace {

constexpr int64_t kLongRow = 1 << 16;  // ids

// Immutable, like the arrays that it holds; they are checked once.
class Column {
 public:
  Column(const py::object& codebook, const py::array& ids, const Array<int64_t>& bases,
         const py::array& steps)
      : object_(codebook),
        codebook_(codebook.cast<const Codebook*>()),
        ids_(aligned(ids)),
        bases_(bases),
        steps_(aligned(steps)),
        wide_(codebook_->window_bits() > kMaxTokenBits),
        step_bytes_(steps.itemsize()),
        count_(steps.size() - 1) {
    require_ids(ids);
    if (!py::isinstance<Array<uint8_t>>(steps) && !py::isinstance<Array<uint16_t>>(steps) &&
        !py::isinstance<Array<uint32_t>>(steps)) {
      raise("TypeError",
            "expected contiguous steps of uint8, uint16 or uint32, found another array");
    }
    require_shape(steps, "steps", {-1});
    require(count_ >= 0, "expected at least 1 step, found none");
    require_shape(bases, "bases", {count_ / kRowsPerBase + 1});
    visit([&](const auto& column) {
      run_without_gil([&](Stop* stop) {
        return check_column(column, ids_.size(), codebook_->strings().count, stop);
      });
    });
  }

  py::bytes row(int64_t index) const {
    require_row(index);
    py::bytes text;
    const Strings strings = codebook_->strings();
    visit([&](const auto& column) {
      const auto* const ids = column.ids + column.begin(index);
      const int64_t count = column.begin(index + 1) - column.begin(index);
      int64_t size = 0;
      for (int64_t i = 0; i < count; ++i) size += string_length(strings, strings.words[ids[i]]);
      text = new_bytes(size);
      const int64_t starts[2] = {0, size};
      uint8_t* const out = memory_of(text);
      const auto decode = [&](Stop* stop) {
        codebook_decode_ids(strings, ids, count, 1, starts, out, stop);
      };
      // Most rows take less time than another thread may keep the GIL.
      count < kLongRow ? decode(nullptr) : run_without_gil(decode);
    });
    return text;
  }

  Array<int64_t> offsets(int64_t first, int64_t count) const {
    require_range(first, count);
    Array<int64_t> offsets(count + 1);
    int64_t* const out = offsets.mutable_data();
    visit([&](const auto& column) {
      run_without_gil([&](Stop* stop) { column_offsets(column, first, count, out, stop); });
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
    visit([&](const auto& column) {
      int64_t good = 0;  // how many rows exist
      run_without_gil([&](Stop* stop) {
        StopChecks checks(stop);
        ends[0] = 0;
        for (; good < count && in[good] >= 0 && in[good] < count_; ++good) {
          checks.after(1);
          ends[good + 1] = ends[good] + column.begin(in[good] + 1) - column.begin(in[good]);
        }
      });
      if (good < count) require_row(in[good]);
      Array<std::decay_t<decltype(*column.ids)>> ids(ends[count]);
      auto* const out = ids.mutable_data();
      run_without_gil([&](Stop* stop) {
        StopChecks checks(stop);
        for (int64_t i = 0; i < count; ++i) {
          checks.after(1 + ends[i + 1] - ends[i]);
          std::copy_n(column.ids + column.begin(in[i]), ends[i + 1] - ends[i], out + ends[i]);
        }
      });
      result = ids;
    });
    return py::make_tuple(result, offsets);
  }

  Array<bool> equal(int64_t first, int64_t count, const py::array& wanted_ids) const {
    require_range(first, count);
    require_ids(wanted_ids);
    const py::array ids = aligned(wanted_ids);
    Array<bool> found(count);
    bool* const out = found.mutable_data();
    visit([&](const auto& column) {
      const auto* const wanted = static_cast<decltype(column.ids)>(ids.data());
      const int64_t size = ids.size();
      run_without_gil(
          [&](Stop* stop) { column_equals(column, first, count, wanted, size, out, stop); });
    });
    return found;
  }

  Array<bool> starts_with(int64_t first, int64_t count, const py::buffer& object) const {
    require_range(first, count);
    const Text prefix(object);
    Array<bool> found(count);
    bool* const out = found.mutable_data();
    visit([&](const auto& column) {
      run_without_gil([&](Stop* stop) {
        if (prefix.size == 0) {
          std::fill_n(out, count, true);
          return;
        }
        std::vector<std::decay_t<decltype(*column.ids)>> ids;
        std::vector<PrefixBranch> branches;
        prefix_pattern(codebook_->tables(), prefix.bytes, prefix.size, &ids, &branches, stop);
        column_starts_with(column, first, count,
                           {ids.data(), branches.data(), static_cast<int64_t>(branches.size())},
                           out, stop);
      });
    });
    return found;
  }

 private:
  void require_ids(const py::array& ids) const {
    wide_ ? bind::require_ids<uint32_t>(ids) : bind::require_ids<uint16_t>(ids);
  }
  void require_row(int64_t index) const {
    require(index >= 0 && index < count_, "expected a row of 0 to ", count_ - 1, ", found ", index);
  }
  void require_range(int64_t first, int64_t count) const {
    require(first >= 0 && count >= 0 && first <= count_ - count, "expected rows within 0 to ",
            count_, ", found ", count, " from ", first, " on");
  }

  // Calls `work` with the column, typed by its ids and steps.
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
  StringColumn<Id, Step> typed() const {
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

// Bytes between two checks of signals, and what a row takes beside its bytes.
constexpr int64_t kCheckedBytes = 1 << 24;
constexpr int64_t kRowCost = 256;

using StringList = py::typing::List<py::object>;

// One object per row: str or bytes, or None where the row is not valid.
StringList string_list(const Array<uint8_t>& data, const Array<int64_t>& offsets,
                       const py::typing::Optional<Array<bool>>& valid, bool text) {
  require_shape(data, "data", {-1});
  require_offsets(offsets, data.size());
  const int64_t count = offsets.size() - 1;
  const auto given = valid.is_none() ? Array<bool>() : valid.cast<Array<bool>>();
  if (!valid.is_none()) require_shape(given, "valid", {count});
  const uint8_t* const flags = valid.is_none() ? nullptr : flags_of(given);
  const int64_t* const at = offsets.data();
  const char* const bytes = reinterpret_cast<const char*>(data.data());
  auto strings = py::reinterpret_steal<StringList>(PyList_New(count));
  if (!strings) throw py::error_already_set();
  int64_t left = kCheckedBytes;
  for (int64_t i = 0; i < count; ++i) {
    left -= at[i + 1] - at[i] + kRowCost;
    if (left < 0) {
      check_signals();
      left = kCheckedBytes;
    }
    PyObject* string = nullptr;
    if (flags != nullptr && flags[i] == 0) {
      string = py::none().release().ptr();
    } else if (text) {
      string = PyUnicode_DecodeUTF8(bytes + at[i], at[i + 1] - at[i], nullptr);
      if (string == nullptr) {
        PyErr_Clear();
        // Raises, with the message of the package.
        const py::bytes broken =
            copied_bytes(data.data() + at[i], static_cast<size_t>(at[i + 1] - at[i]));
        run_python([&] { py::module_::import("eqinfo.common.text").attr("to_text")(broken); });
      }
    } else {
      string = PyBytes_FromStringAndSize(bytes + at[i], at[i + 1] - at[i]);
    }
    if (string == nullptr) throw py::error_already_set();
    PyList_SET_ITEM(strings.ptr(), i, string);
  }
  return strings;
}

}  // namespace

void register_string_column(py::module_& module) {
  py::class_<Column> column(module, "StringColumn");
  define_constructor<Column, const py::object&, const py::array&, const Array<int64_t>&,
                     const py::array&>(column, py::arg("codebook"), py::arg("ids"),
                                       py::arg("bases").noconvert(), py::arg("steps"))
      .def("row", &Column::row, py::arg("index"))
      .def("offsets", &Column::offsets, py::arg("first"), py::arg("count"))
      .def("gather", &Column::gather, py::arg("rows").noconvert())
      .def("equal", &Column::equal, py::arg("first"), py::arg("count"), py::arg("ids"))
      .def("starts_with", &Column::starts_with, py::arg("first"), py::arg("count"),
           py::arg("prefix"));
  module.def("string_list", &string_list, py::arg("data").noconvert(),
             py::arg("offsets").noconvert(), py::arg("valid"), py::arg("text"));
  module.attr("ROWS_PER_BASE") = kRowsPerBase;
}

}  // namespace eqinfo::bind
