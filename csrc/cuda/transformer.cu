#include "cuda/launch.cuh"
#include "cuda/transformer_kernel.cuh"

namespace eqinfo {
inline namespace EQINFO_TARGET {

LaunchResult launch(const TransformerEmbedArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_transformer_embed, block_geometry(arguments.rows.count));
}

LaunchResult launch(const TransformerNormArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_transformer_norm, block_geometry(arguments.rows.count));
}

LaunchResult launch(const TransformerMatrixArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_transformer_matrix,
                       matrix_geometry(arguments.rows.count, arguments.matrix.outputs));
}

LaunchResult launch(const TransformerStoreArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_transformer_store,
                       warp_geometry(arguments.rows.count * arguments.memory.key_heads));
}

LaunchResult launch(const TransformerAttendArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_transformer_attend,
                       block_geometry(arguments.rows.count * arguments.heads));
}

LaunchResult launch(const TransformerPlainArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_transformer_plain, block_geometry(arguments.rows.count));
}

LaunchResult launch(const TransformerGateArguments& arguments, const LaunchPlace& place) {
  return EQINFO_LAUNCH(eqinfo_transformer_gate, block_geometry(arguments.rows.count));
}

}  // namespace EQINFO_TARGET
}  // namespace eqinfo
