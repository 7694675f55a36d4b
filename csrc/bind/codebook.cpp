#include "bind/codebook.h"

#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "bind/construct.h"
#include "bind/register.h"
#include "bind/utf8.h"
#include "cpu/codebook/encode.h"
#include "cpu/codebook/vector_walk.h"
#include "cpu/threads.h"

namespace eqinfo::bind {

Codebook::Codebook(const Array<uint32_t>& depth, const Array<uint8_t>& symbol,
                   const Array<bool>& end, bool lazy)
    : depth_(depth), symbol_(symbol), end_(end) {
  require_shape(depth, "depth", {-1});
  require_shape(symbol, "symbol", {depth.size()});
  require_shape(end, "end", {depth.size()});
  require(depth.size() <= kMaxNodes, "expected at most 2^21 nodes, found ", depth.size());
  const uint8_t* const ends = flags_of(end);
  const int64_t ids = end.size() - std::count(ends, ends + end.size(), 0);
  window_bits_ = kMinCodebookBits;
  while (window_bits_ < kMaxCodebookBits && int64_t{1} << window_bits_ < ids) ++window_bits_;
  require(int64_t{1} << window_bits_ == ids, "expected 2^9 to 2^20 strings, a power of two, found ",
          ids);
  integers_ = std::make_unique<SharedIntegers>(static_cast<uint64_t>(ids));
  nodes_ = {depth.data(), symbol.data(), ends, static_cast<uint32_t>(depth.size())};
  run_without_gil([&](Stop* stop) -> Result {
    const Result checked = check_nodes(nodes_, ids);
    if (checked.status != Status::ok) return checked;
    strings_ = build_strings(nodes_, stop);
    if (lazy) {
      node_walk_.emplace(nodes_);
      return {};
    }
    auto tables = std::make_unique<CodebookTables>();
    tables->string_tables = strings_;
    const Result built = build_trie(nodes_, tables.get(), stop);
    tables_ = tables.release();
    return built;
  });
}

const CodebookTables& Codebook::tables() const {
  const CodebookTables* ready = tables_.load(std::memory_order_acquire);
  if (ready != nullptr) return *ready;
  auto tables = std::make_unique<CodebookTables>();
  tables->string_tables = strings_;
  if (build_trie(nodes_, tables.get()).status != Status::ok) {
    throw std::logic_error("a codebook that is known to build does not");
  }
  if (tables_.compare_exchange_strong(ready, tables.get(), std::memory_order_acq_rel)) {
    return *tables.release();
  }
  return *ready;
}

namespace {

// Bytes of the texts of a list that are held at a time: a str that is not ASCII is copied as UTF-8.
constexpr int64_t kGroupBytes = int64_t{64} << 20;

// The UTF-8 of a str, in less time than the interpreter's own encoder; null if the str is too long
// for memory that has four bytes per character at first, or if it has a surrogate.
py::object short_utf8(const py::object& text) {
  constexpr int64_t kMostCharacters = 1 << 16;
  const int64_t count = PyUnicode_GET_LENGTH(text.ptr());
  if (count > kMostCharacters) return {};
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, count * kMaxUtf8Bytes);
  if (bytes == nullptr) throw py::error_already_set();
  auto* const begin = reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(bytes));
  const uint8_t* const end = write_utf8(text.ptr(), 0, count, begin);
  if (end == nullptr) {
    Py_DECREF(bytes);
    return {};
  }
  if (_PyBytes_Resize(&bytes, end - begin) != 0) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(bytes);
}

// The bytes of a str, of bytes, or of anything that eqinfo.common.text.to_bytes accepts.
class TextOf {
 public:
  explicit TextOf(py::handle object) : held_(py::reinterpret_borrow<py::object>(object)) {
    if (PyUnicode_Check(held_.ptr()) && PyUnicode_IS_COMPACT_ASCII(held_.ptr())) {
      bytes = static_cast<const uint8_t*>(PyUnicode_DATA(held_.ptr()));
      size = PyUnicode_GET_LENGTH(held_.ptr());
      return;
    }
    if (PyUnicode_CheckExact(held_.ptr())) {
      if (py::object utf8 = short_utf8(held_)) held_ = std::move(utf8);
    }
    // A view of a bytes object, which nothing can change meanwhile.
    if (PyMemoryView_Check(held_.ptr())) {
      const py::object viewed = held_.attr("obj");  // raises where the view has been released
      const Py_buffer& view = *PyMemoryView_GET_BUFFER(held_.ptr());
      if (PyBytes_Check(viewed.ptr()) && PyBuffer_IsContiguous(&view, 'C')) {
        bytes = static_cast<const uint8_t*>(view.buf);
        size = view.len;
        held_ = viewed;
        return;
      }
    }
    if (!PyBytes_Check(held_.ptr())) {
      held_ = run_python(
          [&] { return py::module_::import("eqinfo.common.text").attr("to_bytes")(held_); });
    }
    bytes = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(held_.ptr()));
    size = PyBytes_GET_SIZE(held_.ptr());
  }
  const uint8_t* bytes;
  int64_t size;

 private:
  py::object held_;
};

