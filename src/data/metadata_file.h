#pragma once
#include <functional>
#include <string>
#include <vector>

#include "text/caption.h"

namespace rankine {

/// One picture of a metadata file.
struct MetadataEntry {
  std::string path{};     ///< of the picture
  std::string caption{};  ///< with its tags
  std::string tags{};     ///< alone
};

/// Reads a metadata file of sd-scripts' fine-tuning data: a JSON object {KEY: {"caption": ..., "tags": ...}}, or with
/// the suffix .jsonl an object {"image_path": KEY, ...} a line. KEY is a path, of its own or under `image_dir`, with or
/// without suffix; tags follow the caption after the separator, with wildcards in each of its lines. Other members are
/// not read. `fault` is told of every entry that has no picture or is no such object. Throws Error when the file cannot
/// be read.
std::vector<MetadataEntry> read_metadata_file(const std::string& path, const std::string& image_dir,
                                              const CaptionSettings& settings,
                                              const std::function<void(const std::string&)>& fault);

}  // namespace rankine
