#include "cli/settings_kind.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "base/error.h"

namespace rankine {
namespace {

using Shape = SettingKey::Shape;

/// A kind of file, known by keys that stand in it together.
struct Kind {
  struct Mark {
    std::string_view name;
    std::optional<Shape> shape = {};
  };
  std::vector<Mark> marks;
  std::string_view what, advice;
};

constexpr std::string_view ours = "config files are those of sd-scripts (TOML) and presets of kohya_ss (JSON)";

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      {{{"datasets", Shape::list}, {"subsets", Shape::list}}, "a dataset file", "give it with --dataset_config"},
      {{{"general_args", Shape::table}}, "a file of LoRA_Easy_Training_Scripts", ours},
      {{{"datasets", Shape::list}}, "a dataset file", "give it with --dataset_config"},
      {{{"prompt", Shape::table}}, "a file of sample prompts", "give it with --sample_prompts"},
      {{{"training_method"}, {"base_model_name"}}, "a configuration of OneTrainer", ours},
      {{{"job"}, {"config", Shape::table}}, "a configuration of ai-toolkit", ours},
      {{{"model", Shape::table}, {"adapter", Shape::table}}, "a configuration of diffusion-pipe", ours},
      {{{"model_family"}}, "a configuration of SimpleTuner", ours},
      {{{"--model_family"}}, "a configuration of SimpleTuner", ours},
      {{{"--model_type"}}, "a configuration of SimpleTuner", ours},
      {{{"_class_name"}},
       "the configuration of a model",
       "name the model's folder with --pretrained_model_name_or_path"},
      {{{"last_node_id"}}, "a workflow of ComfyUI", ours},
      {{{"architectures"}}, "the configuration of a model", ours},
  };
  return table;
}

bool has(std::span<const SettingKey> keys, const Kind::Mark& mark) {
  return std::ranges::any_of(
      keys, [&](const SettingKey& key) { return key.name == mark.name && (!mark.shape || key.shape == *mark.shape); });
}

/// Metadata files have a picture's name for each key, and a table for each value.
bool is_metadata(std::span<const SettingKey> keys) {
  constexpr std::string_view suffixes[] = {".png", ".jpg", ".jpeg", ".webp", ".bmp"};
  return !keys.empty() && std::ranges::all_of(keys, [&](const SettingKey& key) {
    const bool names_picture = key.name.find('/') != std::string::npos ||
                               std::ranges::any_of(suffixes, [&](auto end) { return key.name.ends_with(end); });
    return key.shape == Shape::table && names_picture;
  });
}

std::string_view without_space(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  return text;
}

/// True for "key: value" in the first line that says something.
bool looks_like_yaml(std::string_view text) {
  while (text.starts_with('#')) text = without_space(text.substr(std::min(text.find('\n'), text.size())));
  if (text.starts_with("---")) return true;
  const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
  return end != 0 && end != text.npos && text[end] == ':' &&
         (end + 1 == text.size() || std::isspace(static_cast<unsigned char>(text[end + 1])));
}

}  // namespace

void refuse_other_settings(std::span<const SettingKey> keys, const std::string& path) {
  check(!is_metadata(keys), path, ": this is a metadata file of pictures: give it with --in_json");
  for (const Kind& kind : kinds())
    check(!std::ranges::all_of(kind.marks, [&](const Kind::Mark& mark) { return has(keys, mark); }), path, ": this is ",
          kind.what, ": ", kind.advice);
}

std::string_view other_syntax_hint(std::string_view text, Syntax expected) {
  text = without_space(text);
  const bool braces = text.starts_with('{');
  if (text.starts_with('<')) return "; it looks like a web page: download the file again";
  if (text.starts_with("--") && !text.starts_with("---"))
    return "; it looks like a command line: its flags stand behind rankine train";
  if (braces && expected == Syntax::toml) return "; it looks like JSON: a preset's name ends in .json";
  if (!braces && looks_like_yaml(text)) return "; it looks like YAML, which neither sd-scripts nor Rankine reads";
  if (!braces && expected == Syntax::json && text.find('=') != text.npos)
    return "; it looks like TOML: name the file .toml";
  return "";
}

}  // namespace rankine