template <typename T>
Array<T> to_array(Growing<T>* values) {
  const int64_t size = values->size();
  std::unique_ptr<T, decltype(&std::free)> memory(values->release(), &std::free);
  const py::capsule owner(memory.get(), &std::free);
  return Array<T>({size}, {static_cast<py::ssize_t>(sizeof(T))}, memory.release(), owner);
}

using Batch = py::typing::Tuple<py::array, Array<int64_t>>;

template <typename Id>
void encode_texts(const Codebook& codebook, const Texts& texts, bool shortest, int threads,
                  Growing<Id>* ids, int64_t* ends) {
  // The tables never change and nobody else sees the output yet, so other Python threads may run.
  // A thread that changes the texts meanwhile breaks the contract of the call.
  run_without_gil([&](Stop* stop) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < texts.count; ++i) bytes += texts.size(i);
    if (!shortest && codebook.walks_nodes(bytes)) {
      const NodeWalk& walk = codebook.node_walk(bytes);
      for (int64_t i = 0; i < texts.count; ++i) {
        walk.encode(texts.text(i), texts.size(i), ids);
        ends[i] = ids->size();
      }
    } else if (shortest) {
      codebook_encode_shortest(codebook.tables(), texts, threads, ids, ends, stop);
    } else {
      codebook_encode_texts(codebook.tables(), texts, threads, ids, ends, stop);
    }
  });
}

// Writes a part of a str as UTF-8 on several threads, into memory with room for kMaxUtf8Bytes per
// character. Returns the end of what was written, or nullptr where the part has a surrogate.
uint8_t* write_utf8_in_threads(PyObject* text, int64_t first, int64_t count, int threads,
                               uint8_t* out) {
  std::vector<uint8_t*> ends(static_cast<size_t>(threads));
  const auto begin = [&](int k) { return part_begin(count, threads, k); };
  in_threads(threads, [&](int k) {
    ends[static_cast<size_t>(k)] =
        write_utf8(text, first + begin(k), begin(k + 1) - begin(k), out + begin(k) * kMaxUtf8Bytes);
  });
  uint8_t* end = out;
  for (int k = 0; k < threads; ++k) {
    if (ends[static_cast<size_t>(k)] == nullptr) return nullptr;
    uint8_t* const part = out + begin(k) * kMaxUtf8Bytes;
    const int64_t bytes = ends[static_cast<size_t>(k)] - part;
    std::memmove(end, part, static_cast<size_t>(bytes));
    end += bytes;
  }
  return end;
}

// The ids of a str that is not ASCII. It is converted to UTF-8 slice by slice, in memory that stays
// in the cache.
template <typename Id>
void encode_slices(const Codebook& codebook, const py::object& text, int threads,
                   Growing<Id>* ids) {
  const CodebookTables& tables = tables_with_gil(codebook);
  const int64_t size = PyUnicode_GET_LENGTH(text.ptr());
  const int64_t slice = std::min(size, threads == 1 ? int64_t{1} << 19 : int64_t{8} << 20);
  const std::unique_ptr<uint8_t[]> utf8(new uint8_t[slice * kMaxUtf8Bytes]);
  TrieSlot node = kTrieRoot;
  bool surrogate = false;
  // As in encode_texts; a str never changes either.
  run_without_gil([&](Stop* stop) {
    ids->reserve(size / 3);
    for (int64_t begin = 0; begin < size && !surrogate; begin += slice) {
      const int64_t count = std::min(slice, size - begin);
      const uint8_t* end = write_utf8_in_threads(text.ptr(), begin, count, threads, utf8.get());
      surrogate = end == nullptr;
      if (surrogate) break;
      codebook_encode_part(tables, utf8.get(), end - utf8.get(), threads, &node, ids, stop);
      stop->check();  // slices may be short
    }
    Id* last = ids->reserve(tables.open_windows);
    const Id* const begin = last;
    codebook_finish(tables.trie(), &node, &last);
    ids->advance(last - begin);
  });
  if (surrogate) const TextOf whole(text);  // raises, and names the place
}

