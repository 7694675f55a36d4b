// Plain C++ interface of the CUDA module: no CUDA header is needed to call it.
#pragma once

#include <string>

namespace eqinfo::cuda_device {

struct Availability {
  bool available;
  std::string reason;  // empty where available
};

// Whether this machine has a driver and a device; never throws and needs neither to be called.
Availability availability();

// The device that this thread uses; 0 where there is none.
int current_device();

}  // namespace eqinfo::cuda_device
