#pragma once
#include "models/family.h"

namespace rankine {

/// Stable Diffusion 2.x. Its checkpoints are recognised and described; training them is not built yet.
extern const Family sd2_family;

}  // namespace rankine
