#include "cuda/frequency_kernel.cuh"
#include "cuda/launch.cuh"

namespace eqinfo {
inline namespace EQINFO_TARGET {

LaunchResult launch(const FrequencyRowsArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH_ROWS(eqinfo_frequency_rows, arguments.rows.count, arguments.rows.alphabet);
}

LaunchResult launch(const FrequencyIntervalsArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH_ROWS(eqinfo_frequency_intervals, arguments.rows.count,
                            arguments.rows.alphabet);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
