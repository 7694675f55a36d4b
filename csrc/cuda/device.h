// Plain C++ interface to the CUDA runtime; callers need no CUDA header.
#pragma once

#include <string>

namespace eqinfo::cuda_device {

struct Availability {
  bool available;
  std::string reason;  // empty where available
};

// Whether this machine has a driver and a device. Never throws, and works without either.
Availability availability();

// The current device of this thread; 0 where there is none.
int current_device();

}  // namespace eqinfo::cuda_device
