#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "bind/codebook.h"
#include "bind/register.h"
#include "cpu/lz77/coder.h"
#include "cpu/lz77/find.h"
#include "cpu/range_coder_loops.h"

namespace eqinfo::bind {
namespace {

void require_lz77_size(int64_t size) {
  require(size <= kMaxLz77Bytes, "expected at most 2^23 bytes, found ", size);
}

// Sequences, uint32 of shape (n, 3): literals, length, distance; and all literals, uint8.
std::pair<Array<uint32_t>, Array<uint8_t>> lz77_find(const Array<uint8_t>& data, bool long_only) {
  require_shape(data, "data", {-1});
  require_lz77_size(data.size());
  std::vector<Sequence> sequences;
  const uint8_t* const bytes = data.data();
  const int64_t size = data.size();
  run_without_gil([&](Stop* stop) {
    (long_only ? find_long_matches : find_matches)(bytes, size, &sequences, stop);
    return Result{};
  });
  Array<uint32_t> out({static_cast<int64_t>(sequences.size()), int64_t{3}});
  if (!sequences.empty()) {  // memcpy takes no null pointer
    std::memcpy(out.mutable_data(), sequences.data(), sequences.size() * sizeof(Sequence));
  }
  int64_t total = 0;
  for (const Sequence& sequence : sequences) total += sequence.literals;
  Array<uint8_t> literals(total);
  uint8_t* to = literals.mutable_data();
  int64_t at = 0;
  for (const Sequence& sequence : sequences) {
    to = std::copy_n(bytes + at, sequence.literals, to);
    at += int64_t{sequence.literals} + sequence.length;
  }
  return {out, literals};
}

// The sequences must be those of the data: they are checked for size, so that nothing outside is
// read, but not whether the matches are right.
Lz77Input checked_input(const Array<uint8_t>& data, const Array<uint32_t>& sequences) {
  require_shape(sequences, "sequences", {-1, 3});
  const auto* const first = reinterpret_cast<const Sequence*>(sequences.data());
  const Lz77Input input{data.data(), data.size(), first, sequences.shape(0)};
  int64_t at = 0;
  for (int64_t i = 0; i < input.count; ++i) {
    at += first[i].literals;
    const bool last = i + 1 == input.count && at == input.size;
    require((last && first[i].length == 0) ||
                (first[i].length >= kMinMatch && first[i].distance >= 1 && first[i].distance <= at),
            "expected a match of at least 3 bytes of what came before, found another one in "
            "sequence ",
            i);
    at += first[i].length;
    require(at <= input.size && (at < input.size || i + 1 == input.count), "expected sequences of ",
            input.size, " bytes, found ", at, " or more");
  }
  require(at == input.size, "expected sequences of ", input.size, " bytes, found ", at);
  return input;
}

// Without sequences, they are found.
py::bytes lz77_stream(const Array<uint8_t>& data, const std::optional<Array<uint32_t>>& sequences,
                      const std::optional<Array<uint16_t>>& ids, uint32_t window_bits) {
  require_shape(data, "data", {-1});
  require_lz77_size(data.size());
  require(sequences || !ids, "expected the sequences that leave the ids, found None");
  Lz77Input input{data.data(), data.size(), nullptr, 0};
  if (sequences) input = checked_input(data, *sequences);
  LiteralIds literals{nullptr, 0, 0};
  if (ids) {
    require_shape(*ids, "ids", {-1});
    require(window_bits >= kMinCodebookBits && window_bits <= kMaxTokenBits,
            "expected window_bits of 9 to 16, found ", window_bits);
    require(ids->size() <= data.size(), "expected at most ", data.size(), " ids, found ",
            ids->size());
    literals = {ids->data(), ids->size(), 1u << window_bits};
  }
  std::vector<uint8_t> stream;
  run_without_gil([&](Stop* stop) {
    if (ids) {
      const Result checked = check_symbols(literals.ids, literals.count, literals.alphabet, stop);
      if (checked.status != Status::ok) return checked;
    }
    std::vector<Sequence> found;
    if (!sequences) {
      find_matches(input.data, input.size, &found, stop);
      input.sequences = found.data();
      input.count = static_cast<int64_t>(found.size());
    }
    lz77_encode(input, ids ? &literals : nullptr, &stream, stop);
    return Result{};
  });
  return copied_bytes(stream.data(), stream.size());
}

void unlz77_stream(const Array<uint8_t>& stream, Array<uint8_t>& room,
                   const py::typing::Optional<Codebook>& given) {
  const Codebook* const codebook = given.is_none() ? nullptr : given.cast<const Codebook*>();
  require_shape(stream, "stream", {-1});
  require_shape(room, "room", {-1});
  require_lz77_size(room.size());
  require(codebook == nullptr || codebook->window_bits() <= kMaxTokenBits,
          "expected a codebook of at most 16 bits, found one of ",
          codebook == nullptr ? 0 : codebook->window_bits());
  const uint8_t* const from = stream.data();
  const int64_t stream_size = stream.size();
  uint8_t* const to = room.mutable_data();
  const int64_t size = room.size();
  run_without_gil([&](Stop* stop) {
    if (codebook == nullptr) return lz77_decode(from, stream_size, nullptr, to, size, stop);
    const Strings strings = codebook->strings();
    return lz77_decode(from, stream_size, &strings, to, size, stop);
  });
}

}  // namespace

void register_lz77(py::module_& module) {
  module.def("lz77_find", &lz77_find, py::arg("data").noconvert(), py::arg("long_only"));
  module.def("lz77_encode", &lz77_stream, py::arg("data").noconvert(),
             py::arg("sequences").noconvert(), py::arg("ids").noconvert(), py::arg("window_bits"));
  module.def("lz77_decode", &unlz77_stream, py::arg("stream").noconvert(),
             py::arg("room").noconvert(), py::arg("codebook"));
}

}  // namespace eqinfo::bind
