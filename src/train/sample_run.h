#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "train/progress.h"
#include "train/sample_config.h"

namespace rankine {

/// Makes the pictures that `config` asks for and gives the files written. How it comes along goes to `status`. Throws
/// Error.
std::vector<std::string> sample_pictures(const SampleConfig& config, std::ostream& status,
                                         const Progress::Options& progress);

}  // namespace rankine
