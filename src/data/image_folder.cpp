#include "data/image_folder.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "text/text_file.h"
#include "text/unicode.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffixes[] = {".png", ".jpg", ".jpeg", ".webp", ".bmp",
                                         ".PNG", ".JPG", ".JPEG", ".WEBP", ".BMP"};

bool has_picture_suffix(const fs::path& path) {
  return std::ranges::find(suffixes, path.extension().string()) != std::end(suffixes);
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

/// True for pictures in unsupported formats, and for mixed spellings such as ".Png", which sd-scripts ignores too.
bool is_unread_picture(std::string suffix) {
  std::ranges::transform(suffix, suffix.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::string_view known[] = {".png",  ".jpg",  ".jpeg", ".webp", ".bmp", ".gif", ".tif",
                                        ".tiff", ".avif", ".heic", ".heif", ".jxl", ".jfif"};
  return std::ranges::find(known, suffix) != std::end(known);
}

}  // namespace

std::span<const std::string_view> image_suffixes() { return suffixes; }

bool is_picture_name(const std::string& file_name) { return has_picture_suffix(file_name) && !is_hidden(file_name); }

FolderContents look_at_folder(const std::string& folder) {
  FolderContents contents;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      const std::string suffix = entry.path().extension().string();
      const bool is_image = has_picture_suffix(entry.path());
      std::error_code unknown;
      if (entry.is_directory(unknown)) {
        if (is_image) contents.folders.push_back(entry.path().string());
        if (!is_hidden(entry.path())) contents.below.push_back(entry.path().string());
      } else if (is_hidden(entry.path())) {
        if (is_image) contents.hidden.push_back(entry.path().string());
      } else if (is_image) {
        contents.images.push_back(entry.path().string());
      } else {
        (is_unread_picture(suffix) ? contents.unread : contents.others).push_back(entry.path().string());
      }
    }
  } catch (const fs::filesystem_error& error) {
    fail(folder, ": the folder cannot be read: ", error.code().message());
  }
  for (auto* list :
       {&contents.images, &contents.hidden, &contents.folders, &contents.unread, &contents.others, &contents.below})
    std::ranges::sort(*list);
  return contents;
}

std::vector<PictureFolder> picture_folders_below(const std::string& folder) {
  constexpr int kMostEntries = 100'000;
  std::map<std::string, int64_t> counts;
  std::error_code fault;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, fault), end;
  for (int seen = 0; !fault && entry != end && seen < kMostEntries; entry.increment(fault), ++seen) {
    std::error_code unknown;
    if (entry->is_directory(unknown)) {
      if (is_hidden(entry->path())) entry.disable_recursion_pending();
    } else if (entry.depth() > 0 && is_picture_name(entry->path().filename().string())) {
      ++counts[entry->path().parent_path().string()];
    }
  }
  std::vector<PictureFolder> folders;
  for (const auto& [path, pictures] : counts) folders.push_back({path, pictures});
  return folders;
}

std::string pictures_text(int64_t count) { return concat_text(count, count == 1 ? " picture" : " pictures"); }

std::vector<std::string> list_images(const std::string& folder) { return look_at_folder(folder).images; }

std::string caption_path(const std::string& image_path, const std::string& extension) {
  // replace_extension would put a dot before an extension such as "_tags.txt".
  return fs::path(image_path).replace_extension().string() + extension;
}

std::vector<std::string> caption_paths(const std::string& image_path, const std::string& extension) {
  std::vector<std::string> paths = {caption_path(image_path, extension)};
  const fs::path path(image_path);
  std::string name = path.stem().string();
  for (int part = 0; part < 4; ++part) {
    const size_t mark = name.rfind('_');
    if (mark == std::string::npos) return paths;
    name.resize(mark);
  }
  paths.push_back((path.parent_path() / (name + extension)).string());
  return paths;
}

Caption read_caption(const std::string& path, bool all_lines) {
  const TextFile file = read_text_file(path, kLongestCaption);
  Caption caption;
  caption.has_byte_order_mark = file.has_byte_order_mark;
  caption.has_no_bytes = file.text.empty() && !file.has_byte_order_mark;
  std::string_view bytes = file.text;
  for (bool is_first = true; !bytes.empty(); is_first = false) {
    const size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    const std::string_view line = strip(bytes.substr(0, end));
    bytes.remove_prefix(end);
    bytes.remove_prefix(bytes.starts_with("\r\n") ? 2 : std::min<size_t>(1, bytes.size()));
    if (line.empty()) continue;
    if (!all_lines && !is_first) {
      ++caption.unused_lines;
      continue;
    }
    if (!caption.text.empty()) caption.text += '\n';
    caption.text += line;
  }
  return caption;
}

}  // namespace rankine
