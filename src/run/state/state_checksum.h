#pragma once
#include <string>

#include "io/safetensors.h"

namespace rankine {

/// The `sha256` that a state (run/state/state_file.h) must have: of its other metadata and of every tensor.
std::string state_checksum(const SafetensorsFile& file);

}  // namespace rankine
