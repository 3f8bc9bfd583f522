#pragma once
#include "cli/flag.h"
#include "sample/sample_config.h"

namespace rankine {

/// The flags of `rankine sample`, named as in sd-scripts' gen_img.py. The table's targets point into `config`.
FlagTable sample_flags(SampleConfig& config);

}  // namespace rankine
