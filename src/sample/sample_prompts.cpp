#include "sample/sample_prompts.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include <toml++/toml.h>

#include "base/error.h"
#include "base/shortened.h"
#include "diffusion/sampler.h"
#include "io/json_fault.h"
#include "io/nesting.h"
#include "io/toml_fault.h"
#include "text/text_file.h"

namespace rankine {
namespace {

/// Larger pictures would not fit any memory. sd-scripts rounds sides down to the step for models of all families.
constexpr int kSideStep = 8, kLeastSide = 64, kMostSide = 1 << 14, kMostSteps = 1000;

std::string trimmed(const std::string& text) {
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto begin = std::find_if_not(text.begin(), text.end(), is_space);
  return {begin, std::find_if_not(text.rbegin(), std::make_reverse_iterator(begin), is_space).base()};
}

template <class T>
T number(const std::string& text, const std::string& what) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool is_good = error == std::errc() && end == text.data() + text.size() && value >= 0;
  if constexpr (std::is_floating_point_v<T>) is_good = is_good && std::isfinite(value);
  check(is_good, what, " must be a ", std::is_integral_v<T> ? "whole number" : "number", " from 0 on, got \"",
        shortened(text), "\"");
  return value;
}

int side(const std::string& text, const std::string& what) {
  const int pixels = number<int>(text, what);
  check(pixels <= kMostSide, what, " must be at most ", kMostSide, " pixels, got ", pixels);
  return std::max(kLeastSide, pixels - pixels % kSideStep);
}

/// An option of a prompt: its form in a line and its key in a table.
struct PromptField {
  std::string_view option, key;
  void (*set)(SamplePrompt&, const std::string& value, const std::string& what);
};
constexpr PromptField fields[] = {
    {"", "prompt", [](SamplePrompt& p, const std::string& v, const std::string&) { p.prompt = v; }},
    {"n", "negative_prompt", [](SamplePrompt& p, const std::string& v, const std::string&) { p.negative_prompt = v; }},
    {"w", "width", [](SamplePrompt& p, const std::string& v, const std::string& what) { p.width = side(v, what); }},
    {"h", "height", [](SamplePrompt& p, const std::string& v, const std::string& what) { p.height = side(v, what); }},
    {"d", "seed",
     [](SamplePrompt& p, const std::string& v, const std::string& what) { p.seed = number<int64_t>(v, what); }},
    {"s", "sample_steps",
     [](SamplePrompt& p, const std::string& v, const std::string& what) {
       p.sample_steps = std::clamp(number<int>(v, what), 1, kMostSteps);
     }},
    {"l", "scale",
     [](SamplePrompt& p, const std::string& v, const std::string& what) { p.scale = number<double>(v, what); }},
    {"ss", "sample_sampler",
     [](SamplePrompt& p, const std::string& v, const std::string& what) {
       try {
         p.sample_sampler = find_sampler(v).name;
       } catch (const Error& error) {
         fail(what, ": ", error.what());
       }
     }},
    // Only models of other kinds use these.
    {"g", "guidance_scale", [](SamplePrompt&, const std::string&, const std::string&) {}},
    {"fs", "flow_shift", [](SamplePrompt&, const std::string&, const std::string&) {}},
    {"ctr", "cfg_trunc_ratio", [](SamplePrompt&, const std::string&, const std::string&) {}},
    {"rcfg", "renorm_cfg", [](SamplePrompt&, const std::string&, const std::string&) {}},
};

std::string known_fields(std::string_view PromptField::*name, std::string_view dashes) {
  std::string known;
  for (const PromptField& field : fields)
    if (!(field.*name).empty()) known.append(known.empty() ? "" : ", ").append(dashes).append(field.*name);
  return known;
}

void set_key(SamplePrompt& prompt, const std::string& key, const std::string& value, const std::string& where) {
  check(key != "controlnet_image", where, ": controlnet_image is not supported");
  for (const PromptField& field : fields)
    if (field.key == key) return field.set(prompt, value, concat_text(where, ": ", key));
  fail(where, ": unknown key \"", shortened(key), "\"; there are ", known_fields(&PromptField::key, ""));
}

/// Reads a file for a recursive parser. Throws Error if it cannot be read.
std::string nested_text_of(const std::string& path) {
  std::string text = read_text_file(path, kLongestSettings).text;
  check_nesting(text, path);
  return text;
}

std::string value_text(const toml::node& node, const std::string& what) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto* real = node.as_floating_point()) return concat_text(real->get());
  fail(what, " must be a text or a number");
}

