#include "train/sample_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <string_view>

#include "base/error.h"

namespace rankine {
namespace {

struct SamplerTitle {
  std::string_view name, title;
};
constexpr SamplerTitle titles[] = {
    {"ddim", "DDIM"}, {"euler", "Euler"}, {"k_euler", "Euler"}, {"euler_a", "Euler a"}, {"k_euler_a", "Euler a"}};

std::string title_of(const std::string& sampler) {
  for (const SamplerTitle& known : titles)
    if (known.name == sampler) return std::string(known.title);
  return sampler;
}

/// The name of a file or folder without its suffix.
std::string stem(const std::string& path) {
  const std::filesystem::path p(path);
  const std::filesystem::path last = p.has_filename() ? p.filename() : p.parent_path().filename();
  return (last.extension() == ".safetensors" ? last.stem() : last).string();
}

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

std::string parameters_text(const SampleConfig& c, int64_t seed) {
  std::string text = c.prompt;
  for (size_t i = 0; i < c.network_weights.size(); ++i)
    text += concat_text(text.empty() ? "" : " ", "<lora:", stem(c.network_weights[i]), ":", c.strength(i), ">");
  if (!c.negative_prompt.empty()) text += "\nNegative prompt: " + c.negative_prompt;
  text += concat_text("\nSteps: ", c.steps, ", Sampler: ", title_of(c.sampler), ", CFG scale: ", c.scale,
                      ", Seed: ", seed, ", Size: ", c.width, "x", c.height, ", Model: ", stem(c.ckpt.value_or("")));
  if (c.clip_skip.value_or(1) > 1) text += concat_text(", Clip skip: ", *c.clip_skip);
  return text;
}

std::filesystem::path next_picture(const std::filesystem::path& folder, int64_t seed) {
  int64_t highest = -1;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    highest = std::max(highest, number_of(entry.path().filename().string()));
  std::array<char, 64> name;
  std::snprintf(name.data(), name.size(), "im_%06lld_%lld.png", static_cast<long long>(highest + 1),
                static_cast<long long>(seed));
  return folder / name.data();
}

}  // namespace rankine
