#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/dataset_config.h"
#include "data/findings.h"
#include "data/token_limit.h"

namespace rankine {

/// The captions of one folder's pictures, in their order: what stands in their files, or else the class words. None
/// where a file cannot be read, which makes its picture a broken one. What is missing, empty, cut or unused is warned
/// of; no caption at all while there are some under another suffix is an error of the folder.
std::vector<std::optional<std::string>> read_captions(const SubsetSection& subset,
                                                      const std::vector<std::string>& images, const TokenLimit& limit,
                                                      Findings& findings);

/// Warns when the text encoder does not read all of a caption. `path` is the file it stands in. Throws Error when its
/// weights cannot be read.
void note_length(const std::string& path, const std::string& caption, const CaptionSettings& settings,
                 const TokenLimit& limit, Findings& findings);

}  // namespace rankine
