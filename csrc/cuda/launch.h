// Launches every kernel from plain C++; callers need no CUDA header. Pointers in the arguments are
// device memory of `place.device`. A launch is queued on its stream; nothing waits for it.
#pragma once

#include <string>

#include "cuda/kernels.h"

namespace eqinfo {
inline namespace EQINFO_TARGET {

struct LaunchPlace {
  int32_t device;
  void* stream;  // a cudaStream_t
};

struct LaunchResult {
  const char* kernel;
  std::string fault;  // empty if the kernel was queued or there was nothing to do
};

LaunchResult launch(const FrequencyRowsArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const FrequencyIntervalsArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const RangeEncodeArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const RangeFinishArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const RangeStartArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const RangeDecodeArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const RangeEndArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const WindowEncodeArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const WindowDecodeArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const CodebookEncodeArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const CodebookMeasureArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const CodebookScanArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const CodebookWriteArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const TransformerEmbedArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const TransformerNormArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const TransformerMatrixArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const TransformerStoreArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const TransformerAttendArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const TransformerPlainArguments& arguments, const LaunchPlace& place);
LaunchResult launch(const TransformerGateArguments& arguments, const LaunchPlace& place);

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
