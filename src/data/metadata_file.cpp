#include "data/metadata_file.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/image_folder.h"
#include "text/unicode.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;  // the file's order is the data's
using Pictures = std::vector<std::pair<std::string, Json>>;

bool is_file(const fs::path& path) {
  std::error_code fault;
  return fs::is_regular_file(path, fault);
}

Pictures pictures_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  check(in.good(), path, ": the metadata file cannot be opened");
  Pictures pictures;
  if (fs::path(path).extension() != ".jsonl") {
    const Json root = Json::parse(in);
    check(root.is_object(), path, ": a metadata file is an object {\"picture\": {\"caption\": ...}}");
    for (const auto& [key, value] : root.items()) pictures.emplace_back(key, value);
    return pictures;
  }
  int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (strip(line).empty()) continue;
    const Json value = Json::parse(line);
    const bool is_named = value.is_object() && value.contains("image_path") && value["image_path"].is_string();
    check(is_named, path, ":", number, ": each line must be an object with the text \"image_path\"");
    pictures.emplace_back(value["image_path"].get<std::string>(), value);
  }
  return pictures;
}

/// The picture that a key means. Throws Error when there is none.
std::string find_picture(const std::string& key, const std::string& image_dir) {
  fs::path path(key);
  if (path.is_relative()) {
    check(!image_dir.empty(), "its path is relative: name its folder (image_dir, or --train_data_dir with --in_json)");
    path = fs::path(image_dir) / path;
  }
  if (path.has_extension() && is_file(path)) return path.string();
  for (const std::string_view suffix : image_suffixes())
    if (is_file(path.string() + std::string(suffix))) return path.string() + std::string(suffix);
  fail("there is no such picture in ", path.parent_path().string());
}

/// A member that may be missing or null. Throws Error when it is no text.
std::string text_of(const Json& entry, const char* name) {
  const auto member = entry.find(name);
  if (member == entry.end() || member->is_null()) return {};
  check(member->is_string(), "its \"", name, "\" must be a text, got ", member->dump(-1, ' ', true));
  return member->get<std::string>();
}

std::string with_tags(const std::string& caption, std::string tags, const CaptionSettings& settings) {
  if (tags.empty()) return caption;
  if (!settings.enable_wildcard) return caption.empty() ? tags : caption + settings.separator + tags;
  for (size_t at; (at = tags.find('\n')) != std::string::npos;) tags.replace(at, 1, settings.separator);
  std::string all;
  for (std::string_view rest = caption; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (strip(line).empty()) continue;
    all += (all.empty() ? "" : "\n") + std::string(line) + settings.separator + tags;
  }
  return all.empty() ? tags : all;
}

}  // namespace

std::vector<MetadataEntry> read_metadata_file(const std::string& path, const std::string& image_dir,
                                              const CaptionSettings& settings,
                                              const std::function<void(const std::string&)>& fault) {
  Pictures pictures;
  try {
    pictures = pictures_of(path);
  } catch (const nlohmann::json::exception& error) {
    fail(path, ": this is not valid JSON: ", error.what());
  }
  std::vector<MetadataEntry> entries;
  for (const auto& [key, value] : pictures) {
    try {
      check(value.is_object(), "its value must be an object such as {\"caption\": \"a cat\"}");
      MetadataEntry entry{.path = find_picture(key, image_dir), .caption = {}, .tags = text_of(value, "tags")};
      entry.caption = with_tags(text_of(value, "caption"), entry.tags, settings);
      entries.push_back(std::move(entry));
    } catch (const Error& error) {
      fault(concat_text(path, ": \"", key, "\": ", error.what()));
    }
  }
  return entries;
}

}  // namespace rankine
