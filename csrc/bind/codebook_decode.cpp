// Codebook.decode, decode_into and decode_flat. On one thread, many ids are decoded in one pass
// into memory that is cut or grown afterwards. A few ids, or the ids of several threads, are
// measured first.
#include <pybind11/typing.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "bind/codebook.h"
#include "cpu/codebook/decode.h"

namespace eqinfo::bind {
namespace {

constexpr int64_t kMinThreadIds = 1 << 16;
// From so many ids on, sampling them costs little.
constexpr int64_t kMinOnePassIds = 1 << 15;
// Mean number of ids. Shorter documents are faster written as one text than one by one.
constexpr int64_t kMinOnePassDocument = 16;

// Whether memory of `room` bytes should be shrunk for a text of `size` bytes. A little too much is
// kept: glibc maps large blocks afresh unless a block as large was freed before, and a block cut to
// the size of its own text would never be large enough for the next one.
bool wasteful(int64_t room, int64_t size) { return room - size > size / 16; }

// A bytes object that is being written.
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
    // The tables never change, and nobody else sees the output yet.
    run_without_gil([&](Stop* stop) {
      Result result = codebook_decode_onward(strings, ids, offsets, documents, out, room,
                                             text_offsets, &decoded, stop);
      if (result.status == Status::ok && decoded.documents < documents) {
        // The sample was misleading. The rest is measured, so this happens at most once.
        const int64_t rest[2] = {offsets[0] + decoded.ids, offsets[documents]};
        int64_t bytes[2];
        int64_t starts[2];
        result = codebook_decoded_bytes(strings, ids, rest, 1, 1, bytes, starts, stop);
        result.row += decoded.ids;
        room = decoded.bytes + bytes[1];
      }
      return result;
    });
  }
}

template <typename Id, typename Text>
void decode_in_two_passes(const Strings& strings, const Id* ids, const int64_t* offsets,
                          int64_t documents, int threads, int64_t* text_offsets, Text* text) {
  const int64_t count = offsets[documents] - offsets[0];
  std::vector<int64_t> starts(static_cast<size_t>(threads) + 1);
  run_without_gil([&](Stop* stop) {
    return codebook_decoded_bytes(strings, ids, offsets, documents, threads, text_offsets,
                                  starts.data(), stop);
  });
  uint8_t* const out = text->resize(starts.back());
  run_without_gil([&](Stop* stop) {
    codebook_decode_ids(strings, ids + offsets[0], count, threads, starts.data(), out, stop);
  });
}

template <typename Id, typename Text>
void decode_documents(const Codebook& codebook, const py::array& array, const int64_t* offsets,
                      int64_t documents, int num_threads, int64_t* text_offsets, Text* text) {
  const auto* const ids = static_cast<const Id*>(array.data());
  const int64_t count = offsets[documents] - offsets[0];
  constexpr int64_t kMaxIds = std::numeric_limits<int64_t>::max() >> (kMaxCodebookBits + 1);
  require(count <= kMaxIds, "expected at most ", kMaxIds, " ids, found ", count);
  const Strings strings = codebook.strings();
  const int threads = static_cast<int>(std::clamp<int64_t>(count / kMinThreadIds, 1, num_threads));
  if (threads == 1 && count >= std::max(kMinOnePassIds, kMinOnePassDocument * documents)) {
    decode_in_one_pass(strings, ids, offsets, documents, text_offsets, text);
  } else {
    decode_in_two_passes(strings, ids, offsets, documents, threads, text_offsets, text);
  }
}

py::bytes decode(const Codebook& codebook, const py::array& given, int threads) {
  checked_threads(threads);
  return with_ids(codebook, [&](auto id) {
    using Id = decltype(id);
    require_ids<Id>(given);
    const py::array array = aligned(given);
    const int64_t offsets[2] = {0, array.size()};
    int64_t text_offsets[2];
    BytesText text;
    decode_documents<Id>(codebook, array, offsets, 1, threads, text_offsets, &text);
    return text.take(text_offsets[1]);
  });
}

// Writes the text of ids, which must be exactly as long as `out`; otherwise nothing is written.
void decode_into(const Codebook& codebook, const py::array& given, InPlace<uint8_t> out) {
  require_shape(out, "out", {-1});
  const Strings strings = codebook.strings();
  const int64_t offsets[2] = {0, given.size()};
  const int64_t size = out.size();
  uint8_t* const text = out.mutable_data();
  int64_t bytes[2];
  with_ids(codebook, [&](auto id) {
    using Id = decltype(id);
    require_ids<Id>(given);
    const py::array array = aligned(given);
    const Id* const ids = static_cast<const Id*>(array.data());
    run_without_gil([&](Stop* stop) {
      int64_t starts[2];
      const Result result =
          codebook_decoded_bytes(strings, ids, offsets, 1, 1, bytes, starts, stop);
      if (result.status == Status::ok && bytes[1] == size) {
        codebook_decode_ids(strings, ids, offsets[1], 1, starts, text, stop);
      }
      return result;
    });
  });
  require(bytes[1] == size, "expected ids of ", size, " bytes, found ", bytes[1], " bytes");
}

py::typing::Tuple<Array<uint8_t>, Array<int64_t>> decode_flat(const Codebook& codebook,
                                                              const py::array& given,
                                                              const Array<int64_t>& offsets,
                                                              int threads) {
  checked_threads(threads);
  return with_ids(codebook, [&](auto id) -> py::tuple {
    using Id = decltype(id);
    require_ids<Id>(given);
    const py::array array = aligned(given);
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