// The ids of all windows of a text.
py::array encode(const Codebook& codebook, const py::object& object, bool shortest, int threads) {
  checked_threads(threads);
  const bool slices = PyUnicode_Check(object.ptr()) && !PyUnicode_IS_COMPACT_ASCII(object.ptr()) &&
                      !codebook.walks_nodes(kMaxUtf8Bytes * PyUnicode_GET_LENGTH(object.ptr()));
  return with_ids(codebook, [&](auto id) -> py::array {
    Growing<decltype(id)> ids;
    if (slices && !shortest) {
      encode_slices(codebook, object, threads, &ids);
      return to_array(&ids);
    }
    const TextOf text(object);
    const Texts texts{&text.bytes, &text.size, nullptr, nullptr, 1};
    int64_t end = 0;
    encode_texts(codebook, texts, shortest, threads, &ids, &end);
    return to_array(&ids);
  });
}

// The ids of the windows that close inside the text, and the node of the window left open, where
// the next part goes on.
py::typing::Tuple<py::array, int> encode_part(const Codebook& codebook, const py::object& object,
                                              uint32_t node, int threads) {
  checked_threads(threads);
  require(node < codebook.nodes(), "expected a node below ", static_cast<int64_t>(codebook.nodes()),
          ", found ", node);
  const TextOf text(object);
  const CodebookTables& tables = tables_with_gil(codebook);
  TrieSlot at = tables.nodes[node];
  return with_ids(codebook, [&](auto id) -> py::tuple {
    Growing<decltype(id)> ids;
    // As in encode_texts.
    run_without_gil([&](Stop* stop) {
      codebook_encode_part(tables, text.bytes, text.size, threads, &at, &ids, stop);
    });
    return py::make_tuple(to_array(&ids), tables.node(at));
  });
}

// The ids that close the window left open at a node.
py::array finish(const Codebook& codebook, uint32_t node) {
  const CodebookTables& tables = tables_with_gil(codebook);
  require(node < tables.nodes.size(), "expected a node below ",
          static_cast<int64_t>(tables.nodes.size()), ", found ", node);
  return with_ids(codebook, [&](auto id) -> py::array {
    Growing<decltype(id)> ids;
    auto* end = ids.reserve(tables.open_windows);
    TrieSlot at = tables.nodes[node];
    codebook_finish(tables.trie(), &at, &end);
    ids.advance(end - ids.data());
    return to_array(&ids);
  });
}

// The ids of many texts, one after the other, and their offsets.
Batch encode_list(const Codebook& codebook, const py::typing::Iterable<py::object>& list,
                  bool shortest, int threads) {
  checked_threads(threads);
  return with_ids(codebook, [&](auto id) -> py::tuple {
    Growing<decltype(id)> ids;
    Growing<int64_t> offsets;
    *offsets.reserve(1) = 0;
    offsets.advance(1);
    auto at = run_python([&] {
      py::iterator first = py::iter(list);
      static_cast<void>(*first);  // asks for the first text
      return first;
    });
    while (at != py::iterator::sentinel()) {
      std::vector<TextOf> held;
      std::vector<const uint8_t*> pointers;
      std::vector<int64_t> sizes;
      for (int64_t bytes = 0; bytes < kGroupBytes && at != py::iterator::sentinel();
           run_python([&] { ++at; })) {
        held.emplace_back(*at);
        pointers.push_back(held.back().bytes);
        sizes.push_back(held.back().size);
        bytes += held.back().size + static_cast<int64_t>(sizeof(TextOf));
      }
      check_signals();  // a group may take too little time for encode_texts to do it
      const int64_t count = static_cast<int64_t>(held.size());
      int64_t* ends = offsets.reserve(count);
      encode_texts(codebook, {pointers.data(), sizes.data(), nullptr, nullptr, count}, shortest,
                   threads, &ids, ends);
      offsets.advance(count);
    }
    return py::make_tuple(to_array(&ids), to_array(&offsets));
  });
}

