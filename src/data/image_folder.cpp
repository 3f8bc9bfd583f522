#include "data/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "text/unicode.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffixes[] = {".png", ".jpg", ".jpeg", ".webp", ".bmp",
                                         ".PNG", ".JPG", ".JPEG", ".WEBP", ".BMP"};

}  // namespace

std::span<const std::string_view> image_suffixes() { return suffixes; }

std::vector<std::string> list_images(const std::string& folder) {
  std::vector<std::string> paths;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with('.') || entry.is_directory()) continue;
      if (std::ranges::find(suffixes, entry.path().extension().string()) == std::end(suffixes)) continue;
      paths.push_back(entry.path().string());
    }
  } catch (const fs::filesystem_error& error) {
    fail(folder, ": the folder cannot be read: ", error.code().message());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string caption_path(const std::string& image_path, const std::string& extension) {
  // Not replace_extension: that puts a dot before an extension such as "_tags.txt".
  return fs::path(image_path).replace_extension().string() + extension;
}

std::string read_caption(const std::string& path, bool all_lines) {
  std::ifstream in(path, std::ios::binary);
  check(in.good(), path, ": the caption cannot be opened");
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  check(!in.bad(), path, ": the caption cannot be read");
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.erase(0, 3);  // a byte order mark is not part of the caption
  try {
    decode_utf8(bytes);
  } catch (const Error& error) {
    fail(path, ": the caption is not UTF-8: ", error.what());
  }

  std::string caption;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    const std::string_view line = strip(rest.substr(0, end));
    rest.remove_prefix(end);
    rest.remove_prefix(rest.starts_with("\r\n") ? 2 : std::min<size_t>(1, rest.size()));
    if (!all_lines) return std::string(line);
    if (line.empty()) continue;
    if (!caption.empty()) caption += '\n';
    caption += line;
  }
  return caption;
}

}  // namespace rankine
