#pragma once
#include <string>

#include "io/safetensors.h"

namespace rankine {

/// What the `sha256` of a state (train/state_file.h) must be: of all its other metadata and every tensor.
std::string state_checksum(const SafetensorsFile& file);

}  // namespace rankine