// The same for texts that lie one after the other in memory.
Batch encode_flat(const Codebook& codebook, const Array<uint8_t>& text,
                  const Array<int64_t>& bounds, bool shortest, int threads) {
  checked_threads(threads);
  require_shape(text, "text", {-1});
  require_offsets(bounds, text.size());
  return with_ids(codebook, [&](auto id) -> py::tuple {
    Growing<decltype(id)> ids;
    Array<int64_t> offsets(bounds.size());
    int64_t* ends = offsets.mutable_data();
    *ends++ = 0;
    encode_texts(codebook, {nullptr, nullptr, text.data(), bounds.data(), bounds.size() - 1},
                 shortest, threads, &ids, ends);
    return py::make_tuple(to_array(&ids), offsets);
  });
}

py::bytes string(const Codebook& codebook, uint32_t id) {
  const Strings strings = codebook.strings();
  if (id >= strings.count) check({Status::id_out_of_range, -1});
  const uint32_t length = string_length(strings, strings.words[id]);
  py::bytes text = new_bytes(length);
  codebook_write(strings, strings.words[id], memory_of(text) + length);
  return text;
}

// The bytes of a table; they keep the codebook alive.
template <typename T>
Array<uint8_t> bytes_of(const std::vector<T>& table, const py::object& codebook) {
  Array<uint8_t> bytes(static_cast<py::ssize_t>(table.size() * sizeof(T)),
                       reinterpret_cast<const uint8_t*>(table.data()), codebook);
  bytes.attr("flags").attr("writeable") = false;
  return bytes;
}

// The tables of Trie and Strings, as csrc/cuda/kernels.h reads them.
py::typing::Dict<py::str, Array<uint8_t>> tables_of(const py::object& codebook) {
  const CodebookTables& tables = tables_with_gil(py::cast<const Codebook&>(codebook));
  py::dict bytes;
  bytes["slots"] = bytes_of(tables.slots, codebook);
  bytes["closing"] = bytes_of(tables.closing, codebook);
  bytes["failures"] = bytes_of(tables.failures, codebook);
  bytes["pops"] = bytes_of(tables.pops, codebook);
  bytes["words"] = bytes_of(tables.string_tables->words, codebook);
  bytes["sizes"] = bytes_of(tables.string_tables->sizes, codebook);
  bytes["longs"] = bytes_of(tables.string_tables->longs, codebook);
  bytes["tails"] = bytes_of(tables.string_tables->tails, codebook);
  return bytes;
}

void choose_vector_walk(std::optional<bool> use) {
  if (use == true && !has_vector_walk()) {
    raise("UnsupportedError", "expected a processor with AVX-512 VBMI2, found none");
  }
  set_vector_walk(!use ? VectorWalk::automatic : *use ? VectorWalk::on : VectorWalk::off);
}

}  // namespace

void register_codebook(py::module_& module) {
  module.def("walks_in_vectors", &walks_in_vectors);
  module.def("set_vector_walk", &choose_vector_walk, py::arg("use"));
  py::class_<Codebook> codebook(module, "Codebook");
  define_constructor<Codebook, const Array<uint32_t>&, const Array<uint8_t>&, const Array<bool>&,
                     bool>(codebook, py::arg("depth").noconvert(), py::arg("symbol").noconvert(),
                           py::arg("end").noconvert(), py::arg("lazy") = false)
      .def_property_readonly("window_bits", &Codebook::window_bits)
      .def("encode", &encode, py::arg("text"), py::arg("shortest"), py::arg("num_threads"))
      .def("encode_part", &encode_part, py::arg("text"), py::arg("node"), py::arg("num_threads"))
      .def("finish", &finish, py::arg("node"))
      .def("encode_list", &encode_list, py::arg("texts"), py::arg("shortest"),
           py::arg("num_threads"))
      .def("encode_flat", &encode_flat, py::arg("text").noconvert(), py::arg("offsets").noconvert(),
           py::arg("shortest"), py::arg("num_threads"))
      .def("string", &string, py::arg("id"))
      .def("tables", &tables_of);
  define_codebook_decoding(codebook);
  define_codebook_lists(codebook);
}

}  // namespace eqinfo::bind
