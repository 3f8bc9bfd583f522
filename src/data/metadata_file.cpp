#include "data/metadata_file.h"

#include <filesystem>

#include "base/error.h"
#include "base/shortened.h"
#include "data/image_folder.h"
#include "data/metadata_pictures.h"
#include "text/text_file.h"
#include "text/unicode.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// The captions of more than a million pictures.
constexpr size_t kLongestMetadata = size_t{256} << 20;

bool is_file(const fs::path& path) {
  std::error_code fault;
  return fs::is_regular_file(path, fault);
}

/// The picture that a key names. Throws Error if there is none.
std::string find_picture(const std::string& key, const std::string& image_dir) {
  check(!key.empty() && key.find('\0') == std::string::npos, "this is no name of a picture");
  fs::path path(key);
  if (path.is_relative()) {
    check(!image_dir.empty(), "its path is relative: name its folder (image_dir, or --train_data_dir with --in_json)");
    path = fs::path(image_dir) / path;
  }
  if (path.has_extension() && is_file(path)) return path.string();
  for (const std::string_view suffix : image_suffixes())
    if (is_file(path.string() + std::string(suffix))) return path.string() + std::string(suffix);
  fail("there is no such picture in ", shortened(path.parent_path().string()));
}

/// Throws Error if the member is not a text.
std::string text_of(const MetadataText& member, const char* name) {
  const std::string_view kind = member.kind;
  check(kind == "a text" || kind == "null", "its \"", name, "\" must be a text, got ", kind);
  return member.text;
}

/// Each line of a caption gets all tags, so the lengths multiply.
void check_length(const std::string& caption) {
  check(caption.size() <= kLongestCaption, "its caption is longer than ", kLongestCaption, " bytes");
}

/// With wildcards a line break would make of the tags another caption.
std::string tags_in_a_line(const std::string& tags, const CaptionSettings& settings) {
  if (!settings.enable_wildcard) return tags;
  std::string line;
  for (const char c : tags) c == '\n' ? line += settings.separator : line += c;
  return line;
}

std::string with_tags(const std::string& caption, const std::string& tags, const CaptionSettings& settings) {
  if (tags.empty()) return caption;
  if (!settings.enable_wildcard) return caption.empty() ? tags : caption + settings.separator + tags;
  std::string all;
  for (std::string_view rest = caption; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (strip(line).empty()) continue;
    all += (all.empty() ? "" : "\n") + std::string(line) + settings.separator + tags;
    check_length(all);
  }
  return all.empty() ? tags : all;
}

}  // namespace

std::vector<MetadataEntry> read_metadata_file(const std::string& path, const std::string& image_dir,
                                              const CaptionSettings& settings,
                                              const std::function<void(const std::string&)>& fault) {
  const std::string text = read_text_file(path, kLongestMetadata).text;
  const bool has_lines = fs::path(path).extension() == ".jsonl";
  std::vector<MetadataEntry> entries;
  for (const MetadataPicture& picture : has_lines ? metadata_of_lines(text, path) : metadata_of_object(text, path)) {
    try {
      check(picture.kind == std::string_view("an object"),
            "its value must be an object such as {\"caption\": \"a cat\"}, got ", picture.kind);
      MetadataEntry entry{.path = find_picture(picture.key, image_dir),
                          .caption = {},
                          .tags = tags_in_a_line(text_of(picture.tags, "tags"), settings)};
      entry.caption = with_tags(text_of(picture.caption, "caption"), entry.tags, settings);
      check_length(entry.caption);
      entries.push_back(std::move(entry));
    } catch (const Error& error) {
      fault(concat_text(path, ": \"", shortened(picture.key), "\": ", error.what()));
    }
  }
  return entries;
}

}  // namespace rankine
