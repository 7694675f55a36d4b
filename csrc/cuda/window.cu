#include "cuda/launch.cuh"
#include "cuda/window_kernel.cuh"

namespace eqinfo {
inline namespace EQINFO_TARGET {

LaunchResult launch(const WindowEncodeArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH_ROWS(eqinfo_window_encode, arguments.step.lanes, arguments.step.alphabet);
}

LaunchResult launch(const WindowDecodeArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH_ROWS(eqinfo_window_decode, arguments.step.lanes, arguments.step.alphabet);
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
