#include "network/lora_blocks.h"

#include <charconv>
#include <cmath>
#include <numbers>
#include <tuple>

#include "base/error.h"
#include "io/nearest_name.h"

namespace rankine {
namespace {

std::string_view stripped(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

double number_of(std::string_view key, std::string_view whole, std::string_view text) {
  double value = 0;
  text = stripped(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size() && std::isfinite(value), "--network_args: ", key,
        ": \"", text, "\" in \"", whole, "\" is no number");
  return value;
}

/// A curve over the blocks of one side, x from 0 to 1.
struct Preset {
  std::string_view name;
  double (*at)(double x);
};
double half_sine(double x) { return std::sin(std::numbers::pi * x / 2); }
constexpr Preset presets[] = {
    {"sine", half_sine},
    {"cosine", [](double x) { return half_sine(1 - x); }},
    {"linear", [](double x) { return x; }},
    {"reverse_linear", [](double x) { return 1 - x; }},
    {"zeros", [](double) { return 0.0; }},
};

std::vector<double> preset_weights(std::string_view key, std::string_view text, int length) {
  const size_t plus = text.find('+');
  const std::string_view name = stripped(text.substr(0, plus));
  const double base = plus == text.npos ? 0 : number_of(key, text, text.substr(plus + 1));
  std::vector<std::string_view> names;
  for (const Preset& preset : presets) {
    names.push_back(preset.name);
    if (preset.name != name) continue;
    std::vector<double> weights;
    for (int i = 0; i < length; ++i) weights.push_back(preset.at(static_cast<double>(i) / (length - 1)) + base);
    return weights;
  }
  fail("--network_args: ", key, " takes ", length,
       " numbers with commas between, or sine, cosine, linear, reverse_linear or zeros, each with \"+NUMBER\" or "
       "without; got \"",
       text, "\"", nearest_hint(name, names));
}

/// One side's weights, in the length that it has.
std::vector<double> side_weights(std::string_view key, const std::optional<std::string>& text, int blocks,
                                 double zero_threshold, std::vector<std::string>& notes) {
  const auto length = static_cast<size_t>(blocks);
  if (!text) return std::vector<double>(length, 1.0);
  const bool is_list = length == 1 || text->find(',') != text->npos;
  std::vector<double> weights = is_list ? parse_number_list(key, *text) : preset_weights(key, *text, blocks);
  if (weights.size() != length)
    notes.push_back(concat_text("--network_args: ", key, " has ", weights.size(), " numbers for ", length,
                                length == 1 ? " block" : " blocks",
                                weights.size() > length ? ": the last ones are not used" : ": the others are 1"));
  weights.resize(length, 1.0);
  for (double& weight : weights)
    if (weight <= zero_threshold) weight = 0;
  return weights;
}

}  // namespace

std::vector<double> parse_number_list(std::string_view key, std::string_view text) {
  std::vector<double> numbers;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view item = stripped(text.substr(begin, comma - begin));
    numbers.push_back(item.empty() ? 0 : number_of(key, text, item));  // as sd-scripts takes "1,,1"
    begin = comma + 1;
  }
  return numbers;
}

std::vector<double> block_lr_weights(const BlockRateTexts& texts, const DenoiserBlocks& blocks,
                                     std::vector<std::string>& notes) {
  std::vector<double> all;
  const std::tuple<const char*, const std::optional<std::string>*, int> sides[] = {
      {"down_lr_weight", &texts.down, blocks.down},
      {"mid_lr_weight", &texts.mid, blocks.middle},
      {"up_lr_weight", &texts.up, blocks.up}};
  for (const auto& [key, text, length] : sides) {
    const std::vector<double> weights = side_weights(key, *text, length, texts.zero_threshold, notes);
    all.insert(all.end(), weights.begin(), weights.end());
  }
  all.insert(all.begin(), static_cast<size_t>(blocks.edges), 1.0);
  all.insert(all.end(), static_cast<size_t>(blocks.edges), 1.0);
  return all;
}

}  // namespace rankine
