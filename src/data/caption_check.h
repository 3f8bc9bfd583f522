#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/dataset_config.h"
#include "data/findings.h"
#include "data/token_limit.h"

namespace rankine {

/// Reads the captions of one folder's pictures, in their order: the text of a caption file, or else the class words. An
/// entry is empty if its file cannot be read; its picture is then a broken one. Warns of captions that are missing,
/// empty, cut or unused. If all captions are missing but files with another suffix exist, the folder is an error.
std::vector<std::optional<std::string>> read_captions(const SubsetSection& subset,
                                                      const std::vector<std::string>& images, const TokenLimit& limit,
                                                      Findings& findings);

/// Warns if the text encoder does not read all of a caption. `path` is the caption's file. Throws Error if its weights
/// cannot be read.
void note_length(const std::string& path, const std::string& caption, const CaptionSettings& settings,
                 const TokenLimit& limit, Findings& findings);

}  // namespace rankine
