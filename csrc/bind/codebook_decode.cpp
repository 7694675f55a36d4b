// Codebook.decode, decode_into and decode_flat. On one thread many ids are decoded in one pass,
// into memory that is cut or grown afterwards; a few, and those of several threads, are measured
// first.
#include <pybind11/typing.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bind/codebook.h"
#include "bind/huge_pages.h"
#include "cpu/codebook/decode.h"

namespace eqinfo::bind {
namespace {

constexpr int64_t kMinThreadIds = 1 << 16;
// As many as it takes for a sample of them to cost little.
constexpr int64_t kMinOnePassIds = 1 << 15;
// Shorter documents are written faster as one text than one by one.
constexpr int64_t kMinOnePassDocument = 16;

// Whether memory of `room` bytes is to be given back for a text of `size`. A little too much is
// kept: the C library asks the system for fresh memory, and gives it back when it is freed, unless
// something as large was freed before; then the text's own size would never do for the next text.
bool wasteful(int64_t room, int64_t size) { return room - size > size / 16; }

// bytes that are being written.
class BytesText {
 public:
  uint8_t* resize(int64_t size) {
    if (text_ == nullptr) {
      text_ = PyBytes_FromStringAndSize(nullptr, size);
    } else {
      _PyBytes_Resize(&text_, size);
    }
    if (text_ == nullptr) throw py::error_already_set();
    auto* const bytes = reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(text_));
    prefer_huge_pages(bytes, size);
    return bytes;
  }
  ~BytesText() { Py_XDECREF(text_); }
  py::bytes take(int64_t size) {
    const int64_t room = PyBytes_GET_SIZE(text_);
    if (wasteful(room, size)) {
      resize(size);
    } else if (size < room) {
      Py_SET_SIZE(text_, size);
      PyBytes_AS_STRING(text_)[size] = '\0';
    }
    return py::reinterpret_steal<py::bytes>(std::exchange(text_, nullptr));
  }

 private:
  PyObject* text_ = nullptr;
};

// An array that is being written.
class ArrayText {
 public:
  uint8_t* resize(int64_t size) {
    if (text_.size() == 0) {
      text_ = Array<uint8_t>(size);
    } else {
      text_.resize({size}, false);
    }
    return text_.mutable_data();
  }
  Array<uint8_t> take(int64_t size) {
    if (wasteful(text_.size(), size)) resize(size);
    if (text_.size() == size) return std::move(text_);
    return Array<uint8_t>({size}, {1}, text_.data(), text_);
  }

