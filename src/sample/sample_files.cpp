#include "sample/sample_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <string_view>

#include "base/error.h"
#include "io/atomic_file.h"

namespace rankine {
namespace {

constexpr std::string_view kPrefix = "im_";

/// The number in "im_000003_SEED.png"; -1 for other files.
int64_t number_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return -1;
  size_t end = kPrefix.size();
  while (end < name.size() && std::isdigit(static_cast<unsigned char>(name[end])) != 0) ++end;
  const size_t digits = end - kPrefix.size();
  if (digits == 0 || digits > 15 || end >= name.size() || name[end] != '_') return -1;
  return std::stoll(name.substr(kPrefix.size(), digits));
}

}  // namespace

std::string model_name(const std::string& path) {
  const std::filesystem::path p(path);
  const std::filesystem::path last = p.has_filename() ? p.filename() : p.parent_path().filename();
  return (last.extension() == ".safetensors" ? last.stem() : last).string();
}

std::string lora_tags(const SampleConfig& c) {
  std::string tags;
  for (size_t i = 0; i < c.network_weights.size(); ++i)
    tags += concat_text(tags.empty() ? "" : " ", "<lora:", model_name(c.network_weights[i]), ":", c.strength(i), ">");
  return tags;
}

void make_picture_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw FileError(concat_text(folder.string(), ": the folder cannot be made: ", error.message()));
}

std::filesystem::path next_picture(const std::filesystem::path& folder, int64_t seed) {
  int64_t highest = -1;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable))
    highest = std::max(highest, number_of(entry.path().filename().string()));
  std::array<char, 64> name;
  std::snprintf(name.data(), name.size(), "im_%06lld_%lld.png", static_cast<long long>(highest + 1),
                static_cast<long long>(seed));
  return folder / name.data();
}

}  // namespace rankine