void set_keys(SamplePrompt& prompt, const toml::table& table, const std::string& path) {
  for (const auto& [key, node] : table) {
    if (key.str() == "subset") continue;
    const std::string where = concat_text(path, ":", node.source().begin.line);
    set_key(prompt, std::string(key.str()), value_text(node, concat_text(where, ": ", shortened(key.str()))), where);
  }
}

std::vector<SamplePrompt> read_toml(const std::string& path) {
  toml::table file;
  try {
    file = toml::parse(nested_text_of(path), path);
  } catch (const toml::parse_error& error) {
    fail(toml_fault(path, error.source().begin.line, error.description()));
  }
  const toml::table* common = file["prompt"].as_table();
  const toml::array* subsets = common ? (*common)["subset"].as_array() : nullptr;
  check(subsets && subsets->is_array_of_tables(), path, ": a [prompt] table and its [[prompt.subset]]s are missing");
  std::vector<SamplePrompt> prompts;
  for (const toml::node& node : *subsets) {
    SamplePrompt prompt{.where = concat_text(path, ":", node.source().begin.line)};
    set_keys(prompt, *common, path);
    set_keys(prompt, *node.as_table(), path);
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

std::vector<SamplePrompt> read_json(const std::string& path) {
  nlohmann::json file;
  try {
    file = nlohmann::json::parse(nested_text_of(path));
  } catch (const nlohmann::json::exception& error) {  // also for numbers that are too large
    fail(path, ": this is not valid JSON: ", json_fault(error.what()));
  }
  check(file.is_array(), path, ": must hold an array of prompts");
  std::vector<SamplePrompt> prompts;
  for (const nlohmann::json& entry : file) {
    const std::string where = concat_text(path, ": prompt ", prompts.size() + 1);
    if (entry.is_string()) {
      prompts.push_back(parse_prompt_line(entry.get<std::string>(), where));
      continue;
    }
    check(entry.is_object(), where, " must be a table or a text");
    SamplePrompt prompt{.where = where};
    for (const auto& [key, value] : entry.items()) {
      if (value.is_null() || key == "subset") continue;
      check(value.is_string() || value.is_number(), where, ": ", shortened(key), " must be a text or a number");
      set_key(prompt, key, value.is_string() ? value.get<std::string>() : value.dump(), where);
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

}  // namespace

SamplePrompt parse_prompt_line(const std::string& line, const std::string& where) {
  constexpr std::string_view mark = " --";
  size_t end = std::min(line.find(mark), line.size());
  SamplePrompt prompt{.where = where, .prompt = trimmed(line.substr(0, end))};
  while (end < line.size()) {
    const size_t begin = end + mark.size();
    end = std::min(line.find(mark, begin), line.size());
    const std::string option = trimmed(line.substr(begin, end - begin));
    const size_t space = std::min(option.find(' '), option.size());
    std::string name = option.substr(0, space);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::string value = trimmed(option.substr(space)), what = concat_text(where, ": --", name);
    check(name != "cn", where, ": --cn (ControlNet) is not supported");
    const auto* field = std::ranges::find(fields, name, &PromptField::option);
    check(!name.empty() && field != std::end(fields), where, ": unknown option \"--", shortened(name), "\"; there are ",
          known_fields(&PromptField::option, "--"));
    check(!value.empty(), what, " needs a value");
    field->set(prompt, value, what);
  }
  return prompt;
}

std::vector<SamplePrompt> parse_prompt_lines(const std::string& text, const std::string& where) {
  std::vector<SamplePrompt> prompts;
  int number = 1;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string raw = text.substr(begin, end - begin), line = trimmed(raw);
    if (!line.empty() && raw[0] != '#') prompts.push_back(parse_prompt_line(line, concat_text(where, ":", number)));
    begin = end + 1;
  }
  return prompts;
}

std::vector<SamplePrompt> read_prompt_file(const std::string& path) {
  if (path.ends_with(".txt")) return parse_prompt_lines(read_text_file(path, kLongestSettings).text, path);
  if (path.ends_with(".toml")) return read_toml(path);
  if (path.ends_with(".json")) return read_json(path);
  fail(path, ": prompts must be in a .txt, .toml or .json file");
}

std::vector<SamplePrompt> read_sample_prompts(const std::string& path) {
  std::vector<SamplePrompt> prompts = read_prompt_file(path);
  check(!prompts.empty(), path, ": there is no prompt in it");
  return prompts;
}

}  // namespace rankine