 private:
  Array<uint8_t> text_;
};

template <typename Id, typename Text>
void decode_in_one_pass(const Strings& strings, const Id* ids, const int64_t* offsets,
                        int64_t documents, int64_t* text_offsets, Text* text) {
  const int64_t count = offsets[documents] - offsets[0];
  int64_t room = codebook_expected_bytes(strings, ids + offsets[0], count);
  Decoded decoded;
  while (decoded.documents < documents) {
    uint8_t* const out = text->resize(room);
    Result result;
    {
      // The tables never change, and what is written is nobody else's yet.
      const py::gil_scoped_release release;
      result = codebook_decode_onward(strings, ids, offsets, documents, out, room, text_offsets,
                                      &decoded);
      if (result.status == Status::ok && decoded.documents < documents) {
        // The sample misled. The rest is measured, so this happens once.
        const int64_t rest[2] = {offsets[0] + decoded.ids, offsets[documents]};
        int64_t bytes[2];
        int64_t starts[2];
        result = codebook_decoded_bytes(strings, ids, rest, 1, 1, bytes, starts);
        result.row += decoded.ids;
        room = decoded.bytes + bytes[1];
      }
    }
    check(result);
  }
}

template <typename Id, typename Text>
void decode_in_two_passes(const Strings& strings, const Id* ids, const int64_t* offsets,
                          int64_t documents, int threads, int64_t* text_offsets, Text* text) {
  const int64_t count = offsets[documents] - offsets[0];
  std::vector<int64_t> starts(static_cast<size_t>(threads) + 1);
  Result result;
  {
    const py::gil_scoped_release release;  // as above
    result = codebook_decoded_bytes(strings, ids, offsets, documents, threads, text_offsets,
                                    starts.data());
  }
  check(result);
  uint8_t* const out = text->resize(starts.back());
  const py::gil_scoped_release release;
  codebook_decode_ids(strings, ids + offsets[0], count, threads, starts.data(), out);
}

template <typename Id, typename Text>
void decode_documents(const Codebook& codebook, const py::array& array, const int64_t* offsets,
                      int64_t documents, int num_threads, int64_t* text_offsets, Text* text) {
  const auto* const ids = static_cast<const Id*>(array.data());
  const int64_t count = offsets[documents] - offsets[0];
  require(count <= std::numeric_limits<int64_t>::max() >> (kMaxCodebookBits + 1), "too many ids");
  const Strings strings = codebook.strings();
  const int threads = static_cast<int>(std::clamp<int64_t>(count / kMinThreadIds, 1, num_threads));
  if (threads == 1 && count >= std::max(kMinOnePassIds, kMinOnePassDocument * documents)) {
    decode_in_one_pass(strings, ids, offsets, documents, text_offsets, text);
  } else {
    decode_in_two_passes(strings, ids, offsets, documents, threads, text_offsets, text);
  }
}

template <typename Id>
void require_ids(const py::array& array) {
  if (!py::isinstance<Array<Id>>(array)) {
    raise("TypeError",
          sizeof(Id) == 4 ? "ids must be contiguous uint32" : "ids must be contiguous uint16");
  }
  require_shape(array, "ids", {-1});
}

py::bytes decode(const Codebook& codebook, const py::array& array, int threads) {
  checked_threads(threads);
  return with_ids(codebook, [&](auto id) {
    using Id = decltype(id);
    require_ids<Id>(array);
    const int64_t offsets[2] = {0, array.size()};
    int64_t text_offsets[2];
    BytesText text;
    decode_documents<Id>(codebook, array, offsets, 1, threads, text_offsets, &text);
    return text.take(text_offsets[1]);
  });
}

// The text of ids, which must be as long as `out`; nothing is written where it is not.
void decode_into(const Codebook& codebook, const py::array& array, Array<uint8_t> out) {
  require_shape(out, "out", {-1});
  const Strings strings = codebook.strings();
  const int64_t offsets[2] = {0, array.size()};
  const int64_t size = out.size();
  uint8_t* const text = out.mutable_data();
  int64_t bytes[2];
  Result result;
  with_ids(codebook, [&](auto id) {
    using Id = decltype(id);
    require_ids<Id>(array);
    const Id* const ids = static_cast<const Id*>(array.data());
    const py::gil_scoped_release release;  // as above
    int64_t starts[2];
    result = codebook_decoded_bytes(strings, ids, offsets, 1, 1, bytes, starts);
    if (result.status != Status::ok || bytes[1] != size) return;
    codebook_decode_ids(strings, ids, offsets[1], 1, starts, text);
  });
  check(result);
  require(bytes[1] == size, "expected ids of " + std::to_string(size) + " bytes, found " +
                                std::to_string(bytes[1]) + " bytes");
}

py::typing::Tuple<Array<uint8_t>, Array<int64_t>> decode_flat(const Codebook& codebook,
                                                              const py::array& array,
                                                              const Array<int64_t>& offsets,
                                                              int threads) {
  checked_threads(threads);
  return with_ids(codebook, [&](auto id) -> py::tuple {
    using Id = decltype(id);
    require_ids<Id>(array);
    require_offsets(offsets, array.size());
    Array<int64_t> text_offsets(offsets.size());
    ArrayText text;
    decode_documents<Id>(codebook, array, offsets.data(), offsets.size() - 1, threads,
                         text_offsets.mutable_data(), &text);
    return py::make_tuple(text.take(text_offsets.data()[offsets.size() - 1]), text_offsets);
  });
}

}  // namespace

void define_codebook_decoding(py::class_<Codebook>& codebook) {
  codebook.def("decode", &decode, py::arg("ids"), py::arg("num_threads"))
      .def("decode_into", &decode_into, py::arg("ids"), py::arg("out").noconvert())
      .def("decode_flat", &decode_flat, py::arg("ids"), py::arg("offsets").noconvert(),
           py::arg("num_threads"));
}

}  // namespace eqinfo::bind
