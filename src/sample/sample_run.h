#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "sample/sample_config.h"
#include "watch/progress.h"

namespace rankine {

/// Makes the pictures that `config` asks for and gives the files written. How it comes along goes to `status`. Throws
/// Error.
std::vector<std::string> sample_pictures(const SampleConfig& config, std::ostream& status,
                                         const Progress::Options& progress);

}  // namespace rankine
