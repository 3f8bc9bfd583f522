#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// A value of a metadata file where a text is looked for.
struct MetadataText {
  std::string text{};
  const char* kind = "null";  ///< what stands there: "null" (also where nothing does), "a text", "a number" ...
};

/// What a metadata file says of one picture.
struct MetadataPicture {
  std::string key{};
  const char* kind = "null";  ///< of its whole value: "an object" is right
  MetadataText caption{}, tags{}, image_path{};
};

/// The members of {KEY: {"caption": ..., "tags": ...}} in the file's order; of equal keys the last value counts, in the
/// first one's place. Throws Error naming `path` for what is no JSON object. Time and memory go with the text's length,
/// however it is nested.
std::vector<MetadataPicture> metadata_of_object(std::string_view text, const std::string& path);

/// Of JSON Lines: an object {"image_path": KEY, "caption": ..., "tags": ...} a line.
std::vector<MetadataPicture> metadata_of_lines(std::string_view text, const std::string& path);

}  // namespace rankine
