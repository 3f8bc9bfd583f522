#include "cli/config_file.h"

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/shortened.h"
#include "cli/arguments.h"
#include "cli/misplaced.h"
#include "cli/settings_kind.h"
#include "io/atomic_file.h"
#include "io/nearest_name.h"
#include "io/nesting.h"
#include "io/python_text.h"
#include "io/toml_fault.h"
#include "text/text_file.h"

namespace rankine {
namespace {

struct Entry {
  std::string key;
  const toml::node* value;
  uint32_t line;
};

/// The value as the command line writes it, so that the same code reads both.
std::string scalar_text(const toml::node& value, const std::string& where) {
  if (const auto* text = value.as_string()) return text->get();
  if (const auto* truth = value.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* whole = value.as_integer()) return std::to_string(whole->get());
  if (const auto* number = value.as_floating_point()) {
    std::array<char, 32> buffer;
    return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), number->get()).ptr};
  }
  fail(where, ": expected text, a number, true, false, or a list of them");
}

std::vector<std::string> value_texts(const Flag& flag, const toml::node& value, const std::string& where) {
  if (const toml::array* list = value.as_array()) {
    std::vector<std::string> texts;
    for (const toml::node& item : *list) texts.push_back(scalar_text(item, where));
    if (flag.kind == FlagKind::list) return texts;
    // [512, 768] is "512,768" for flags that take one text
    check(flag.kind == FlagKind::text && !texts.empty(), where, ": expected one value, got a list");
    std::string joined;
    for (const std::string& text : texts) joined += (joined.empty() ? "" : ",") + text;
    return {joined};
  }
  const std::string text = scalar_text(value, where);
  if (flag.kind == FlagKind::toggle || !value.is_boolean()) return {text};
  check(text == "false", where, ": takes a value, got true");
  return {""};  // not set, as an empty text
}

/// All keys in the file's order, without sections.
std::vector<Entry> flatten(const toml::table& file) {
  std::vector<Entry> entries;
  for (const auto& [key, value] : file) {
    if (const toml::table* section = value.as_table()) {
      for (const auto& [inner_key, inner] : *section)
        entries.push_back({std::string(inner_key.str()), &inner, inner_key.source().begin.line});
    } else {
      entries.push_back({std::string(key.str()), &value, key.source().begin.line});
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.line < b.line; });
  return entries;
}

std::string file_of(const std::string& path) { return path.ends_with(".toml") ? path : path + ".toml"; }

/// A number if the flag takes one and the text is one; "10%" stays a text.
std::string value_text(const std::string& text, FlagKind kind) {
  if (const auto whole = kind == FlagKind::integer ? parse_integer(text) : std::nullopt) return json_text(*whole);
  if (const auto number = kind == FlagKind::number ? parse_number(text) : std::nullopt) return json_text(*number);
  return concat_text(toml::value<std::string>(text));
}

std::string list_text(const std::vector<std::string>& texts, FlagKind kind) {
  std::string values;
  for (const std::string& text : texts) values += (values.empty() ? "" : ", ") + value_text(text, kind);
  return "[" + values + "]";
}

std::vector<SettingKey> keys_of(const toml::table& file) {
  std::vector<SettingKey> keys;
  for (const auto& [key, value] : file)
    keys.push_back({std::string(key.str()), value.is_table()   ? SettingKey::Shape::table
                                            : value.is_array() ? SettingKey::Shape::list
                                                               : SettingKey::Shape::value});
  return keys;
}

toml::table parse_file(const std::string& path) {
  const std::string text = read_text_file(path, kLongestSettings).text;
  check_nesting(text, path);
  try {
    toml::table file = toml::parse(text, path);
    refuse_other_settings(keys_of(file), path);
    return file;
  } catch (const toml::parse_error& error) {
    fail(toml_fault(path, error.source().begin.line, error.description()), other_syntax_hint(text, Syntax::toml));
  }
}

bool is_file(const std::string& path) {
  std::error_code unknown;
  return std::filesystem::is_regular_file(path, unknown);
}

bool begins_with_brace(const std::string& path) {
  std::ifstream in(path);
  char first = 0;
  in >> first;
  return first == '{';
}

}  // namespace

bool is_secret(const Flag& flag) { return flag.key() == "wandb_api_key" || flag.key() == "huggingface_token"; }

std::string config_text(const std::vector<Occurrence>& given) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& [flag, texts] : given) {
    const std::string key = flag->key();
    std::erase_if(values, [&](const auto& before) { return before.first == key; });
    if (key == "config_file" || key == "output_config" || is_secret(*flag)) continue;
    if (flag->kind == FlagKind::toggle) {
      values.emplace_back(key, "true");
    } else if (flag->kind == FlagKind::list) {
      const bool numbers = std::holds_alternative<std::vector<double>*>(flag->target);
      values.emplace_back(key, list_text(texts, numbers ? FlagKind::number : FlagKind::text));
    } else if (texts.at(0) != flag->default_text) {
      values.emplace_back(key, value_text(texts[0], flag->kind));
    }
  }
  std::string text;
  for (const auto& [key, value] : values) text += key + " = " + value + '\n';
  return text;
}

std::string write_config_file(const std::string& path, const std::string& text) {
  const std::string file = file_of(path);
  std::error_code unknown;
  check(!std::filesystem::exists(file, unknown), file,
        " is there already, and --output_config writes over nothing: name a new file with --config_file");
  write_file(file, text);
  return file;
}

NamedConfig find_config_file(const std::string& path) {
  const bool is_preset = path.ends_with(".json");
  if (is_preset || is_file(file_of(path))) return {is_preset ? path : file_of(path), is_preset};
  const std::string stem = path.ends_with(".toml") ? path.substr(0, path.size() - 5) : path;
  if (is_file(stem + ".json")) return {stem + ".json", true};
  return is_file(path) ? NamedConfig{path, begins_with_brace(path)} : NamedConfig{file_of(path), false};
}

void check_config_file(const NamedConfig& found, const std::string& path) {
  std::error_code unknown;
  check(!std::filesystem::is_directory(path, unknown), "--config_file ", path, ": this is a folder, not a config file");
  check(is_file(found.path), found.path, ": no such config file");
}

std::vector<Occurrence> assign_config_file(const FlagTable& table, const std::string& file,
                                           std::vector<std::string>& notes, std::vector<std::string>& warnings) {
  const toml::table parsed = parse_file(file);
  std::vector<Occurrence> assigned;
  for (const Entry& entry : flatten(parsed)) {
    const std::string where = concat_text(file, ":", entry.line, ": ", shortened(entry.key));
    const Flag* flag = find_flag(table, "--" + entry.key);
    if (!flag) {
      std::vector<std::string_view> keys = option_names(table);
      for (std::string_view& key : keys) key.remove_prefix(2);
      const std::string place = place_of_key(entry.key);
      warnings.push_back(concat_text(where, " is no known setting and is left out",
                                     place.empty() ? nearest_hint(entry.key, keys) : place));
      continue;
    }
    check(flag->key() != "config_file", where, ": a config file cannot name another");
    assigned.push_back({flag, value_texts(*flag, *entry.value, where)});
    refuse_escapes(*flag, assigned.back().texts, where);
    assign(*flag, assigned.back().texts, where, notes);
  }
  return assigned;
}

}  // namespace rankine
