#include "bind/arrays.h"
#include "bind/cuda/device_array.h"
#include "bind/cuda/register.h"

namespace eqinfo::bind {
namespace {

// The tables of a codebook in device memory: attributes of one object, named as in
// _core.Codebook.tables, each an array of bytes.
class Tables {
 public:
  Tables(Launch* launch, const py::object& tables) : launch_(launch), tables_(tables) {}

  Trie trie() {
    return {of<TrieSlot>("slots"), of<uint32_t>("closing"), of<Failure>("failures"),
            of<uint32_t>("pops")};
  }
  Strings strings() {
    const int64_t count = launch_->length(tables_.attr("sizes"), "sizes");
    return {of<uint32_t>("words"), of<uint8_t>("sizes"), of<LongString>("longs"),
            of<uint8_t>("tails"), static_cast<uint32_t>(count)};
  }
  int32_t wide() const { return py::cast<bool>(tables_.attr("wide")); }
  size_t id_bytes() const { return wide() ? sizeof(uint32_t) : sizeof(uint16_t); }

 private:
  template <typename T>
  const T* of(const char* name) {
    return reinterpret_cast<const T*>(launch_->in<uint8_t>(tables_.attr(name), name, {-1}));
  }

  Launch* launch_;
  py::object tables_;
};

void encode(const py::object& tables_object, const py::object& text, const py::object& offsets,
            const py::object& ids, const py::object& counts, uint64_t stream) {
  Launch launch("codebook_encode", stream);
  Tables tables(&launch, tables_object);
  const int64_t documents = launch.length(counts, "counts");
  const int64_t bytes = launch.length(text, "text");
  launch.run(CodebookEncodeArguments{
      tables.trie(), tables.wide(), launch.in<uint8_t>(text, "text", {bytes}),
      launch.in<int64_t>(offsets, "offsets", {documents + 1}), documents,
      launch.integers(ids, "ids", {bytes}, 8 * tables.id_bytes(), true),
      launch.out<int64_t>(counts, "counts", {documents})});
}

void decode(const py::object& tables_object, const py::object& ids, const py::object& blocks,
            const py::object& fault, const py::object& text, const py::object& starts,
            uint64_t stream) {
  Launch launch("codebook_decode", stream);
  Tables tables(&launch, tables_object);
  const int64_t count = launch.length(ids, "ids");
  const int64_t block_count = blocks_for(count, kThreadsOfBlock);
  const CodebookIds decoded{tables.strings(), tables.wide(),
                            launch.integers(ids, "ids", {count}, 8 * tables.id_bytes(), false),
                            count, launch.out<int64_t>(blocks, "blocks", {block_count + 1})};
  const int64_t capacity = launch.length(text, "text");
  const CodebookWriteArguments write{
      decoded, launch.out<uint8_t>(text, "text", {capacity}), capacity,
      starts.is_none() ? nullptr : launch.out<int64_t>(starts, "starts", {count + 1})};
  launch.run(CodebookMeasureArguments{decoded, launch.out<int64_t>(fault, "fault", {1})});
  launch.run(CodebookScanArguments{decoded.blocks, block_count});
  launch.run(write);
}

}  // namespace

void register_cuda_codebook(py::module_& module) {
  module.def("codebook_encode", &encode, py::arg("tables"), py::arg("text"), py::arg("offsets"),
             py::arg("ids"), py::arg("counts"), py::arg("stream"));
  module.def("codebook_decode", &decode, py::arg("tables"), py::arg("ids"), py::arg("blocks"),
             py::arg("fault"), py::arg("text"), py::arg("starts").none(true), py::arg("stream"));
  module.attr("IDS_OF_BLOCK") = kThreadsOfBlock;
}

}  // namespace eqinfo::bind
