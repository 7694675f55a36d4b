// String columns from any source: offsets are refused or stay within the ids.
#include "string_column.h"

#include <memory>

#include "cpu/string_column_loops.h"
#include "expect.h"

namespace eqinfo::fuzz {
namespace {

template <typename Step>
void run(FuzzedDataProvider* input) {
  const uint32_t strings = input->ConsumeIntegralInRange<uint32_t>(1 << 9, 1 << 16);
  const int64_t count = input->ConsumeIntegralInRange<int64_t>(0, 100);
  // Valid offsets, some of which are then changed.
  std::vector<int64_t> bases;
  std::vector<Step> steps;
  int64_t total = 0;
  for (int64_t row = 0; row <= count; ++row) {
    if (row % kRowsPerBase == 0) bases.push_back(total);
    steps.push_back(static_cast<Step>(total - bases.back()));
    if (row < count) total += input->ConsumeIntegralInRange<int64_t>(0, 7);
  }
  const auto any = [input](auto* values) {
    return &(*values)[input->ConsumeIntegralInRange<size_t>(0, values->size() - 1)];
  };
  if (input->ConsumeBool()) *any(&bases) = input->ConsumeIntegral<int64_t>();
  if (input->ConsumeBool()) *any(&steps) = input->ConsumeIntegral<Step>();
  std::vector<uint16_t> wanted(input->ConsumeIntegralInRange<size_t>(0, 4));
  for (uint16_t& id : wanted) id = input->ConsumeIntegral<uint16_t>();
  const int64_t size = total + (input->ConsumeBool() ? input->ConsumeIntegral<uint8_t>() : 0);
  std::vector<uint16_t> ids(static_cast<size_t>(size));
  for (uint16_t& id : ids) id = input->ConsumeIntegral<uint16_t>();
  const StringColumn<uint16_t, Step> column{ids.data(), bases.data(), steps.data(), count};
  if (check_column(column, size, strings).status != Status::ok) return;

  std::vector<int64_t> offsets(static_cast<size_t>(count + 1));
  column_offsets(column, 0, count, offsets.data());
  expect(offsets.front() == 0 && offsets.back() == size, "rows share out the ids");
  expect(std::is_sorted(offsets.begin(), offsets.end()), "rows do not overlap");
  const std::unique_ptr<bool[]> found(new bool[static_cast<size_t>(count)]);
  column_equals(column, 0, count, wanted.data(), static_cast<int64_t>(wanted.size()), found.get());
  for (int64_t row = 0; row < count; ++row) {
    expect(found[static_cast<size_t>(row)] ==
               std::equal(ids.begin() + offsets[static_cast<size_t>(row)],
                          ids.begin() + offsets[static_cast<size_t>(row) + 1], wanted.begin(),
                          wanted.end()),
           "equal rows have equal ids");
  }
  const PrefixBranch branch{static_cast<int64_t>(wanted.size()), 3, 1000};
  column_starts_with(column, 0, count, {wanted.data(), &branch, 1}, found.get());
}

}  // namespace
}  // namespace eqinfo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  switch (input.ConsumeIntegralInRange(0, 2)) {
    case 0:
      eqinfo::fuzz::run<uint8_t>(&input);
      break;
    case 1:
      eqinfo::fuzz::run<uint16_t>(&input);
      break;
    default:
      eqinfo::fuzz::run<uint32_t>(&input);
  }
  return 0;
}
