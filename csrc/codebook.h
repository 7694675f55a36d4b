// Codebook: replaced by the codebook stage.
#pragma once
#include "host_device.h"
