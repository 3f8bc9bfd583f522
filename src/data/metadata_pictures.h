#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// A member of a metadata file that should be a text.
struct MetadataText {
  std::string text{};
  const char* kind = "null";  ///< its actual type: "null" (also if it is missing), "a text", "a number" ...
};

/// The entry of one picture in a metadata file.
struct MetadataPicture {
  std::string key{};
  const char* kind = "null";  ///< type of its whole value; "an object" is right
  MetadataText caption{}, tags{}, image_path{};
};

/// The members of {KEY: {"caption": ..., "tags": ...}} in the file's order. For equal keys the last value counts, in
/// the first one's place. Throws Error that names `path` if the text is not a JSON object. Time and memory are
/// proportional to the text's length for any nesting.
std::vector<MetadataPicture> metadata_of_object(std::string_view text, const std::string& path);

/// The same for JSON Lines: one object {"image_path": KEY, "caption": ..., "tags": ...} per line.
std::vector<MetadataPicture> metadata_of_lines(std::string_view text, const std::string& path);

}  // namespace rankine
