#pragma once
#include "models/family.h"

namespace rankine {

/// Stable Diffusion XL. Its checkpoints are recognised and described; training them is not built yet.
extern const Family sdxl_family;

}  // namespace rankine
