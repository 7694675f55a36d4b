#include "cuda/codebook_kernel.cuh"
#include "cuda/launch.cuh"

namespace eqinfo {
inline namespace EQINFO_TARGET {

LaunchResult launch(const CodebookEncodeArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_codebook_encode, thread_geometry(arguments.documents));
}

LaunchResult launch(const CodebookMeasureArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_codebook_measure,
                       block_geometry(blocks_for(arguments.ids.count, kThreadsOfBlock)));
}

LaunchResult launch(const CodebookScanArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_codebook_scan, block_geometry(1));
}

LaunchResult launch(const CodebookWriteArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_codebook_write,
                       block_geometry(blocks_for(arguments.ids.count, kThreadsOfBlock)));
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
