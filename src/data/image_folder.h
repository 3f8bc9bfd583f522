#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// What the names of pictures end in.
std::span<const std::string_view> image_suffixes();

/// Paths of the pictures directly in `folder`, sorted: .png .jpg .jpeg .webp .bmp in lower or upper case, hidden files
/// (among them macOS' "._*") left out. Throws Error when the folder cannot be read.
std::vector<std::string> list_images(const std::string& folder);

/// Where a picture's caption would be: the same name with `extension` in the place of its suffix.
std::string caption_path(const std::string& image_path, const std::string& extension);

/// The caption in a file: its first line without white space at its ends, or with `all_lines` every line that is not
/// blank, joined by newlines. Empty when there is none. Throws Error when the file is not UTF-8.
std::string read_caption(const std::string& path, bool all_lines);

}  // namespace rankine
