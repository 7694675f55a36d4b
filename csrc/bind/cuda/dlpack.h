// The structures of DLPack 1.0 (https://dmlc.github.io/dlpack) that are read here. Their layout is
// fixed: the older capsule "dltensor" holds a DlManagedTensor, "dltensor_versioned" a
// DlManagedTensorVersioned.
#pragma once

#include <cstdint>

namespace eqinfo::bind {

constexpr int32_t kDlCuda = 2;
constexpr int32_t kDlCudaManaged = 13;
constexpr uint64_t kDlReadOnly = 1;
enum class DlType : uint8_t {
  integer = 0,
  unsigned_integer = 1,
  floating = 2,
  bfloat = 4,
  other = 255
};

struct DlTensor {
  void* data;
  int32_t device_type;
  int32_t device;
  int32_t dimensions;
  DlType type;
  uint8_t bits;
  uint16_t lanes;
  const int64_t* shape;
  const int64_t* strides;  // in elements; null if contiguous
  uint64_t byte_offset;
};

struct DlManagedTensor {
  DlTensor tensor;
  void* owner;
  void (*deleter)(DlManagedTensor*);
};

struct DlManagedTensorVersioned {
  uint32_t major;
  uint32_t minor;
  void* owner;
  void (*deleter)(DlManagedTensorVersioned*);
  uint64_t flags;
  DlTensor tensor;
};

}  // namespace eqinfo::bind
