#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// The suffixes of pictures.
std::span<const std::string_view> image_suffixes();

/// True for the name of a picture that is taken: it has such a suffix and is not hidden by a dot.
bool is_picture_name(const std::string& file_name);

/// The entries of a folder of pictures. Paths are sorted.
struct FolderContents {
  std::vector<std::string> images{};   ///< .png .jpg .jpeg .webp .bmp in lower or upper case
  std::vector<std::string> hidden{};   ///< pictures whose names begin with a dot, among them macOS' "._*"
  std::vector<std::string> folders{};  ///< folders with the name of a picture
  std::vector<std::string> unread{};   ///< pictures by their names, but in a format or spelling that is not read
  std::vector<std::string> others{};   ///< all other files that are not hidden
  std::vector<std::string> below{};    ///< folders that are not hidden, whatever their names
};

/// Throws Error if the folder cannot be read. If the type of an entry is unknown (a broken link, a loop of links), it
/// counts as a picture by its name, and reading it reports the fault.
FolderContents look_at_folder(const std::string& folder);

/// A folder and the number of pictures that lie directly in it.
struct PictureFolder {
  std::string path{};
  int64_t pictures = 0;
};

/// The folders below a folder, at any depth, that hold pictures. Hidden folders and links to folders are left out, and
/// so are folders that cannot be read. After 100,000 entries the search stops.
std::vector<PictureFolder> picture_folders_below(const std::string& folder);

/// "1 picture", "3 pictures".
std::string pictures_text(int64_t count);

/// The `images` of a folder.
std::vector<std::string> list_images(const std::string& folder);

/// The path of a picture's caption: the same name with `extension` in place of its suffix.
std::string caption_path(const std::string& image_path, const std::string& extension);

/// The captions that a picture may have; the first one that exists counts. The second one is for cut-out faces: as in
/// sd-scripts, a name of five or more parts with "_" between, such as NAME_x_y_w_h, also has the caption of NAME. Only
/// the file's own name counts; sd-scripts also splits the folders' names.
std::vector<std::string> caption_paths(const std::string& image_path, const std::string& extension);

/// In bytes: many thousand words. A longer file is no caption.
constexpr size_t kLongestCaption = size_t{1} << 20;

/// The content of a caption file.
struct Caption {
  std::string text{};  ///< UTF-8
  bool has_byte_order_mark = false;
  bool has_no_bytes = false;  ///< the file is empty, which stops sd-scripts
  int unused_lines = 0;       ///< non-blank lines that are not in `text`
};

/// Reads a caption: the file's first line without white space at its ends, or with `all_lines` every non-blank line,
/// joined by newlines. The text is empty if that line is blank, or all are. Throws Error if the file cannot be read, is
/// not UTF-8, or plainly holds something else.
Caption read_caption(const std::string& path, bool all_lines);

}  // namespace rankine
