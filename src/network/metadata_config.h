#pragma once
#include <optional>
#include <string>

namespace rankine {

/// Metadata of the saved file that the user gives. Each metadata_X becomes modelspec.X.
struct MetadataConfig {
  bool no_metadata = false;  ///< only the few keys other programs need
  std::optional<std::string> training_comment;
  std::optional<std::string> metadata_title;  ///< the output name when unset
  std::optional<std::string> metadata_author;
  std::optional<std::string> metadata_description;
  std::optional<std::string> metadata_license;
  std::optional<std::string> metadata_tags;
  std::optional<std::string> metadata_usage_hint;
  std::optional<std::string> metadata_merged_from;
  std::optional<std::string> metadata_trigger_phrase;
  std::optional<std::string> metadata_preprocessor;
  std::optional<std::string> metadata_is_negative_embedding;
  std::optional<std::string> metadata_thumbnail;  ///< a picture file, or a "data:" URL
};

}  // namespace rankine
