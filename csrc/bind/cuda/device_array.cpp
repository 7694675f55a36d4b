#include "bind/cuda/device_array.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstdlib>

#include "bind/arrays.h"
#include "cuda/device.h"

namespace eqinfo::bind {
namespace {

constexpr int64_t kNoStride = INT64_MIN;

std::vector<int64_t> dense_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

DeviceArray of_tensor(const DlTensor& tensor, bool read_only, py::object owner) {
  DeviceArray array{static_cast<uint8_t*>(tensor.data) + tensor.byte_offset,
                    tensor.device,
                    tensor.type,
                    uint32_t{tensor.bits} * tensor.lanes,
                    read_only,
                    {tensor.shape, tensor.shape + tensor.dimensions},
                    {},
                    std::move(owner)};
  array.strides = tensor.strides == nullptr
                      ? dense_strides(array.shape)
                      : std::vector<int64_t>(tensor.strides, tensor.strides + tensor.dimensions);
  return array;
}

// The DLPack capsule of an array: of version 1.0, or an older one where the library knows no newer.
// It keeps the array alive and is never consumed.
py::object capsule_of(const py::object& array, uint64_t stream) {
  // CUDA's number for the default stream is 0, DLPack's is 1.
  const py::int_ number(stream == 0 ? 1 : stream);
  try {
    return array.attr("__dlpack__")(py::arg("stream") = number,
                                    py::arg("max_version") = py::make_tuple(1, 0));
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return array.attr("__dlpack__")(py::arg("stream") = number);
}

DeviceArray from_dlpack(const py::object& array, uint64_t stream) {
  const py::object capsule = capsule_of(array, stream);
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) {
    const auto* managed = static_cast<const DlManagedTensorVersioned*>(
        PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    if (managed->major != 1) {
      raise("UnsupportedError",
            "expected an array of DLPack 1, found " + std::to_string(managed->major));
    }
    return of_tensor(managed->tensor, (managed->flags & kDlReadOnly) != 0, capsule);
  }
  const auto* managed =
      static_cast<const DlManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  if (managed == nullptr) throw py::error_already_set();
  return of_tensor(managed->tensor, false, capsule);
}

// Of a NumPy type such as "<f4"; one of the other byte order is none that is known here.
DlType type_of(const std::string& numpy_type) {
  if (numpy_type.size() < 3 || numpy_type[0] == '>') return DlType::other;
  switch (numpy_type[1]) {
    case 'i':
      return DlType::integer;
    case 'u':
      return DlType::unsigned_integer;
    case 'f':
      return DlType::floating;
    default:
      return DlType::other;
  }
}

// Version 3 of Numba's protocol, which does not name the device; the current one is assumed.
DeviceArray from_interface(const py::object& owner, int32_t device) {
  const py::dict interface = owner.attr("__cuda_array_interface__");
  const auto [address, read_only] = py::cast<std::pair<uintptr_t, bool>>(interface["data"]);
  const std::string type = py::cast<std::string>(interface["typestr"]);
  const uint32_t bytes =
      type.size() < 3 ? 0 : static_cast<uint32_t>(std::strtoul(type.c_str() + 2, nullptr, 10));
  DeviceArray array{reinterpret_cast<void*>(address),
                    device,
                    bytes == 0 ? DlType::other : type_of(type),
                    8 * bytes,
                    read_only,
                    py::cast<std::vector<int64_t>>(interface["shape"]),
                    {},
                    owner};
  array.strides = dense_strides(array.shape);
  if (array.type != DlType::other && interface.contains("strides") &&
      !interface["strides"].is_none()) {
    array.strides = py::cast<std::vector<int64_t>>(interface["strides"]);
    for (int64_t& stride : array.strides) {
      // A field of a struct: no number of whole elements lies between two of them.
      stride = stride % bytes == 0 ? stride / bytes : kNoStride;
    }
  }
  return array;
}

bool without_gaps(const DeviceArray& array) {
  const std::vector<int64_t> dense = dense_strides(array.shape);
  for (size_t i = 0; i < dense.size(); ++i) {
    if (array.shape[i] > 1 && array.strides[i] != dense[i]) return false;
  }
  return true;
}

}  // namespace

DeviceArray Launch::open(const py::object& object, const char* name) {
  DeviceArray array;
  if (py::hasattr(object, "__dlpack__") && py::hasattr(object, "__dlpack_device__")) {
    const auto [type, device] =
        py::cast<std::pair<int32_t, int32_t>>(object.attr("__dlpack_device__")());
    if (type != kDlCuda && type != kDlCudaManaged) {
      refuse("DeviceError", name,
             "expected memory of a CUDA device, found DLPack device (" + std::to_string(type) +
                 ", " + std::to_string(device) + ")");
    }
    array = from_dlpack(object, stream_);
  } else if (py::hasattr(object, "__cuda_array_interface__")) {
    array = from_interface(object, device_ < 0 ? cuda_device::current_device() : device_);
  } else {
    refuse("TypeError", name,
           "expected an array with __dlpack__ or __cuda_array_interface__, found " +
               py::cast<std::string>(py::type::of(object).attr("__name__")));
  }
  // Libraries report any strides for an empty array.
  if (std::find(array.shape.begin(), array.shape.end(), 0) != array.shape.end()) {
    array.strides = dense_strides(array.shape);
  }
  if (std::find(array.strides.begin(), array.strides.end(), kNoStride) != array.strides.end()) {
    refuse("ValueError", name, "expected strides of whole elements, found a field of a struct");
  }
  if (array.bits >= 8 && reinterpret_cast<uintptr_t>(array.data) % (array.bits / 8) != 0) {
    refuse("ValueError", name, "expected elements at multiples of their size, found others");
  }
  if (device_ < 0) device_ = array.device;
  if (array.device != device_) {
    refuse("DeviceError", name,
           "expected memory of CUDA device " + std::to_string(device_) +
               ", as of the arrays before it, found device " + std::to_string(array.device));
  }
  owners_.push_back(array.owner);
  return array;
}

void* Launch::integers(const py::object& object, const char* name,
                       const std::vector<int64_t>& shape, size_t bits, bool written) {
  const DeviceArray array = open(object, name);
  const bool integer = array.type == DlType::integer || array.type == DlType::unsigned_integer;
  if (!integer || array.bits != bits) {
    refuse("TypeError", name,
           "expected integers of " + std::to_string(bits) + " bits, found " +
               (integer ? "integers of " : "another type of ") + std::to_string(array.bits) +
               " bits");
  }
  bool same = array.shape.size() == shape.size();
  for (size_t i = 0; same && i < shape.size(); ++i) {
    same = shape[i] < 0 || array.shape[i] == shape[i];
  }
  if (!same) {
    refuse("ValueError", name,
           "expected shape " + describe_shape(shape) + ", found " + describe_shape(array.shape));
  }
  if (!without_gaps(array))
    refuse("ValueError", name, "expected a contiguous array, found one with gaps");
  if (written && array.read_only)
    refuse("ValueError", name, "expected a writable array, found a read-only one");
  return array.data;
}

LogitRows Launch::logits(const py::object& object, uint32_t precision) {
  const DeviceArray array = open(object, "logits");
  LogitType type = LogitType::float32;
  if (array.type == DlType::bfloat && array.bits == 16) {
    type = LogitType::bfloat16;
  } else if (array.type == DlType::floating && array.bits == 16) {
    type = LogitType::float16;
  } else if (array.type == DlType::integer && array.bits == 32) {
    type = LogitType::int32;
  } else if (array.type != DlType::floating || array.bits != 32) {
    refuse("ModelError", "logits",
           "expected float32, float16, bfloat16 or int32, found another type of " +
               std::to_string(array.bits) + " bits");
  }
  if (array.shape.size() != 2) {
    refuse("ModelError", "logits",
           "expected shape (n, vocab_size), found " + describe_shape(array.shape));
  }
  if (array.strides[1] != 1) {
    refuse("ModelError", "logits",
           "expected the logits of a row to be adjacent, found a stride of " +
               std::to_string(array.strides[1]));
  }
  require_precision(array.shape[1], precision);
  return {array.data, type,           static_cast<uint32_t>(array.shape[1]),
          precision,  array.shape[0], array.strides[0]};
}

int64_t Launch::length(const py::object& object, const char* name) {
  const DeviceArray array = open(object, name);
  if (array.shape.empty())
    refuse("ValueError", name, "expected an array of at least 1 dimension, found a scalar");
  return array.shape[0];
}

int64_t Launch::rows_of(const py::object& object, const char* name, int64_t rows) {
  const DeviceArray array = open(object, name);
  if (array.shape.size() != 2 || array.shape[0] != rows) {
    refuse(
        "ValueError", name,
        "expected shape " + describe_shape({rows, -1}) + ", found " + describe_shape(array.shape));
  }
  return array.shape[1];
}

void Launch::refuse(const char* exception, const char* name, const std::string& what) const {
  raise(exception, stage_ + ": " + name + ": " + what);
}

void Launch::finish(const LaunchResult& result) const {
  if (!result.fault.empty()) raise("DeviceError", std::string(result.kernel) + ": " + result.fault);
}

}  // namespace eqinfo::bind
