// The arrays of a codebook file, and ids: tables are built or refused; ids decode within bounds,
// and every parse encodes what they decode to as ids that decode to the same; prefix tests on ids
// agree with the strings; phrases of the text are whole words of it.
#include "codebook.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "cpu/codebook/phrases.h"
#include "cpu/string_column_loops.h"
#include "expect.h"

namespace eqinfo::fuzz {
namespace {

struct Nodes {
  std::vector<uint32_t> depth;
  std::vector<uint8_t> symbol;
  std::vector<uint8_t> end;
};

// Arbitrary arrays.
Nodes raw_nodes(FuzzedDataProvider* input) {
  Nodes nodes;
  const size_t count = input->ConsumeIntegralInRange<size_t>(1, 4096);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t byte = input->ConsumeIntegral<uint8_t>();
    nodes.depth.push_back(byte >> 1);
    nodes.end.push_back(byte & 1);
    nodes.symbol.push_back(input->ConsumeIntegral<uint8_t>());
  }
  return nodes;
}

// The arrays of a dictionary: strings grow from others, some by more than a byte; pairs of bytes
// fill them up to 512.
Nodes grown_nodes(FuzzedDataProvider* input) {
  std::set<std::string> strings{""};
  std::vector<std::string> all;
  const auto add = [&](const std::string& string) {
    if (strings.insert(string).second) all.push_back(string);
  };
  for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
  const size_t wanted = input->ConsumeIntegralInRange<size_t>(0, 255);
  while (all.size() < 256 + wanted && input->remaining_bytes() > 0) {
    const size_t parent = all.size() - 1 - input->ConsumeIntegral<uint8_t>() % all.size();
    add(all[parent] + input->ConsumeBytesAsString(input->ConsumeIntegralInRange<size_t>(1, 40)));
  }
  for (int pair = 0; all.size() < 511; ++pair) {
    add({static_cast<char>(pair >> 8), static_cast<char>(pair)});
  }
  Nodes nodes;
  std::string before;
  for (const std::string& string : strings) {
    const auto [a, b] = std::mismatch(before.begin(), before.end(), string.begin(), string.end());
    for (size_t depth = static_cast<size_t>(b - string.begin()) + 1; depth <= string.size();
         ++depth) {
      nodes.depth.push_back(static_cast<uint32_t>(depth));
      nodes.symbol.push_back(static_cast<uint8_t>(string[depth - 1]));
      nodes.end.push_back(depth == string.size());
    }
    if (string.empty()) {
      nodes.depth.push_back(0);
      nodes.symbol.push_back(0);
      nodes.end.push_back(1);
    }
    before = string;
  }
  return nodes;
}

using Bytes = std::vector<uint8_t>;

template <typename Id>
Bytes decode(const CodebookTables& tables, const std::vector<Id>& ids, int threads) {
  const int64_t count = static_cast<int64_t>(ids.size());
  const int64_t offsets[2] = {0, count};
  int64_t bytes[2];
  std::vector<int64_t> starts(static_cast<size_t>(threads) + 1);
  const Result result = codebook_decoded_bytes(tables.strings(), ids.data(), offsets, 1, threads,
                                               bytes, starts.data());
  expect(result.status == Status::ok, "ids of the codebook decode");
  Bytes text(static_cast<size_t>(bytes[1]));
  codebook_decode_ids(tables.strings(), ids.data(), count, threads, starts.data(), text.data());
  return text;
}

template <typename Id, typename Encode>
std::vector<Id> encode(const Bytes& text, const Encode& with) {
  const uint8_t* pointer = text.data();
  const int64_t size = static_cast<int64_t>(text.size());
  Growing<Id> ids;
  int64_t end = 0;
  with(Texts{&pointer, &size, nullptr, nullptr, 1}, &ids, &end);
  expect(end == ids.size(), "a text ends with its ids");
  return {ids.data(), ids.data() + ids.size()};
}

template <typename Id>
void check_prefixes(const CodebookTables& tables, const std::vector<Id>& row, const Bytes& text,
                    const Bytes& prefix) {
  if (prefix.empty()) return;
  std::vector<Id> ids;
  std::vector<PrefixBranch> branches;
  prefix_pattern(tables, prefix.data(), static_cast<int64_t>(prefix.size()), &ids, &branches);
  const bool found =
      row_starts_with(row.data(), static_cast<int64_t>(row.size()),
                      {ids.data(), branches.data(), static_cast<int64_t>(branches.size())});
  const bool starts =
      prefix.size() <= text.size() && std::memcmp(prefix.data(), text.data(), prefix.size()) == 0;
  expect(found == starts, "a prefix of ids is one of bytes");
}

void check_phrases(const Bytes& text) {
  const int64_t size = static_cast<int64_t>(text.size());
  const int64_t offsets[] = {0, size / 2, size};
  WordCounts phrases;
  count_phrases({text.data(), offsets, 2, nullptr}, 3, 40, 16, &phrases);
  expect(phrases.counts.size() <= 16, "no more phrases than wanted");
  std::vector<int64_t> ends;
  for (size_t i = 0; i < phrases.counts.size(); ++i) {
    const auto begin = phrases.text.begin() + phrases.offsets[i];
    const auto end = phrases.text.begin() + phrases.offsets[i + 1];
    expect(end - begin <= 40 && phrases.counts[i] >= 2, "a phrase is short and occurs twice");
    expect(std::search(text.begin(), text.end(), begin, end) != text.end(), "a phrase occurs");
    find_word_ends(&*begin, end - begin, &ends);
    expect(ends.size() == 2 || ends.size() == 3, "a phrase has 2 or 3 words");
  }
}

template <typename Id>
void check_ids(const CodebookTables& tables, FuzzedDataProvider* input) {
  const uint32_t count = tables.strings().count;
  const size_t prefix_bytes = input->ConsumeIntegral<uint8_t>();
  std::vector<Id> ids;
  while (input->remaining_bytes() > 0 && ids.size() < 3000) {
    ids.push_back(static_cast<Id>(input->ConsumeIntegral<uint16_t>() % count));
  }
  const Bytes text = decode(tables, ids, 1);
  expect(text == decode(tables, ids, 3), "threads make no difference");
  const auto greedy = encode<Id>(text, [&](const Texts& texts, Growing<Id>* out, int64_t* end) {
    codebook_encode_texts(tables, texts, 1, out, end);
  });
  const auto shortest = encode<Id>(text, [&](const Texts& texts, Growing<Id>* out, int64_t* end) {
    codebook_encode_shortest(tables, texts, 1, out, end);
  });
  expect(decode(tables, greedy, 1) == text, "greedy ids decode");
  const int64_t start = std::min<int64_t>(static_cast<int64_t>(text.size()), kMaxShortBytes);
  const Bytes short_text(text.begin(), text.begin() + start);
  std::vector<Id> short_ids(short_text.size());
  short_ids.resize(static_cast<size_t>(
      codebook_encode_short(tables, short_text.data(), start, short_ids.data())));
  const auto same = encode<Id>(short_text, [&](const Texts& texts, Growing<Id>* out, int64_t* end) {
    codebook_encode_texts(tables, texts, 1, out, end);
  });
  expect(short_ids == same, "a short text has the same ids");
  expect(decode(tables, shortest, 1) == text, "the shortest parse decodes");
  expect(shortest.size() <= greedy.size(), "the shortest parse is the shortest");
  check_phrases(text);
  Bytes prefix(text.begin(), text.begin() + std::min(prefix_bytes, text.size()));
  check_prefixes(tables, greedy, text, prefix);
  if (!prefix.empty()) prefix.back() ^= 1;
  check_prefixes(tables, greedy, text, prefix);
}

void run(FuzzedDataProvider* input) {
  const Nodes nodes = input->ConsumeBool() ? raw_nodes(input) : grown_nodes(input);
  const int64_t ids = std::count(nodes.end.begin(), nodes.end.end(), 1);
  // The checks of csrc/bind/codebook.cpp.
  if (ids < 1 << kMinCodebookBits || (ids & (ids - 1)) != 0) return;
  CodebookTables tables;
  const Result built = build_codebook({nodes.depth.data(), nodes.symbol.data(), nodes.end.data(),
                                       static_cast<uint32_t>(nodes.depth.size())},
                                      ids, &tables);
  if (built.status == Status::ok) check_ids<uint16_t>(tables, input);
}

}  // namespace
}  // namespace eqinfo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  eqinfo::fuzz::run(&input);
  return 0;
}
