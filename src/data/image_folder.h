#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// What the names of pictures end in.
std::span<const std::string_view> image_suffixes();

/// What lies directly in a folder of pictures. Paths, sorted.
struct FolderContents {
  std::vector<std::string> images{};   ///< .png .jpg .jpeg .webp .bmp in lower or upper case
  std::vector<std::string> hidden{};   ///< pictures whose names begin with a dot, among them macOS' "._*"
  std::vector<std::string> folders{};  ///< folders with the name of a picture
  std::vector<std::string> unread{};   ///< pictures by their names, in a format or spelling that is not taken
  std::vector<std::string> others{};   ///< all other files that are not hidden
};

/// Throws Error when the folder cannot be read. What an entry is cannot always be found out (a broken link, a loop of
/// links): by its name it is then a picture, and reading it says what is wrong.
FolderContents look_at_folder(const std::string& folder);

/// Its `images`.
std::vector<std::string> list_images(const std::string& folder);

/// Where a picture's caption would be: the same name with `extension` in the place of its suffix.
std::string caption_path(const std::string& image_path, const std::string& extension);

/// In bytes: many thousand words. Longer files are no captions.
constexpr size_t kLongestCaption = size_t{1} << 20;

/// A caption file as it was read.
struct Caption {
  std::string text{};  ///< UTF-8
  bool has_byte_order_mark = false;
  int unused_lines = 0;  ///< lines that are not blank and not in `text`
};

/// The caption in a file: its first line without white space at its ends, or with `all_lines` every line that is not
/// blank, joined by newlines. Its text is empty when there is none. Throws Error when the file cannot be read, is not
/// UTF-8, or plainly holds something else.
Caption read_caption(const std::string& path, bool all_lines);

}  // namespace rankine
