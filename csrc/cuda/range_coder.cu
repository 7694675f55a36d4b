#include "cuda/launch.cuh"
#include "cuda/range_coder_kernel.cuh"

namespace eqinfo {
inline namespace EQINFO_TARGET {

LaunchResult launch(const RangeEncodeArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_range_encode, thread_geometry(arguments.lanes));
}

LaunchResult launch(const RangeFinishArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_range_finish, thread_geometry(arguments.lanes));
}

LaunchResult launch(const RangeStartArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_range_start, thread_geometry(arguments.streams.lanes));
}

LaunchResult launch(const RangeDecodeArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH_ROWS(eqinfo_range_decode, arguments.streams.lanes, arguments.alphabet);
}

LaunchResult launch(const RangeEndArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_range_end, thread_geometry(arguments.streams.lanes));
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
