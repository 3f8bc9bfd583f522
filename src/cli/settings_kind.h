#pragma once
#include <span>
#include <string>
#include <string_view>

namespace rankine {

/// A key at the top of a file of settings, with the shape of its value.
struct SettingKey {
  enum class Shape { value, list, table };
  std::string name;
  Shape shape = Shape::value;
};

/// Throws Error that names `path` if the keys are those of another kind of file than a config file: a dataset file,
/// prompts, metadata of pictures, another trainer's settings. It says how such a file is used, or that it cannot be.
void refuse_other_settings(std::span<const SettingKey> keys, const std::string& path);

enum class Syntax { toml, json };

/// For text that is not of the expected syntax: "; it looks like ..." with the way out, or nothing.
std::string_view other_syntax_hint(std::string_view text, Syntax expected);

}  // namespace rankine
