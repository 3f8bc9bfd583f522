#pragma once
#include <functional>
#include <string>
#include <vector>

#include "text/caption.h"

namespace rankine {

/// A picture of a metadata file.
struct MetadataEntry {
  std::string path{};     ///< of the picture
  std::string caption{};  ///< including its tags
  std::string tags{};     ///< tags only
};

/// Reads a metadata file of sd-scripts' fine-tuning data: a JSON object {KEY: {"caption": ..., "tags": ...}}, or with
/// the suffix .jsonl one object {"image_path": KEY, ...} per line. KEY is a path, by itself or under `image_dir`, with
/// or without suffix. Tags follow the caption after the separator, with wildcards in each of its lines. Other members
/// are ignored. Calls `fault` for every entry that has no picture or is not such an object. Throws Error if the file
/// cannot be read.
std::vector<MetadataEntry> read_metadata_file(const std::string& path, const std::string& image_dir,
                                              const CaptionSettings& settings,
                                              const std::function<void(const std::string&)>& fault);

}  // namespace rankine
