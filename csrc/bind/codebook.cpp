#include "codebook.h"

#include "bind/register.h"

namespace eqinfo::bind {
void register_codebook(pybind11::module_&) {}
}  // namespace eqinfo::bind
